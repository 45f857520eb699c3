"""One node is replaced: the successor first, and the old node only once the successor is fit."""

from dataclasses import replace
from pathlib import Path

import pytest

from bakery.errors import ChecksFailedError, CredentialsError, DeadlineError, ExitCode, UsageError
from bakery.launch.base.journal import load_journal
from bakery.launch.base.model import DrainPolicy
from bakery.launch.roll.replace import Checked
from bakery.plan.model import Node
from bakery.render.model import Join
from tests.helpers.launch_harness import IMAGE, NAMES
from tests.helpers.roll_harness import RollHarness, roll_harness


@pytest.fixture
def cluster(tmp_path: Path) -> RollHarness:
    return roll_harness(tmp_path)


SLOTS = ["consul-server-1", "consul-server-2", "nomad-server-1", "nomad-server-3", "nomad-client-2"]


@pytest.mark.parametrize("slot", SLOTS)
def test_the_successor_has_the_slot_and_a_name_of_its_own(cluster: RollHarness, slot: str) -> None:
    name = f"demo-{slot}"
    done = cluster.replace(name)
    new = cluster.in_slot(slot)
    assert done is not None
    assert (done.slot, done.old, done.new) == (name, name, new.name)
    assert new.name.startswith(f"{name}-")
    assert cluster.cloud.slots() == NAMES
    assert not [tag for tag in (*cluster.cloud.tags, *new.tags) if ":replaces:" in tag]
    assert cluster.cloud.ssh_keys == {}
    journal = load_journal(cluster.harness.paths.journal, "demo")
    assert (journal.replacing, journal.leaving, journal.request(f"successor {name}")) == ((), (), None)


@pytest.mark.parametrize("slot", SLOTS)
def test_nothing_is_left_of_the_old_node(cluster: RollHarness, slot: str) -> None:
    name = f"demo-{slot}"
    cluster.replace(name)
    for product in ("consul", "nomad"):
        assert name not in cluster.live.names(product)
    assert name not in [node.name for node in cluster.live.consul.catalog]
    assert name not in [node.name for node in cluster.live.nomad.clients]
    assert [call for call in cluster.live.consul.calls if call.startswith("delete_token")] == [
        f"delete_token agent of {name}", f"delete_token nomad of {name}",
    ]  # fmt: skip
    assert cluster.in_slot(slot).name in cluster.tokens, "the successor has tokens of its own"


