"""Removing nodes from a cluster that runs: the quorum, the order of the steps, and what interrupts them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bakery.agents.model import Member, NomadNode
from bakery.cloud.model import Droplet
from bakery.errors import AgentError, DeadlineError, ExitCode, UsageError
from bakery.launch.base.journal import load_journal
from bakery.launch.base.model import AfterStep, DrainPolicy
from bakery.launch.teardown.destroy_some import Removal, destroy_node, destroy_role
from tests.helpers.fake_agents import FakeAgent, make_peer
from tests.helpers.fake_cloud import Call, Fault, Killed
from tests.helpers.launch_harness import NAMES, LaunchHarness
from tests.helpers.live_cluster import FORGOTTEN, LiveCluster, calls_in_order


@dataclass
class Cluster:
    """Nine nodes that run, and the commands of their operator."""

    harness: LaunchHarness
    live: LiveCluster

    def launch(self) -> None:
        acls = AfterStep(title="Access control", run=lambda droplets: None, forms_cluster=True)
        self.harness.launch(running=self.live.running, after=(acls,))
        self.live.names("consul")
        self.harness.cloud.revive()
        self.live.consul.calls.clear()
        self.live.nomad.calls.clear()

    def destroy(self, name: str, **changes: Any) -> None:  # noqa: ANN401 - arguments of destroy_node
        self._run(destroy_node, name, **changes)

    def destroy_role(self, role: str, **changes: Any) -> None:  # noqa: ANN401 - arguments of destroy_role
        self._run(destroy_role, role, **changes)

    def _run(self, command: Callable[..., object], name: str, **changes: Any) -> None:  # noqa: ANN401
        session = self.harness.session(running=changes.pop("running", self.live.running))
        approve = changes.pop("approve", lambda removal: True)
        command(session, self.harness.removal(**changes), name, approve)

    def turn_off(self, name: str) -> None:
        for number, droplet in self.harness.cloud.droplets.items():
            if droplet.name == name:
                self.harness.cloud.droplets[number] = replace(droplet, status="off")

    def in_slot(self, slot: str) -> Droplet:
        there = [d for d in self.harness.cloud.droplets.values() if self.harness.cloud.is_there(d.id)]
        return next(d for d in there if f"bakery:demo:slot:{slot}" in d.tags)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    harness = LaunchHarness(tmp_path)
    cluster = Cluster(harness, LiveCluster(harness.cloud))
    cluster.launch()
    return cluster


SERVERS = ["consul-server-1", "consul-server-2", "nomad-server-1", "nomad-server-3"]


@pytest.mark.parametrize("slot", [*SERVERS, "nomad-client-2"])
def test_whoever_goes_is_forgotten_and_its_successor_has_another_name(cluster: Cluster, slot: str) -> None:
    name = f"demo-{slot}"
    cluster.destroy(name)
    for product in ("consul", "nomad"):
        assert name not in cluster.live.names(product)
    assert name not in [node.name for node in cluster.live.consul.catalog]
    assert [call for call in cluster.live.consul.calls if call.startswith("delete_token")] == [
        f"delete_token agent of {name}", f"delete_token nomad of {name}",
    ]  # fmt: skip
    assert name not in [node.name for node in cluster.live.nomad.clients]
    cluster.launch()
    successor = cluster.in_slot(slot).name
    assert successor.startswith(f"{name}-")
    assert cluster.harness.cloud.slots() == NAMES


@pytest.mark.parametrize("slot", SERVERS)
def test_a_server_is_out_of_raft_before_its_droplet_is_deleted(
    cluster: Cluster, slot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = cluster.in_slot(slot).private_ipv4
    agent: FakeAgent = cluster.live.consul if "consul" in slot else cluster.live.nomad
    seen: list[bool] = []
    delete = cluster.harness.cloud.delete_droplet

    def watched(droplet_id: int) -> None:
        seen.append(address in [peer.address for peer in agent.raft])
        delete(droplet_id)

    monkeypatch.setattr(cluster.harness.cloud, "delete_droplet", watched)
    cluster.destroy(f"demo-{slot}")
    assert seen == [False]
    assert agent.leader_address, "another server leads"


def test_a_nomad_leader_hands_over_before_it_is_removed(cluster: Cluster) -> None:
    leader = next(peer for peer in cluster.live.nomad.raft if peer.leader)
    cluster.destroy(leader.name)
    changes = [c.split()[0] for c in cluster.live.nomad.calls if c.startswith(("transfer", "remove", "force"))]
    assert changes[:2] == ["transfer_leadership", "remove_peer"]
    assert "force_leave" in changes


@pytest.mark.parametrize(("slot", "expected"), FORGOTTEN.items())
def test_nomad_forgets_a_server_before_consul_and_a_client_after_it(
    cluster: Cluster, slot: str, expected: list[str]
) -> None:
    """Both pools need about 7 s for a server. A client that still runs when it is purged registers again."""
    seen = calls_in_order(cluster.live)
    cluster.destroy(f"demo-{slot}")
    assert [call for call in seen if call.endswith(("force_leave", "purge"))] == expected


@pytest.mark.parametrize("product", ["consul", "nomad"])
def test_the_sequence_that_lost_the_quorum(cluster: Cluster, product: str) -> None:
    """Destroy, launch, destroy, launch ... each server once; then a second one without a launch between."""
    for index in (2, 3, 1):
        cluster.destroy(f"demo-{product}-server-{index}")
        cluster.launch()
    agent: FakeAgent = cluster.live.consul if product == "consul" else cluster.live.nomad
    assert len(agent.raft) == 3
    assert agent.leader_address
    cluster.destroy(f"demo-{product}-server-2")
    third = cluster.in_slot(f"{product}-server-3").name
    with pytest.raises(UsageError) as caught:
        cluster.destroy(f"demo-{product}-server-3")
    name = product.capitalize()
    assert caught.value.message == f"without {third}, {name} would have 1 of 2 voters, and 2 must be left"
    assert str(caught.value.hint) == (
        f"bring more servers up first: bakery launch; to destroy it all the same: --accept-quorum-loss {third}"
    )
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("product", ["consul", "nomad"])
def test_a_voter_that_the_cloud_calls_active_and_raft_finds_dead_does_not_count(
    cluster: Cluster, product: str
) -> None:
    """The old guard counted active droplets: this one let the last healthy server go."""
    agent: FakeAgent = cluster.live.consul if product == "consul" else cluster.live.nomad
    agent.lagging.add(f"demo-{product}-server-3")
    with pytest.raises(UsageError) as caught:
        cluster.destroy(f"demo-{product}-server-2")
    name = product.capitalize()
    assert caught.value.message == (
        f"without demo-{product}-server-2, {name} would have 1 healthy voters of 3, and 2 must be left"
        f" (demo-{product}-server-3 is not healthy)"
    )
    assert cluster.harness.cloud.mutations == []


@pytest.mark.parametrize("product", ["consul", "nomad"])
def test_a_non_voter_does_not_count(cluster: Cluster, product: str) -> None:
    agent: FakeAgent = cluster.live.consul if product == "consul" else cluster.live.nomad
    agent.raft = tuple(
        replace(peer, voter=peer.name.endswith("-1")) if not peer.leader else peer for peer in agent.raft
    )
    only = next(peer.name for peer in agent.raft if peer.voter)
    with pytest.raises(UsageError) as caught:
        cluster.destroy(only)
    assert caught.value.message == (f"{only} holds all of {product.capitalize()}'s data: there is no other voter")


def test_one_that_becomes_healthy_while_it_is_looked_at_again_counts(cluster: Cluster) -> None:
    """After an election autopilot knows no server for a moment."""
    cluster.live.consul.lagging.add("demo-consul-server-3")
    clock = cluster.harness.cloud.clock
    start = clock.now()
    clock.on_sleep = lambda: cluster.live.consul.lagging.clear() if clock.now() > start + 4 else None
    cluster.destroy("demo-consul-server-2")
    assert "demo-consul-server-2" not in cluster.harness.cloud.names()


@pytest.mark.parametrize("product", ["consul", "nomad"])
def test_without_a_leader_no_server_goes_unless_its_name_is_given(cluster: Cluster, product: str) -> None:
    for index in (2, 3):
        cluster.turn_off(f"demo-{product}-server-{index}")
    name = f"demo-{product}-server-2"
    with pytest.raises(UsageError) as caught:
        cluster.destroy(name)
    assert caught.value.message == (
        f"whether {product.capitalize()} would keep its quorum without {name} cannot be asked:"
        " no server of it sees a leader"
    )
    assert str(caught.value.hint) == f"bakery status; to destroy it all the same: --accept-quorum-loss {name}"
    with pytest.raises(UsageError):
        cluster.destroy(name, accept_quorum_loss=frozenset({f"demo-{product}-server-1"}))
    cluster.destroy(name, accept_quorum_loss=frozenset({name}))
    assert name not in cluster.harness.cloud.names()


def test_without_credentials_no_server_goes_but_a_client_does(cluster: Cluster) -> None:
    with pytest.raises(UsageError) as caught:
        cluster.destroy("demo-nomad-server-2", running=None)
    assert caught.value.message == (
        "whether Nomad would keep its quorum without demo-nomad-server-2 cannot be asked:"
        " the cluster's credentials are not here"
    )
    cluster.destroy("demo-nomad-client-2", running=None)
    assert "demo-nomad-client-2" not in cluster.harness.cloud.names()


def test_a_dead_server_may_go_where_the_others_are_enough(cluster: Cluster) -> None:
    cluster.turn_off("demo-consul-server-3")
    cluster.destroy("demo-consul-server-3")
    assert "demo-consul-server-3" not in cluster.live.names("consul")
    assert [peer.name for peer in cluster.live.consul.raft] == ["demo-consul-server-1", "demo-consul-server-2"]


def test_a_dry_run_of_what_would_be_refused_is_refused(cluster: Cluster) -> None:
    with pytest.raises(UsageError, match="hold all of Consul's data"):
        cluster.destroy_role("consul-server", approve=lambda removal: False)


def test_a_failing_api_is_no_quorum(cluster: Cluster) -> None:
    cluster.live.nomad.failures["autopilot"] = AgentError(
        message="Nomad refused GET /v1/operator (403)", status=403
    )
    with pytest.raises(UsageError, match="cannot be asked") as caught:
        cluster.destroy("demo-nomad-server-2")
    assert caught.value.details == "Nomad refused GET /v1/operator (403)"


def test_all_clients_have_nowhere_to_go_and_that_is_said_before_the_question(cluster: Cluster) -> None:
    heard: list[Removal] = []

    def approve(removal: Removal) -> bool:
        heard.append(removal)
        return True

    before = cluster.harness.cloud.clock.now()
    cluster.destroy_role("nomad-client", approve=approve)
    names = "demo-nomad-client-1, demo-nomad-client-2, demo-nomad-client-3"
    assert [r.notes for r in heard] == [
        (f"no other Nomad client can take the work of {names}: it ends with them",)
    ]
    assert not [call for call in cluster.live.nomad.calls if call.startswith("drain")]
    assert cluster.harness.cloud.clock.now() - before < 30


def test_a_client_among_others_is_drained_first(cluster: Cluster) -> None:
    heard: list[Removal] = []

    def approve(removal: Removal) -> bool:
        heard.append(removal)
        return True

    cluster.destroy("demo-nomad-client-2", approve=approve)
    assert [removal.notes for removal in heard] == [
        ("the work of demo-nomad-client-2 moves to other clients first (at most 600 s)",)
    ]
    calls = [call.split()[0] for call in cluster.live.nomad.calls]
    assert calls.index("drain") < calls.index("purge")
    assert load_journal(cluster.harness.paths.journal, "demo").drained == ()


def test_a_client_whose_machine_still_stops_does_not_register_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine may run for a moment after the API has stopped listing its droplet. A client that lives and is
    purged registers again (hashicorp/nomad client/client.go, registerAndHeartbeat)."""
    nomad, clock, name = cluster.live.nomad, cluster.harness.cloud.clock, "demo-nomad-client-2"
    purge, sleep, lives_until = nomad.purge, clock.sleep, clock.now() + 3

    def registers_again(node_id: str) -> None:
        before = nomad.clients
        purge(node_id)
        if clock.now() < lives_until:
            nomad.clients = before

    def sleeps(seconds: float) -> None:
        sleep(seconds)
        cluster.live.notices = clock.now() >= lives_until

    monkeypatch.setattr(nomad, "purge", registers_again)
    monkeypatch.setattr(clock, "sleep", sleeps)
    cluster.live.notices = False
    cluster.destroy(name)
    assert name not in [node.name for node in nomad.clients]


