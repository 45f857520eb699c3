"""A new server joins what has formed, and never begins it a second time."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest

from bakery.errors import DeadlineError, ExitCode, UsageError
from bakery.hints import Command, Hint
from bakery.launch.base.journal import JournalFile
from bakery.launch.base.model import AfterStep, UserDataFor
from bakery.plan.model import ClusterPlan, Node
from bakery.render.model import Join
from tests.helpers.fake_cloud import Call, Fault, Killed
from tests.helpers.launch_harness import NAMES, LaunchHarness, small_plan, user_data
from tests.helpers.live_cluster import LiveCluster


@dataclass
class Forms:
    """Which servers got ``bootstrap_expect`` from a launch, by name."""

    consul: set[str] = field(default_factory=set)
    nomad: set[str] = field(default_factory=set)

    def user_data(self, node: Node, join: Join) -> str:
        if join.forms_consul and node.kind.is_consul_server:
            self.consul.add(node.name)
        if join.forms_nomad and node.kind.is_nomad_server:
            self.nomad.add(node.name)
        return user_data(node, join)


CONSUL = {f"demo-consul-server-{index}" for index in (1, 2, 3)}
NOMAD = {f"demo-nomad-server-{index}" for index in (1, 2, 3)}
ACLS = AfterStep(title="Access control", run=lambda droplets: None, forms_cluster=True)


def _delete(harness: LaunchHarness, *slots: str) -> None:
    """In the control panel, behind bakery's back."""
    for number, droplet in list(harness.cloud.droplets.items()):
        if any(f"bakery:demo:slot:{slot}" in droplet.tags for slot in slots):
            harness.cloud.delete_droplet(number)


def test_the_first_launch_forms_both(harness: LaunchHarness) -> None:
    forms = Forms()
    harness.launch(user_data=forms.user_data)
    assert (forms.consul, forms.nomad) == (CONSUL, NOMAD)


@pytest.mark.parametrize("slots", [("consul-server-1",), ("consul-server-2", "nomad-server-1", "nomad-server-3")])
def test_a_replaced_server_only_joins(harness: LaunchHarness, slots: tuple[str, ...]) -> None:
    harness.launch()
    _delete(harness, *slots)
    forms = Forms()
    harness.launch(user_data=_after_rehearsal(forms))
    assert (forms.consul, forms.nomad) == (set(), set())


def test_more_servers_only_join(harness: LaunchHarness) -> None:
    plan = small_plan()
    one = tuple(n for n in plan.nodes if n.slot.endswith("-1"))
    harness.launch(plan=_with(plan, one))
    forms = Forms()
    harness.launch(plan=plan, user_data=_after_rehearsal(forms))
    assert (forms.consul, forms.nomad) == (set(), set())


def test_an_interrupted_first_launch_forms_the_cluster_when_it_goes_on(harness: LaunchHarness) -> None:
    harness.cloud.fault = lambda number, call: Fault.KILL_AFTER if call.subject == "demo-nomad-server-1" else None
    with pytest.raises(Killed):
        harness.launch()
    harness.cloud.revive()
    forms = Forms()
    harness.launch(user_data=_after_rehearsal(forms))
    assert forms.nomad == {"demo-nomad-server-2", "demo-nomad-server-3"}


@pytest.mark.parametrize(("after", "expected"), [((ACLS,), set()), ((), {"demo-consul-server-2"})])
def test_an_unfinished_launch_has_formed_once_the_access_control_is_done(
    harness: LaunchHarness, after: tuple[AfterStep, ...], expected: set[str]
) -> None:
    """Control: without that step a server that is created again may still begin the first election."""

    def fail(droplets: object) -> None:
        message = "stopped by the test"
        raise UsageError(message=message)

    with pytest.raises(UsageError):
        harness.launch(after=(*after, AfterStep(title="Health", run=fail)))
    _delete(harness, "consul-server-2")
    forms = Forms()
    harness.launch(user_data=_after_rehearsal(forms))
    assert {name[: len("demo-consul-server-2")] for name in forms.consul} == expected


def test_nomad_is_added_to_a_cluster_that_had_none(harness: LaunchHarness) -> None:
    plan = small_plan()
    harness.launch(plan=_with(plan, plan.consul_servers))
    forms = Forms()
    harness.launch(plan=plan, user_data=_after_rehearsal(forms))
    assert (forms.consul, forms.nomad) == (set(), NOMAD)


@pytest.mark.parametrize("product", ["consul", "nomad"])
def test_a_product_whose_last_server_is_gone_is_not_begun_anew(harness: LaunchHarness, product: str) -> None:
    harness.launch()
    _delete(harness, *(f"{product}-server-{index}" for index in (1, 2, 3)))
    before = len(harness.cloud.mutations)
    with pytest.raises(UsageError) as caught:
        harness.launch()
    named = product.capitalize()
    assert caught.value == UsageError(
        message=f"the last {named} server of cluster demo is gone, and {named}'s data with it",
        details=f"new servers would begin an empty {named}, unknown to the 6 droplets that are left",
        hint=Hint("destroy the whole cluster and launch it again: ", Command("destroy"), "; ", Command("launch")),
    )
    assert caught.value.exit_code is ExitCode.USAGE
    assert len(harness.cloud.mutations) == before


