"""The lock in Consul is lost half-way: the work stops at the next step, and names who holds it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.agents.model import LockHolder
from bakery.cloud.model import Droplet, DropletRequest
from bakery.errors import ExitCode, LockedError
from bakery.launch.base.consul_lock import KEY
from bakery.launch.base.lock import locked
from bakery.launch.base.model import DrainPolicy
from bakery.launch.roll.model import RollRequest
from bakery.launch.roll.need import Because
from bakery.launch.roll.shrink import ShrinkRequest
from bakery.operations.roll_cluster import roll_cluster
from bakery.operations.scale_down import scale_down
from tests.helpers.launch_harness import IMAGE, plan_of, small_plan
from tests.helpers.roll_harness import RollHarness, roll_harness

NEWER = replace(IMAGE, id=78, name="bakery-newer")
BEN = LockHolder(session="theirs", holder="bakery on desk, /home/ben")


@pytest.fixture
def cluster(tmp_path: Path) -> RollHarness:
    found = roll_harness(tmp_path)
    found.live.ends_drains = True
    found.cloud.images[NEWER.id] = NEWER
    return found


def _end_session(cluster: RollHarness) -> None:
    for session in list(cluster.live.consul.sessions):
        cluster.live.consul.end_session(session)


def _steal(cluster: RollHarness) -> None:
    """As when this machine slept for a minute, and somebody else began."""
    _end_session(cluster)
    cluster.live.consul.sessions[BEN.session] = "demo-consul-server-2"
    cluster.live.consul.locks[KEY] = BEN


def _at_droplet(cluster: RollHarness, number: int, happens: Callable[[RollHarness], None]) -> None:
    """Let it happen when the successor of that number is requested."""
    create, made = cluster.cloud.create_droplet, []

    def watched(request: DropletRequest) -> Droplet:
        made.append(create(request))
        if len(made) == number:
            happens(cluster)
        return made[-1]

    cluster.cloud.create_droplet = watched  # type: ignore[method-assign]


def _roll(cluster: RollHarness, *roles: str) -> int:
    one = cluster.request()
    one = replace(one, launch=replace(one.launch, image=NEWER))
    request = RollRequest(replace=one, because=frozenset({Because.IMAGE}), roles=roles)
    return len(roll_cluster(cluster.session, request, lambda plan: True))


@pytest.mark.parametrize(
    ("happens", "details"),
    [
        (_steal, f"held by: {BEN.holder}"),
        (_end_session, "its session ended or the lock was deleted; it is free now"),
    ],
)
@pytest.mark.parametrize("role", ["consul-server", "nomad-server", "nomad-client"])
def test_a_roll_stops_before_the_next_node_is_touched(
    cluster: RollHarness, role: str, happens: Callable[[RollHarness], None], details: str
) -> None:
    _at_droplet(cluster, 2, happens)
    with pytest.raises(LockedError) as caught:
        _roll(cluster, role)
    assert caught.value.exit_code is ExitCode.LOCKED
    assert caught.value.details == details
    assert str(caught.value.hint).startswith("1 of 3 nodes are replaced; ")
    assert len(cluster.cloud.names()) == 10, "the second old node is there, beside its successor"
    assert all(node.eligible for node in cluster.live.nomad.clients)


def test_the_same_command_continues_once_the_lock_is_free(cluster: RollHarness) -> None:
    _at_droplet(cluster, 2, _end_session)
    with pytest.raises(LockedError):
        _roll(cluster, "nomad-client")
    assert _roll(cluster, "nomad-client") == 2


def test_a_lock_that_is_kept_stops_nothing(cluster: RollHarness) -> None:
    """Control."""
    _at_droplet(cluster, 2, lambda cluster: None)
    assert _roll(cluster, "nomad-client") == 3


def test_the_lock_of_somebody_else_is_not_released(cluster: RollHarness) -> None:
    _at_droplet(cluster, 1, _steal)
    with pytest.raises(LockedError):
        cluster.replace("demo-nomad-client-2")
    assert cluster.live.consul.locks == {KEY: BEN}


def test_a_scale_down_stops_before_the_next_server_leaves(cluster: RollHarness) -> None:
    request = ShrinkRequest(
        before=small_plan(),
        after=plan_of({"consul-server": 1, "nomad-server": 3, "nomad-client": 3}),
        drain=DrainPolicy(seconds=60),
    )
    leave_from = cluster.live.consul.leave_from

    def watched(address: str) -> None:
        leave_from(address)
        _steal(cluster)

    cluster.live.consul.leave_from = watched  # type: ignore[method-assign]
    with pytest.raises(LockedError):
        scale_down(cluster.session, request, lambda found: True)
    assert len(cluster.voters("consul")) == 2


def test_a_roll_while_another_command_works_on_the_cluster_is_refused(cluster: RollHarness) -> None:
    """A launch, a destroy or another roll of this machine: they hold the lock file."""
    with locked(cluster.harness.paths.lock, cluster="demo"):
        for command in (lambda: _roll(cluster), lambda: cluster.replace("demo-nomad-client-2")):
            with pytest.raises(LockedError) as caught:
                command()
            assert caught.value.exit_code is ExitCode.LOCKED
    assert cluster.cloud.mutations == []