def test_a_drain_that_does_not_end_removes_nothing(cluster: Cluster) -> None:
    """A client that is deleted takes what has not moved with it. ``--no-drain`` removes it all the same."""
    cluster.live.ends_drains = False
    with pytest.raises(DeadlineError) as caught:
        cluster.destroy("demo-nomad-client-1")
    assert caught.value.exit_code is ExitCode.DEADLINE
    assert caught.value.message == (
        "the work of demo-nomad-client-1 has not moved by the drain deadline of 600 s; no client was removed"
    )
    assert caught.value.details == "the drain of demo-nomad-client-1 is not complete (draining)"
    assert str(caught.value.hint) == (
        "make room for it, or give a longer --drain-deadline, and run the same command again;"
        " to remove it without moving its work: --no-drain"
    )
    assert "demo-nomad-client-1" in cluster.harness.cloud.names()
    assert _client(cluster, "demo-nomad-client-1").eligible
    heard: list[Removal] = []

    def approve(removal: Removal) -> bool:
        heard.append(removal)
        return True

    cluster.destroy("demo-nomad-client-1", drain=DrainPolicy(drains=False), approve=approve)
    assert [removal.notes for removal in heard] == [("--no-drain: the work of demo-nomad-client-1 is cut off",)]
    assert "demo-nomad-client-1" not in cluster.harness.cloud.names()


