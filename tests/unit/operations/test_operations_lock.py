"""Two operators: what adds or removes nodes holds the lock in Consul, and what finds it held changes nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakery.agents.model import LockHolder
from bakery.cloud.model import Droplet, DropletRequest
from bakery.errors import AgentError, ExitCode, LockedError
from bakery.launch.base.consul_lock import KEY
from bakery.launch.base.model import DEFAULT_DRAIN, AfterStep, DestroyRequest
from bakery.launch.converge.network import ensure_network
from bakery.launch.roll.model import RollRequest
from bakery.launch.roll.need import Because
from bakery.launch.roll.shrink import ShrinkRequest
from bakery.launch.teardown.destroy_some import destroy_node, destroy_role
from bakery.operations.destroy_cluster import destroy_if_free
from bakery.operations.roll_cluster import roll_cluster
from bakery.operations.scale_down import scale_down
from tests.helpers.fake_agents import FakeConsul
from tests.helpers.launch_harness import NAMES, LaunchHarness, small_plan
from tests.helpers.live_cluster import LiveCluster
from tests.helpers.roll_harness import RollHarness, roll_harness

CONSUL_LOCK = "bakery.launch.base.consul_lock"
BEN = LockHolder(session="theirs", holder="bakery on desk, /home/ben")
HINT = "wait for it, then run the same command again; to stop it before its next step: "
Command = Callable[[RollHarness, Callable[[], None]], object]
"""Runs a command; the second argument is called when the user is asked."""


@pytest.fixture
def cluster(tmp_path: Path) -> RollHarness:
    return roll_harness(tmp_path)


def _begin(cluster: RollHarness) -> None:
    cluster.live.consul.sessions[BEN.session] = "demo-consul-server-2"
    cluster.live.consul.locks[KEY] = BEN


def _yes(ask: Callable[[], None]) -> Callable[[object], bool]:
    def approve(_: object) -> bool:
        ask()
        return True

    return approve


def _grow(cluster: RollHarness, ask: Callable[[], None] = lambda: None) -> None:
    harness = cluster.harness
    harness.launch(_yes(ask), running=cluster.live.running, plan=small_plan(clients=4))


def _destroy(cluster: RollHarness, ask: Callable[[], None] = lambda: None) -> None:
    destroy_node(cluster.session, cluster.harness.removal(), "demo-nomad-server-2", _yes(ask))


def _destroy_role(cluster: RollHarness, ask: Callable[[], None] = lambda: None) -> None:
    destroy_role(cluster.session, cluster.harness.removal(), "nomad-client", _yes(ask))


def _destroy_all(cluster: RollHarness, ask: Callable[[], None] = lambda: None) -> None:
    destroy_if_free(cluster.session, DestroyRequest(plan=cluster.harness.plan), _yes(ask))


SOME: dict[str, Command] = {"launch": _grow, "destroy --node": _destroy, "destroy --role": _destroy_role}
EVERY: dict[str, Command] = {**SOME, "destroy": _destroy_all}


def _watch(cluster: RollHarness) -> list[str]:
    """Return a list to which the holder of the lock is added at each create and delete of a droplet."""
    seen: list[str] = []
    create, delete = cluster.cloud.create_droplet, cluster.cloud.delete_droplet

    def note() -> None:
        seen.extend(lock.holder for lock in cluster.live.consul.locks.values() or (BEN,))

    def watched_create(request: DropletRequest) -> Droplet:
        note()
        return create(request)

    def watched_delete(droplet_id: int) -> None:
        note()
        delete(droplet_id)

    cluster.cloud.create_droplet = watched_create  # type: ignore[method-assign]
    cluster.cloud.delete_droplet = watched_delete  # type: ignore[method-assign]
    return seen


@pytest.mark.parametrize("command", SOME.values(), ids=SOME.keys())
def test_the_lock_is_held_while_nodes_come_and_leave(cluster: RollHarness, command: Command) -> None:
    seen = _watch(cluster)
    command(cluster, lambda: None)
    assert seen
    assert all(str(cluster.harness.paths.folder) in holder for holder in seen)
    assert (cluster.live.consul.locks, cluster.live.consul.sessions) == ({}, {}), "it is given back"


def _roll(cluster: RollHarness, ask: Callable[[], None]) -> None:
    one = cluster.request()
    request = RollRequest(replace=one, because=frozenset({Because.AGE}), oldest_days=0)
    roll_cluster(cluster.session, request, _yes(ask))


def _replace(cluster: RollHarness, ask: Callable[[], None]) -> None:
    cluster.replace("demo-nomad-client-2", _yes(ask))


def _scale_down(cluster: RollHarness, ask: Callable[[], None]) -> None:
    request = ShrinkRequest(before=small_plan(), after=small_plan(clients=2), drain=DEFAULT_DRAIN)
    scale_down(cluster.session, request, _yes(ask))


@pytest.mark.parametrize("command", [_destroy_all, _roll, _replace, _scale_down])
def test_another_operator_who_began_before_is_named_before_the_question(
    cluster: RollHarness, command: Command
) -> None:
    """A launch, and a destroy of some nodes: tests/integration/test_cli_change.py."""

    def ask() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # control
        command(cluster, ask)
    _begin(cluster)
    with pytest.raises(LockedError) as caught:
        command(cluster, ask)
    assert caught.value.details == BEN.holder
    assert cluster.cloud.mutations == []


@pytest.mark.parametrize("command", EVERY.values(), ids=EVERY.keys())
def test_another_operator_who_began_during_the_question_keeps_the_cluster(
    cluster: RollHarness, command: Command
) -> None:
    with pytest.raises(LockedError) as caught:
        command(cluster, lambda: _begin(cluster))
    assert caught.value.exit_code is ExitCode.LOCKED
    assert caught.value.details == BEN.holder
    assert str(caught.value.hint) == f"{HINT}bakery consul kv delete bakery/lock"
    assert cluster.cloud.mutations == []
    assert cluster.live.consul.locks == {KEY: BEN}


@pytest.mark.parametrize("command", EVERY.values(), ids=EVERY.keys())
def test_without_a_leader_there_is_no_lock_and_the_command_runs(cluster: RollHarness, command: Command) -> None:
    """Control: a launch and a destroy are how a cluster in trouble is mended and removed."""
    for name in ("demo-consul-server-1", "demo-consul-server-2"):
        cluster.turn_off(name)
    cluster.live.names("consul")
    assert cluster.live.consul.leader_address == ""
    seen = _watch(cluster)
    command(cluster, lambda: None)
    assert set(seen) == {BEN.holder}, "nobody held it"


@pytest.mark.parametrize("command", EVERY.values(), ids=EVERY.keys())
def test_before_the_acls_are_bootstrapped_there_is_no_lock(cluster: RollHarness, command: Command) -> None:
    """A first launch that was killed: Consul has a leader, and refuses our token."""
    refused = AgentError(message="Consul refused", details="ACL not found", status=403)
    cluster.live.consul.failures = {"lock_holder": refused, "create_session": refused}
    command(cluster, lambda: None)
    assert cluster.cloud.mutations


def test_a_first_launch_asks_no_consul(tmp_path: Path) -> None:
    harness = LaunchHarness(tmp_path)
    consul = FakeConsul(leader_address="")
    harness.launch(running=LiveCluster(harness.cloud, consul=consul).running)
    assert harness.cloud.slots() == NAMES
    assert not [call for call in consul.calls if call.startswith(("create_session", "lock_holder"))]


def test_a_launch_without_changes_takes_no_lock(cluster: RollHarness) -> None:
    cluster.launch()
    assert not [call for call in cluster.live.consul.calls if call.startswith("acquire_lock")]


@pytest.mark.parametrize(("boot", "locked"), [("1f2e3d4c-0000", True), (None, False)])
def test_a_lock_of_another_machine_with_the_same_names_is_not_taken_over(
    cluster: RollHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, boot: str | None, *, locked: bool
) -> None:
    """Two machines called debian, each with the cluster file in the same folder. None: the machine's own lock."""
    (tmp_path / "boot_id").write_text("aaaabbbb-0000\n", encoding="ascii")
    monkeypatch.setattr(f"{CONSUL_LOCK}.BOOT_ID", tmp_path / "boot_id")
    own = _watch(cluster)
    _grow(cluster)
    assert f" (boot aaaabbbb), {cluster.harness.paths.folder}" in own[0]
    theirs = own[0] if boot is None else own[0].replace("aaaabbbb", boot[:8])
    cluster.live.consul.sessions["theirs"] = "demo-consul-server-2"
    cluster.live.consul.locks[KEY] = LockHolder(session="theirs", holder=theirs)
    if not locked:
        _destroy(cluster)
        return
    with pytest.raises(LockedError) as caught:
        _destroy(cluster)
    assert caught.value.details == theirs