def test_where_nothing_is_left_the_cluster_begins_anew(harness: LaunchHarness) -> None:
    """Control of the refusal: there is no droplet that would be locked out."""
    harness.launch()
    _delete(harness, *(node.slot.removeprefix("demo-") for node in harness.plan.nodes))
    forms = Forms()
    harness.launch(user_data=_after_rehearsal(forms))
    assert {len(forms.consul), len(forms.nomad)} == {3}


@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER])
def test_a_droplet_whose_removal_has_begun_is_replaced_under_another_name(
    harness: LaunchHarness, fault: Fault
) -> None:
    harness.launch()
    leaver = next(d for d in harness.cloud.droplets.values() if d.name == "demo-consul-server-2")
    JournalFile(harness.paths.journal, "demo").record_leaving([leaver])
    harness.cloud.revive()
    harness.cloud.fault = lambda number, call: _at_delete(call, fault)
    with pytest.raises(Killed):
        harness.launch()
    harness.cloud.revive()
    harness.launch()
    assert "demo-consul-server-2" not in harness.cloud.names()
    assert harness.cloud.slots().count("demo-consul-server-2") == 1


def test_a_last_server_that_is_about_to_be_removed_is_not_gone(harness: LaunchHarness) -> None:
    """A destroy that was told to was interrupted before the droplet went: its data is there still."""
    harness.launch()
    _delete(harness, "nomad-server-1", "nomad-server-3")
    last = next(d for d in harness.cloud.droplets.values() if d.name == "demo-nomad-server-2")
    JournalFile(harness.paths.journal, "demo").record_leaving([last])
    harness.launch(running=LiveCluster(harness.cloud).running)
    assert harness.cloud.slots() == NAMES
    assert harness.cloud.is_there(last.id)
    assert any("demo-nomad-server-2 was begun and is given up" in line for line in harness.reporter.warnings)


def test_servers_that_never_came_up_took_no_data_with_them(harness: LaunchHarness) -> None:
    """A launch that adds Nomad replaces all of its servers and dies before it has made the new ones."""
    plan = small_plan()
    harness.launch(plan=_with(plan, plan.consul_servers))
    harness.cloud.stuck = {node.name for node in plan.nomad_servers}
    with pytest.raises(DeadlineError):
        harness.launch()
    harness.cloud.fault = lambda number, call: Fault.KILL_BEFORE if call.name == "create_droplet" else None
    with pytest.raises(Killed):
        harness.launch()
    assert not any("nomad-server" in name for name in harness.cloud.names()), "control"
    harness.cloud.revive()
    forms = Forms()
    harness.launch(user_data=_after_rehearsal(forms))
    assert harness.cloud.slots() == NAMES
    assert len(forms.nomad) == 3


def test_what_formed_is_not_begun_anew_although_servers_before_it_never_came_up(harness: LaunchHarness) -> None:
    """Control of the one above."""
    plan = small_plan()
    harness.launch(plan=_with(plan, plan.consul_servers))
    harness.cloud.stuck = {node.name for node in plan.nomad_servers}
    with pytest.raises(DeadlineError):
        harness.launch()

    def fail(droplets: object) -> None:
        message = "stopped by the test"
        raise UsageError(message=message)

    with pytest.raises(UsageError, match="stopped by the test"):
        harness.launch(after=(ACLS, AfterStep(title="Health", run=fail)))
    _delete(harness, *(f"nomad-server-{index}" for index in (1, 2, 3)))
    with pytest.raises(UsageError, match="the last Nomad server of cluster demo is gone"):
        harness.launch()


@pytest.mark.parametrize("deleted", [True, False])
def test_one_server_that_never_came_up_says_nothing_of_the_others(
    harness: LaunchHarness,
    deleted: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    harness.launch()
    _delete(harness, "nomad-server-2")
    harness.cloud.stuck = {"demo-nomad-server-2"}
    with pytest.raises(DeadlineError):
        harness.launch()
    if deleted:
        harness.cloud.fault = lambda number, call: Fault.KILL_BEFORE if call.name == "create_droplet" else None
        with pytest.raises(Killed):
            harness.launch()
        harness.cloud.revive()
    _delete(harness, "nomad-server-1", "nomad-server-3")
    with pytest.raises(UsageError, match="the last Nomad server of cluster demo is gone"):
        harness.launch()


def test_an_unfinished_launch_gives_no_name_twice(harness: LaunchHarness) -> None:
    def fail(droplets: object) -> None:
        message = "stopped by the test"
        raise UsageError(message=message)

    names = set()
    for _ in range(3):
        with pytest.raises(UsageError):
            harness.launch(after=(AfterStep(title="Health", run=fail),))
        names.add(next(name for name in harness.cloud.names() if name.startswith("demo-consul-server-2")))
        _delete(harness, "consul-server-2")
    assert len(names) == 3


def _at_delete(call: Call, fault: Fault) -> Fault | None:
    return fault if call.name == "delete_droplet" else None


def _with(plan: ClusterPlan, nodes: Iterable[Node]) -> ClusterPlan:
    return replace(plan, nodes=tuple(nodes))


def _after_rehearsal(forms: Forms) -> UserDataFor:
    """The check before a launch renders every role with addresses of no droplet; only what is created counts."""

    def user_data_of(node: Node, join: Join) -> str:
        rehearsal = any(address.startswith("10.100.15.") for address in join.consul)
        return user_data(node, join) if rehearsal else forms.user_data(node, join)

    return user_data_of
