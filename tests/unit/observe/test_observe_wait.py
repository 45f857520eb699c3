"""Waiting for health: what the reporter hears, and what the error says at the deadline."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bakery.cloud.model import Droplet
from bakery.errors import AgentError, ExitCode, NotHealthyError, UnreachableError, UntrustedError
from bakery.observe.health import wait_until_healthy
from tests.helpers.fake_agents import FakeClock, FakeCluster, healthy_cluster
from tests.helpers.reporter import RecordingReporter


@pytest.mark.parametrize("also", [False, True])
def test_a_client_that_its_user_made_ineligible_is_told_and_not_waited_for(also: bool) -> None:  # noqa: FBT001
    """Control: a client that is down as well is waited for."""
    cluster = healthy_cluster()
    first, second = cluster.nomad.clients
    cluster.nomad.clients = (replace(first, eligible=False), replace(second, status="down" if also else "ready"))
    listener, clock = RecordingReporter(), FakeClock()

    def wait() -> None:
        droplets = lambda: cluster.droplets  # noqa: E731
        wait_until_healthy(cluster.plan, droplets, cluster.clients, seconds=60, reporter=listener, clock=clock)

    if also:
        with pytest.raises(NotHealthyError):
            wait()
        return
    wait()
    assert clock.time < 5
    assert listener.warnings == [
        "demo-nomad-client-1: not eligible for work (to let it take work: nomad node eligibility -enable"
        " id-demo-nomad-client-1)"
    ]


def test_the_reporter_hears_each_state_once_as_a_node_advances() -> None:
    cluster = healthy_cluster()
    whole_pool, catalog = cluster.consul.pool, cluster.consul.catalog
    droplets = list(cluster.droplets)
    cluster.droplets = [*droplets[:5], replace(droplets[5], status="new")]
    cluster.consul.pool, cluster.consul.catalog = whole_pool[:5], catalog[:5]

    def on_sleep(now: float) -> None:
        if now >= 2:
            cluster.droplets = droplets
        if now >= 4:
            cluster.consul.pool = whole_pool
        if now >= 8:
            cluster.consul.catalog = catalog

    listener = RecordingReporter()
    report = wait_until_healthy(
        cluster.plan,
        lambda: cluster.droplets,
        cluster.clients,
        seconds=60,
        reporter=listener,
        clock=FakeClock(on_sleep),
    )
    assert report.healthy
    assert [state for name, state in listener.nodes if name == "demo-nomad-client-2"] == [
        "active",
        "joined",
        "healthy",
    ]
    assert [state for name, state in listener.nodes if name == "demo-nomad-client-1"] == ["healthy"]


def test_at_the_deadline_every_unmet_condition_is_listed_with_its_culprit() -> None:
    cluster = healthy_cluster()
    cluster.consul.pool = cluster.consul.pool[:5]
    cluster.nomad.clients = cluster.nomad.clients[:1]
    clock = FakeClock()
    with pytest.raises(NotHealthyError) as caught:
        wait_until_healthy(cluster.plan, lambda: cluster.droplets, cluster.clients, seconds=60, clock=clock)
    error = caught.value
    assert error.exit_code is ExitCode.DEADLINE
    assert error.message == "demo is not healthy: waited 60 s for demo to be healthy"
    assert error.details == (
        "consul-members: demo-nomad-client-2: not a member\n"
        "nomad-clients: demo-nomad-client-2: not registered in Nomad"
    )
    assert error.hint is not None
    assert "bakery status" in str(error.hint)
    assert clock.time == 60


def test_a_cloud_that_is_gone_ends_the_wait() -> None:
    """Addresses mean nothing without the API that gave them: no agent is asked then."""
    cluster = healthy_cluster()

    def gone() -> Sequence[Droplet]:
        message = "the API is gone"
        raise UnreachableError(message=message)

    with pytest.raises(UnreachableError):
        wait_until_healthy(cluster.plan, gone, cluster.clients, seconds=60, clock=FakeClock())
    assert cluster.consul.calls == []


def test_it_only_reads() -> None:
    cluster: FakeCluster = healthy_cluster()
    wait_until_healthy(cluster.plan, lambda: cluster.droplets, cluster.clients, seconds=60, clock=FakeClock())
    reads = {
        "leader", "members", "raft_peers", "autopilot", "gossip_keys", "has_management_token", "denies_anonymous",
    }  # fmt: skip
    assert set(cluster.consul.calls) == reads | {"catalog_nodes", "passing_nodes", "jwt_keys nomad-workloads"}
    assert set(cluster.nomad.calls) == reads | {"nodes", "signing_keys"}


def wait(cluster: FakeCluster, clock: FakeClock, seconds: float = 300) -> float:
    """Wait for health; when it came."""
    wait_until_healthy(cluster.plan, lambda: cluster.droplets, cluster.clients, seconds=seconds, clock=clock)
    return clock.time


def looks(cluster: FakeCluster) -> int:
    return cluster.consul.calls.count("members")


def test_a_healthy_cluster_is_looked_at_three_times() -> None:
    cluster = healthy_cluster()
    assert wait(cluster, FakeClock()) == 2.0
    assert looks(cluster) == 3


def test_a_healthy_cluster_whose_droplets_are_all_new_is_looked_at_once() -> None:
    cluster, clock = healthy_cluster(), FakeClock()
    droplets = lambda: cluster.droplets  # noqa: E731
    wait_until_healthy(cluster.plan, droplets, cluster.clients, seconds=60, confirms=False, clock=clock)
    assert (clock.time, looks(cluster)) == (0.0, 1)


def test_while_clients_are_missing_nomad_is_asked_for_them_and_for_nothing_else() -> None:
    """Polls see the client 0.25 s after it came; observations, which send twenty requests, are 2 s apart."""
    cluster = healthy_cluster()
    whole = cluster.nomad.clients
    cluster.nomad.clients = whole[:1]

    def on_sleep(now: float) -> None:
        if now >= 4.6:
            cluster.nomad.clients = whole

    droplets = lambda: cluster.droplets  # noqa: E731
    clock = FakeClock(on_sleep)
    wait_until_healthy(cluster.plan, droplets, cluster.clients, seconds=60, confirms=False, clock=clock)
    assert 4.6 <= clock.time <= 4.9
    assert looks(cluster) == 4
    assert cluster.nomad.calls.count("nodes") > 15


def test_while_autopilot_says_unhealthy_its_leader_is_asked_for_that_and_for_nothing_else() -> None:
    """At the election a server that has not stored the leader's first entry is unhealthy, until the next check."""
    cluster = healthy_cluster()
    cluster.nomad.lagging = {"demo-nomad-server-1"}

    def on_sleep(now: float) -> None:
        if now >= 4.6:
            cluster.nomad.lagging = set()

    droplets = lambda: cluster.droplets  # noqa: E731
    clock = FakeClock(on_sleep)
    wait_until_healthy(cluster.plan, droplets, cluster.clients, seconds=60, confirms=False, clock=clock)
    assert 4.6 <= clock.time <= 4.9
    assert looks(cluster) == 4
    assert cluster.nomad.calls.count("autopilot") > 15
    assert cluster.consul.calls.count("autopilot") == looks(cluster)