def test_a_nomad_that_refuses_the_drain_removes_nothing(cluster: Cluster) -> None:
    cluster.live.nomad.failures["drain"] = AgentError(
        message="Nomad refused POST /v1/node (500)", details="no", status=500
    )
    with pytest.raises(AgentError, match="Nomad refused POST") as caught:
        cluster.destroy("demo-nomad-client-1")
    assert str(caught.value.hint) == (
        "run the same command again; to remove it without moving its work: --no-drain"
    )
    assert "demo-nomad-client-1" in cluster.harness.cloud.names()
    assert load_journal(cluster.harness.paths.journal, "demo").drained == ()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Killed])
def test_a_drain_that_is_interrupted_is_undone(cluster: Cluster, stop: type[BaseException]) -> None:
    """By the process itself, or, where it was killed, by the next launch."""
    cluster.live.ends_drains = False
    cluster.harness.cloud.clock.on_sleep = lambda: _raise(stop)
    if stop is Killed:
        cluster.live.nomad.failures["set_eligible"] = AgentError(message="dead processes ask nothing")
    with pytest.raises(stop):
        cluster.destroy("demo-nomad-client-2")
    if stop is Killed:
        assert not _client(cluster, "demo-nomad-client-2").eligible
        cluster.live.nomad.failures.clear()
        cluster.harness.cloud.clock.on_sleep = lambda: None
        cluster.launch()
    assert _client(cluster, "demo-nomad-client-2").eligible
    assert not _client(cluster, "demo-nomad-client-2").draining
    assert load_journal(cluster.harness.paths.journal, "demo").drained == ()