def _at_the_network(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    def watched(*args: Any, **kwargs: Any) -> str:  # noqa: ANN401 - passed on
        happens()
        return ensure_network(*args, **kwargs)

    monkeypatch.setattr("bakery.launch.converge.network.ensure_network", watched)


def test_a_launch_that_has_lost_the_lock_creates_no_droplet(
    cluster: RollHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine slept between the firewalls and the droplets, and somebody else began."""

    def sleep() -> None:
        for session in list(cluster.live.consul.sessions):
            cluster.live.consul.end_session(session)
        _begin(cluster)

    _at_the_network(monkeypatch, sleep)
    with pytest.raises(LockedError) as caught:
        _grow(cluster)
    assert caught.value.details == f"held by: {BEN.holder}"
    assert cluster.cloud.slots() == NAMES


def test_a_launch_during_which_consul_loses_its_leader_goes_on(
    cluster: RollHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose() -> None:
        assert cluster.live.consul.locks  # control: it was held
        cluster.live.consul.leader_address = ""

    _at_the_network(monkeypatch, lose)
    _grow(cluster)
    assert len(cluster.cloud.slots()) == len(NAMES) + 1


def test_the_lock_does_not_end_with_a_dead_node_that_a_launch_removes(cluster: RollHarness) -> None:
    """A user deleted the droplet of the first node by hand; its slot gets a new one, its entry is removed."""
    gone = next(d for d in cluster.cloud.droplets.values() if d.name == "demo-consul-server-1")
    cluster.cloud.delete_droplet(gone.id)
    cluster.cloud.clock.sleep(120)
    held: list[bool] = []
    look = AfterStep(title="Look", run=lambda droplets: held.append(bool(cluster.live.consul.locks)))
    cluster.harness.launch(after=(look, look), running=cluster.live.running)
    assert f"deregister_node {gone.name}" in cluster.live.consul.calls  # control
    assert held == [True, True]