@pytest.mark.parametrize(("product", "slot"), [("consul", "consul-server-1"), ("nomad", "nomad-server-2")])
def test_the_voters_are_never_fewer_than_before(
    cluster: RollHarness, product: str, slot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked at each change of Raft: three, four, three."""
    agent = cluster.agent(product)
    seen: list[int] = [len(cluster.voters(product))]
    forget = agent.on_call

    def watch() -> None:
        forget()
        voters = sum(peer.voter for peer in agent.raft)
        if voters != seen[-1]:
            seen.append(voters)

    monkeypatch.setattr(agent, "on_call", watch)
    cluster.replace(f"demo-{slot}")
    assert seen == [3, 4, 3]


def test_the_successor_joins_every_server_and_does_not_form_a_cluster(cluster: RollHarness) -> None:
    cluster.replace("demo-consul-server-1")
    join = cluster.harness.joins()[cluster.in_slot("consul-server-1").name]
    consul = join.removeprefix("consul=").split(" ")[0].split(",")
    old = [d for d in cluster.cloud.droplets.values() if d.name.startswith("demo-consul-server")][:3]
    assert sorted(consul) == sorted(str(droplet.private_ipv4) for droplet in old)


@pytest.mark.parametrize("product", ["consul", "nomad"])
def test_a_leader_hands_over_and_another_server_leads(cluster: RollHarness, product: str) -> None:
    leader = cluster.leader(product)
    cluster.replace(leader)
    assert cluster.leader(product) != leader
    assert len(cluster.voters(product)) == 3


def test_twice_in_a_row_and_by_slot(cluster: RollHarness) -> None:
    first = cluster.replace("demo-consul-server-2")
    second = cluster.replace("demo-consul-server-2")
    assert first is not None
    assert second is not None
    assert second.old == first.new
    assert cluster.cloud.slots() == NAMES
    assert len(cluster.voters("consul")) == 3


@pytest.mark.parametrize("product", ["consul", "nomad"])
def test_another_server_that_is_down_refuses_the_replacement(cluster: RollHarness, product: str) -> None:
    cluster.turn_off(f"demo-{product}-server-3")
    with pytest.raises(ChecksFailedError) as caught:
        cluster.replace(f"demo-{product}-server-2")
    assert caught.value.exit_code is ExitCode.CHECKS
    assert caught.value.message == (
        f"demo-{product}-server-2 cannot be replaced now: the rest of demo is not healthy"
    )
    assert f"demo-{product}-server-3: droplet is off" in str(caught.value.details)
    assert cluster.cloud.mutations == []


@pytest.mark.parametrize("slot", ["consul-server-3", "nomad-server-3", "nomad-client-1"])
def test_a_lost_node_is_neither_drained_nor_asked_to_leave(cluster: RollHarness, slot: str) -> None:
    cluster.turn_off(f"demo-{slot}")
    cluster.replace(f"demo-{slot}", lost=True)
    assert cluster.cloud.slots() == NAMES
    assert f"demo-{slot}" not in cluster.live.names("consul")
    assert not [
        c for c in cluster.live.consul.calls + cluster.live.nomad.calls if c.startswith(("leave", "drain"))
    ]
    assert (len(cluster.voters("consul")), len(cluster.voters("nomad"))) == (3, 3)


def test_a_client_is_drained_once_its_successor_takes_work(cluster: RollHarness) -> None:
    old = cluster.in_slot("nomad-client-2")
    ready: list[list[str]] = []
    drain = cluster.live.nomad.drain

    def watched(node_id: str, *, seconds: int) -> None:
        ready.append([node.name for node in cluster.live.nomad.clients if node.eligible])
        drain(node_id, seconds=seconds)
        cluster.live.nomad.end_drains()

    cluster.live.nomad.drain = watched  # type: ignore[method-assign]
    cluster.replace(old.name, drain=DrainPolicy(seconds=60))
    assert len(ready) == 1
    assert cluster.in_slot("nomad-client-2").name in ready[0]


@pytest.mark.parametrize("slot", ["consul-server-2", "nomad-client-2"])
def test_a_successor_that_never_joins_leaves_the_old_node_untouched(cluster: RollHarness, slot: str) -> None:
    name = f"demo-{slot}"
    cluster.live.keeps_out = lambda droplet: droplet.name.startswith(f"{name}-")
    with pytest.raises(DeadlineError) as caught:
        cluster.replace(name)
    (first,) = [each for each in cluster.cloud.names() if each.startswith(f"{name}-")]
    assert caught.value.exit_code is ExitCode.DEADLINE
    assert caught.value.message == f"{first} is not fit to take the place of {name}, which is untouched"
    assert str(caught.value.hint) == (
        f"to continue: bakery replace {name}; to give up: bakery destroy --node {first}"
    )
    assert name in cluster.live.names("consul")
    assert not [call for call in cluster.live.nomad.calls if call.startswith(("drain", "remove", "purge"))]
    cluster.live.keeps_out = lambda droplet: droplet.name == first
    cluster.replace(name)
    assert first not in cluster.cloud.names(), "one that never joined is replaced"
    assert cluster.cloud.slots() == NAMES


def test_a_successor_that_comes_late_is_not_created_again(cluster: RollHarness) -> None:
    name = "demo-consul-server-2"
    cluster.live.keeps_out = lambda droplet: droplet.name.startswith(f"{name}-")
    with pytest.raises(DeadlineError):
        cluster.replace(name)
    (first,) = [each for each in cluster.cloud.names() if each.startswith(f"{name}-")]
    cluster.live.keeps_out = lambda droplet: False
    done = cluster.replace(name)
    assert done is not None
    assert done.new == first


def test_one_that_never_becomes_active_is_replaced_by_the_next_run(cluster: RollHarness) -> None:
    cluster.cloud.stuck.add("demo-nomad-client-2")
    with pytest.raises(DeadlineError):
        cluster.replace("demo-nomad-client-2")
    assert cluster.cloud.slots().count("demo-nomad-client-2") == 2
    cluster.replace("demo-nomad-client-2")
    assert cluster.cloud.slots() == NAMES


def test_without_its_snapshot_nothing_is_replaced(cluster: RollHarness) -> None:
    request = cluster.request()
    with pytest.raises(UsageError):
        cluster.replace("demo-nomad-client-2", launch=replace(request.launch, image=None))
    assert cluster.cloud.mutations == []
    assert IMAGE.id == cluster.in_slot("nomad-client-2").image_id


def test_a_name_that_the_cluster_does_not_have_is_refused(cluster: RollHarness) -> None:
    with pytest.raises(UsageError) as caught:
        cluster.replace("demo-nomad-client-9")
    assert caught.value.message == "cluster demo has no node 'demo-nomad-client-9'"
    assert str(caught.value.hint).startswith("did you mean demo-nomad-client-")


def test_without_credentials_nothing_is_replaced(cluster: RollHarness) -> None:
    from bakery.operations.replace_node import replace_node

    with pytest.raises(CredentialsError):
        replace_node(cluster.harness.session(), cluster.request(), "demo-nomad-client-2", lambda checked: True)
    assert cluster.cloud.mutations == []


def test_a_no_changes_nothing(cluster: RollHarness) -> None:
    assert cluster.replace("demo-nomad-client-2", lambda checked: False) is None
    assert cluster.cloud.mutations == []


def test_without_the_credentials_of_a_registry_nothing_is_changed(cluster: RollHarness) -> None:
    """They are read with the user-data: before the droplet is requested, and before the user is asked."""

    def user_data(node: Node, join: Join) -> str:
        message = "REGISTRY_PASSWORD is empty or not set"
        raise CredentialsError(message=message)

    request = cluster.request()
    launch = replace(request.launch, user_data=user_data)
    asked: list[Checked] = []

    def approve(checked: Checked) -> bool:
        asked.append(checked)
        return True

    with pytest.raises(CredentialsError, match="REGISTRY_PASSWORD"):
        cluster.replace("demo-nomad-client-2", approve=approve, launch=launch)
    assert (asked, cluster.cloud.mutations) == ([], [])