def _cordon(cluster: Cluster, name: str) -> None:
    """``nomad node eligibility -disable``."""
    cluster.live.nomad.clients = tuple(
        replace(node, eligible=node.eligible and node.name != name) for node in cluster.live.nomad.clients
    )


def test_a_client_that_its_user_made_ineligible_stays_so(cluster: Cluster) -> None:
    """Only what bakery has drained is given back; so also when a drain of such a client is interrupted."""
    cluster.live.ends_drains = False
    _cordon(cluster, "demo-nomad-client-2")
    cluster.launch()
    assert not _client(cluster, "demo-nomad-client-2").eligible
    cluster.harness.cloud.clock.on_sleep = lambda: _raise(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        cluster.destroy("demo-nomad-client-2")
    assert not _client(cluster, "demo-nomad-client-2").eligible
    assert not _client(cluster, "demo-nomad-client-2").draining, "its deadline would kill its work"
    assert load_journal(cluster.harness.paths.journal, "demo").drained == ()


@pytest.mark.parametrize("next_command", ["destroy", "launch"])
def test_a_drain_that_was_killed_is_undone_by_whatever_comes_next(cluster: Cluster, next_command: str) -> None:
    """The destroy of another client forgot the first, which then took no work for ever."""
    cluster.live.ends_drains = False
    cluster.harness.cloud.clock.on_sleep = lambda: _raise(Killed)
    cluster.live.nomad.failures["set_eligible"] = AgentError(message="dead processes ask nothing")
    with pytest.raises(Killed):
        cluster.destroy("demo-nomad-client-1")
    cluster.live.nomad.failures.clear()
    cluster.harness.cloud.clock.on_sleep = lambda: None
    cluster.live.ends_drains = True
    if next_command == "destroy":
        cluster.destroy("demo-nomad-client-2")
    cluster.launch()
    assert _client(cluster, "demo-nomad-client-1").eligible
    assert load_journal(cluster.harness.paths.journal, "demo").drained == ()


def test_a_name_that_insists_on_a_server_that_does_not_go_is_refused(cluster: Cluster) -> None:
    with pytest.raises(UsageError) as caught:
        cluster.destroy("demo-nomad-client-1", accept_quorum_loss=frozenset({"demo-consul-server-9"}))
    assert caught.value.message == "--accept-quorum-loss demo-consul-server-9: that droplet is not to be destroyed"
    assert cluster.harness.cloud.mutations == []


def test_what_is_insisted_on_is_said_before_the_question(cluster: Cluster) -> None:
    for index in (2, 3):
        cluster.turn_off(f"demo-consul-server-{index}")
    heard: list[Removal] = []

    def decline(removal: Removal) -> bool:
        heard.append(removal)
        return False

    name = "demo-consul-server-1"
    cluster.destroy(name, accept_quorum_loss=frozenset({name}), approve=decline)
    assert [removal.notes for removal in heard] == [
        (
            f"whether Consul would keep its quorum without {name} cannot be asked: no server of it sees a leader;"
            " it is destroyed anyway, and Consul's data may be lost",
        )
    ]


def test_a_peer_of_a_server_that_bakery_did_not_make_is_left_alone(cluster: Cluster) -> None:
    """It was joined by hand, and is down for a moment."""
    member = Member(name="by-hand", address="10.100.9.9", status="failed")
    cluster.live.consul.pool += (member,)
    cluster.live.consul.raft += (make_peer(member),)
    cluster.launch()
    assert "by-hand" in [peer.name for peer in cluster.live.consul.raft]


@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER])
@pytest.mark.parametrize("slot", ["consul-server-2", "nomad-server-2", "nomad-client-2"])
@pytest.mark.parametrize("again", ["destroy", "launch"])
def test_a_removal_that_was_killed_goes_on(cluster: Cluster, slot: str, fault: Fault, again: str) -> None:
    cluster.harness.cloud.fault = lambda number, call: _at_delete(call, fault)
    with pytest.raises(Killed):
        cluster.destroy(f"demo-{slot}", drain=DrainPolicy(drains=False))
    cluster.harness.cloud.revive()
    if again == "destroy" and f"demo-{slot}" in cluster.harness.cloud.names():
        cluster.destroy(f"demo-{slot}", drain=DrainPolicy(drains=False))
    cluster.launch()
    assert cluster.harness.cloud.slots() == NAMES
    for product in ("consul", "nomad"):
        pool = (cluster.live.consul if product == "consul" else cluster.live.nomad).pool
        assert [member for member in pool if member.status != "alive"] == []
    names = {member.name for member in cluster.live.consul.pool}
    assert names == set(cluster.harness.cloud.names())


