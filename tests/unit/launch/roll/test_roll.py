"""A whole roll in memory: every node that differs, one at a time, and what interrupts it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bakery.agents.model import LockHolder
from bakery.config.model import RoleSettings
from bakery.errors import ChecksFailedError, DeadlineError, ExitCode, LockedError, UsageError
from bakery.launch.base.journal import load_journal
from bakery.launch.roll.model import Replaced, RollRequest
from bakery.launch.roll.need import Because
from bakery.launch.roll.roll import RollPlan
from bakery.operations.roll_cluster import roll_cluster
from tests.helpers.fake_cloud import Killed
from tests.helpers.launch_harness import IMAGE, NAMES
from tests.helpers.roll_harness import Death, RollHarness, assert_exactly_the_plan, roll_harness

NEWER = replace(IMAGE, id=78, name="bakery-newer", created_at="2026-11-20T00:00:00Z")
NEWEST = replace(IMAGE, id=79, name="bakery-newest", created_at="2026-11-25T00:00:00Z")


@pytest.fixture
def cluster(tmp_path: Path) -> RollHarness:
    return _with_images(roll_harness(tmp_path))


def _with_images(cluster: RollHarness) -> RollHarness:
    cluster.cloud.images |= {NEWER.id: NEWER, NEWEST.id: NEWEST}
    return cluster


def _roll(
    cluster: RollHarness,
    approve: Callable[[RollPlan], bool] = lambda plan: True,
    *,
    image: Any = NEWER,  # noqa: ANN401 - an image or None
    **changes: Any,  # noqa: ANN401 - fields of the request
) -> tuple[Replaced, ...]:
    one = cluster.request()
    one = replace(one, launch=replace(one.launch, image=image))
    request = replace(RollRequest(replace=one, because=frozenset(Because)), **changes)
    return roll_cluster(cluster.session, request, approve)


def _images(cluster: RollHarness) -> set[int | None]:
    return {d.image_id for d in cluster.cloud.droplets.values() if cluster.cloud.is_there(d.id)}


def test_all_nine_are_replaced_servers_first_and_leaders_last(cluster: RollHarness) -> None:
    leaders = {cluster.leader("consul"), cluster.leader("nomad")}
    done = _roll(cluster)
    old = [each.old for each in done]
    assert sorted(old) == NAMES
    assert [name.rsplit("-", 1)[0] for name in old] == (
        ["demo-consul-server"] * 3 + ["demo-nomad-server"] * 3 + ["demo-nomad-client"] * 3
    )
    assert {old[2], old[5]} == leaders
    assert _images(cluster) == {NEWER.id}
    assert len(cluster.cloud.calls) <= 9 * 15, "requests a droplet"
    assert_exactly_the_plan(cluster, "rolled")
    assert load_journal(cluster.harness.paths.journal, "demo").roll is None


def test_nothing_to_do_changes_nothing(cluster: RollHarness) -> None:
    def ask(plan: RollPlan) -> bool:
        raise AssertionError(plan)

    assert _roll(cluster, ask, image=IMAGE) == ()
    assert cluster.cloud.mutations == []


def test_one_role_and_one_reason(cluster: RollHarness) -> None:
    done = _roll(cluster, roles=("nomad-client",), because=frozenset({Because.IMAGE}))
    assert [each.slot for each in done] == NAMES[3:6]
    assert _images(cluster) == {IMAGE.id, NEWER.id}
    assert _roll(cluster, because=frozenset({Because.SIZE})) == ()


def test_a_changed_role_is_rolled_and_then_as_wanted(cluster: RollHarness) -> None:
    """The successors have the tag of their own configuration, so the same roll finds nothing more."""
    changed = RoleSettings(meta=(("rack", "a1"),))
    plan = cluster.harness.plan
    nodes = tuple(replace(node, settings=changed) if node.kind.is_nomad_client else node for node in plan.nodes)
    cluster.harness.plan = replace(plan, nodes=nodes)
    done = _roll(cluster, image=IMAGE, because=frozenset({Because.CONFIG}))
    assert [each.slot for each in done] == NAMES[3:6]
    assert _roll(cluster, image=IMAGE) == ()


def test_all_old_clients_of_the_role_are_ineligible_before_the_first_is_drained(cluster: RollHarness) -> None:
    eligible: list[list[str]] = []
    drain = cluster.live.nomad.drain

    def watched(node_id: str, *, seconds: int) -> None:
        eligible.append([node.name for node in cluster.live.nomad.clients if node.eligible])
        drain(node_id, seconds=seconds)

    cluster.live.nomad.drain = watched  # type: ignore[method-assign]
    _roll(cluster, roles=("nomad-client",))
    assert [len(names) for names in eligible] == [1, 2, 3]
    assert not set(NAMES) & {name for names in eligible for name in names}, "only successors take work"


def test_a_canary_that_never_joins_leaves_nine_nodes_untouched(cluster: RollHarness) -> None:
    cluster.live.keeps_out = lambda droplet: droplet.image_id == NEWER.id
    with pytest.raises(DeadlineError) as caught:
        _roll(cluster)
    assert caught.value.exit_code is ExitCode.DEADLINE
    assert str(caught.value.hint).startswith("0 of 9 nodes are replaced; ")
    assert set(NAMES) <= set(cluster.cloud.names())
    assert len(cluster.voters("consul")) == 3


def test_an_abort_gives_eligibility_back(cluster: RollHarness) -> None:
    late = 3  # the successor of the second client
    cluster.live.keeps_out = lambda droplet: droplet.image_id == NEWER.id and "client-2" in droplet.name
    with pytest.raises(DeadlineError) as caught:
        _roll(cluster, roles=("nomad-client",))
    assert str(caught.value.hint).startswith("1 of 3 nodes are replaced; ")
    assert [node.eligible for node in cluster.live.nomad.clients] == [True] * late
    roll = load_journal(cluster.harness.paths.journal, "demo").roll
    assert roll is not None
    assert roll.ineligible == ()


def test_a_rerun_skips_what_is_done_and_keeps_its_snapshot(cluster: RollHarness) -> None:
    cluster.live.keeps_out = lambda droplet: "consul-server-3-" in droplet.name
    with pytest.raises(DeadlineError):
        _roll(cluster)
    cluster.live.keeps_out = lambda droplet: False
    cluster.cloud.clock.sleep(60)
    done = _roll(cluster, image=NEWEST)
    assert 0 < len(done) < 9
    assert _images(cluster) == {NEWER.id}
    assert cluster.cloud.slots() == NAMES
    assert [text for text in cluster.harness.reporter.warnings if "continues with its own snapshot" in str(text)]


def test_a_snapshot_that_is_deleted_half_way_is_replaced_by_the_newest(cluster: RollHarness) -> None:
    cluster.live.keeps_out = lambda droplet: "consul-server-3-" in droplet.name
    with pytest.raises(DeadlineError):
        _roll(cluster)
    cluster.live.keeps_out = lambda droplet: False
    del cluster.cloud.images[NEWER.id]
    _roll(cluster, image=NEWEST)
    assert _images(cluster) == {NEWEST.id}


def test_a_replacement_meanwhile_takes_the_snapshot_of_the_roll(cluster: RollHarness) -> None:
    """Otherwise the roll would replace that node again."""
    cluster.live.keeps_out = lambda droplet: "nomad-server-3-" in droplet.name
    with pytest.raises(DeadlineError):
        _roll(cluster)
    cluster.live.keeps_out = lambda droplet: False
    newest = replace(cluster.request().launch, image=NEWEST)
    done = cluster.replace("demo-nomad-server-3", launch=newest)
    again = cluster.replace("demo-nomad-client-1", launch=newest)
    assert done is not None
    assert again is not None
    images = {droplet.name: droplet.image_id for droplet in cluster.cloud.droplets.values()}
    assert [images[each.new] for each in (done, again)] == [NEWER.id, NEWER.id]
    text = "the unfinished roll continues with its own snapshot, bakery-newer"
    assert [line for line in cluster.harness.reporter.warnings if str(line).startswith(text)]
    assert again.new not in [each.old for each in _roll(cluster, image=NEWEST)]


def test_without_the_snapshot_of_the_roll_a_replacement_takes_the_newest(cluster: RollHarness) -> None:
    cluster.live.keeps_out = lambda droplet: "nomad-server-3-" in droplet.name
    with pytest.raises(DeadlineError):
        _roll(cluster)
    cluster.live.keeps_out = lambda droplet: False
    del cluster.cloud.images[NEWER.id]
    done = cluster.replace("demo-nomad-client-1", launch=replace(cluster.request().launch, image=NEWEST))
    assert done is not None
    assert cluster.in_slot("nomad-client-1").image_id == NEWEST.id
    assert f"the snapshot of the unfinished roll ({NEWER.id}) is deleted" in cluster.harness.reporter.warnings


def test_a_second_server_that_dies_stops_the_roll(cluster: RollHarness) -> None:
    cluster.turn_off("demo-nomad-server-2")
    with pytest.raises(ChecksFailedError) as caught:
        _roll(cluster)
    assert caught.value.exit_code is ExitCode.CHECKS
    assert cluster.cloud.mutations == []


def test_a_second_operator_is_told_who_holds_the_lock(cluster: RollHarness) -> None:
    cluster.live.consul.sessions["theirs"] = "demo-consul-server-2"
    cluster.live.consul.locks["bakery/lock"] = LockHolder(session="theirs", holder="bakery on laptop, /home/x")
    with pytest.raises(LockedError) as caught:
        _roll(cluster)
    assert caught.value.details == "bakery on laptop, /home/x"
    assert cluster.cloud.mutations == []


def test_the_lock_is_given_back(cluster: RollHarness) -> None:
    _roll(cluster, roles=("nomad-client",))
    assert cluster.live.consul.locks == {}
    assert cluster.live.consul.sessions == {}


def test_without_a_snapshot_nothing_is_rolled(cluster: RollHarness) -> None:
    with pytest.raises(UsageError, match="no snapshot"):
        _roll(cluster, image=None)


@pytest.mark.parametrize("after", [False, True])
def test_killed_anywhere_the_same_command_ends_in_the_plan(tmp_path: Path, after: bool) -> None:  # noqa: FBT001 - of the table
    whole = _with_images(roll_harness(tmp_path / "whole"))
    with Death(whole, at=0, after=False) as death:
        _roll(whole)
    for number in range(1 + after, death.count + 1, 53):
        cluster = _with_images(roll_harness(tmp_path / f"{number}"))
        with Death(cluster, at=number, after=after), pytest.raises(Killed):
            _roll(cluster)
        cluster.cloud.revive()
        _roll(cluster)
        assert_exactly_the_plan(cluster, number)
        assert _images(cluster) == {NEWER.id}, number


def test_a_node_without_a_droplet_is_named_and_a_cluster_without_any_is_refused(cluster: RollHarness) -> None:
    gone = next(d.id for d in cluster.cloud.droplets.values() if d.name == "demo-nomad-client-3")
    cluster.cloud.delete_droplet(gone)
    cluster.cloud.revive()
    assert _roll(cluster, image=IMAGE) == ()
    assert any("demo-nomad-client-3: no droplet" in str(line) for line in cluster.harness.reporter.warnings)
    for droplet in cluster.harness.cloud.list_droplets(tag="bakery:demo"):
        cluster.cloud.delete_droplet(droplet.id)
    with pytest.raises(UsageError, match="cluster demo has no droplets"):
        _roll(cluster, image=IMAGE)