def test_other_conditions_are_observed_every_second() -> None:
    cluster = healthy_cluster()
    whole = cluster.consul.pool
    cluster.consul.pool = whole[:5]

    def on_sleep(now: float) -> None:
        if now >= 4.6:
            cluster.consul.pool = whole

    droplets = lambda: cluster.droplets  # noqa: E731
    clock = FakeClock(on_sleep)
    wait_until_healthy(cluster.plan, droplets, cluster.clients, seconds=60, confirms=False, clock=clock)
    assert 4.6 <= clock.time <= 5.6
    assert looks(cluster) == 6


def test_a_nomad_that_lists_no_clients_is_observed_every_second() -> None:
    cluster = healthy_cluster()
    cluster.nomad.failures["nodes"] = AgentError(message="Nomad refused", status=500)
    with pytest.raises(NotHealthyError):
        wait(cluster, FakeClock(), seconds=10)
    assert looks(cluster) == cluster.nomad.calls.count("nodes") == 10


def test_while_nomad_does_not_answer_the_cluster_is_observed_every_two_seconds() -> None:
    cluster = healthy_cluster()
    cluster.nomad.clients = cluster.nomad.clients[:1]
    refused = AgentError(message="Nomad refused", status=500)

    def on_sleep(now: float) -> None:
        # Between two observations, which are at even seconds or at the next poll.
        cluster.nomad.failures = {"nodes": refused} if now % 2 > 0.1 else {}

    with pytest.raises(NotHealthyError):
        wait(cluster, FakeClock(on_sleep), seconds=10)
    assert looks(cluster) == 5