def test_what_was_deleted_in_the_control_panel_is_forgotten_by_the_next_launch(cluster: Cluster) -> None:
    for slot in ("consul-server-3", "nomad-server-3", "nomad-client-3"):
        cluster.harness.cloud.delete_droplet(cluster.in_slot(slot).id)
    cluster.launch()
    assert {m.name for m in cluster.live.consul.pool} == set(cluster.harness.cloud.names())
    assert {m.status for m in (*cluster.live.consul.pool, *cluster.live.nomad.pool)} == {"alive"}


def test_what_the_pools_find_out_during_the_launch_is_forgotten_at_its_end(cluster: Cluster) -> None:
    """Just after a delete the dead still count as alive."""

    def health(droplets: object) -> None:
        cluster.live.notices = True

    cluster.live.notices = False
    cluster.harness.cloud.delete_droplet(cluster.in_slot("consul-server-3").id)
    acls = AfterStep(title="Access control", run=lambda droplets: None, forms_cluster=True)
    after = (acls, AfterStep(title="Health", run=health))
    cluster.harness.launch(running=cluster.live.running, after=after)
    assert "demo-consul-server-3" not in cluster.live.names("consul")


def _client(cluster: Cluster, name: str) -> NomadNode:
    return next(node for node in cluster.live.nomad.clients if node.name == name)


def _at_delete(call: Call, fault: Fault) -> Fault | None:
    return fault if call.name == "delete_droplet" else None


def _raise(error: type[BaseException]) -> None:
    raise error