def test_gossip_keys_are_asked_for_every_ten_seconds_only() -> None:
    """Every member must answer; the other looks take the last answer."""
    cluster = healthy_cluster()
    cluster.nomad.lagging = {"demo-nomad-server-1"}
    with pytest.raises(NotHealthyError):
        wait(cluster, FakeClock(), seconds=29)
    assert looks(cluster) > 10
    assert cluster.consul.calls.count("gossip_keys") == cluster.nomad.calls.count("gossip_keys") == 3


def test_keys_that_could_not_be_asked_for_are_asked_for_again_at_once() -> None:
    cluster = healthy_cluster()
    cluster.nomad.failures["gossip_keys"] = AgentError(message="Nomad refused", status=500)

    def on_sleep(now: float) -> None:
        if now > 3:
            cluster.nomad.failures.clear()

    assert wait(cluster, FakeClock(on_sleep)) < 10


@pytest.mark.parametrize("relapse", [1.0, 2.0])
def test_a_look_in_vain_begins_the_count_anew(relapse: float) -> None:
    """A destroyed server counted as alive for a moment: one good look is not enough."""
    cluster = healthy_cluster()
    pool = cluster.consul.pool

    def on_sleep(now: float) -> None:
        cluster.consul.pool = pool[:5] if now == relapse else pool

    assert wait(cluster, FakeClock(on_sleep)) > relapse + 2.0
    # The first `relapse` looks were good, one was not, three were.
    assert looks(cluster) == int(relapse) + 1 + 3


def test_foreign_gossip_keys_end_the_wait_after_ten_seconds() -> None:
    cluster = healthy_cluster()
    cluster.consul.other_keys = 1
    clock = FakeClock()
    with pytest.raises(UntrustedError) as caught:
        wait(cluster, clock)
    error = caught.value
    assert error.exit_code is ExitCode.CHECKS
    assert error.message == "demo runs, but it contains strangers or unknown gossip keys"
    assert error.details == "keyrings: another gossip key is installed on Consul's members"
    assert error.hint is not None
    assert str(error.hint).startswith("rotate back: consul keyring")
    assert 10 <= clock.time < 13


def _with_stranger() -> FakeCluster:
    cluster = healthy_cluster()
    rogue = replace(cluster.nomad.clients[0], id="rogue", address="10.100.0.66")
    cluster.nomad.clients = (*cluster.nomad.clients, rogue)
    return cluster


def test_a_stranger_ends_the_wait_after_a_minute() -> None:
    cluster = _with_stranger()
    clock = FakeClock()
    with pytest.raises(UntrustedError) as caught:
        wait(cluster, clock)
    assert "strangers: Nomad client demo-nomad-client-1 at 10.100.0.66" in str(caught.value.details)
    assert 60 <= clock.time < 63


def test_a_stranger_that_goes_was_a_machine_destroyed_a_moment_ago() -> None:
    cluster = _with_stranger()

    def on_sleep(now: float) -> None:
        if now > 40:
            cluster.nomad.clients = cluster.nomad.clients[:2]

    assert 40 < wait(cluster, FakeClock(on_sleep)) < 46


def test_while_anything_else_is_unmet_strangers_do_not_end_the_wait() -> None:
    cluster = _with_stranger()
    cluster.consul.lagging = {"demo-consul-server-3"}
    with pytest.raises(NotHealthyError):
        wait(cluster, FakeClock(), seconds=200)


def test_a_deadline_that_comes_sooner_is_the_deadline() -> None:
    with pytest.raises(NotHealthyError):
        wait(_with_stranger(), FakeClock(), seconds=20)
