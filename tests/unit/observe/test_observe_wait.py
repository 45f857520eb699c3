"""Waiting for health: what the reporter hears, and what the error says at the deadline."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bakery.cloud.model import Droplet
from bakery.console import Silent
from bakery.errors import ExitCode, NotHealthyError, UnreachableError
from bakery.observe.health import wait_until_healthy
from tests.helpers.fake_agents import FakeClock, FakeCluster, healthy_cluster


class Listener(Silent):
    """Keeps what it is told about nodes."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def node(self, name: str, state: str) -> None:
        self.heard.append((name, state))


@pytest.fixture(autouse=True)
def _no_deadline_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BAKERY_DEADLINE_FACTOR", raising=False)


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

    listener = Listener()
    report = wait_until_healthy(
        cluster.plan,
        lambda: cluster.droplets,
        cluster.clients,
        seconds=60,
        reporter=listener,
        clock=FakeClock(on_sleep),
    )
    assert report.healthy
    assert [state for name, state in listener.heard if name == "demo-nomad-client-2"] == [
        "active",
        "joined",
        "healthy",
    ]
    assert [state for name, state in listener.heard if name == "demo-nomad-client-1"] == ["healthy"]


def test_at_the_deadline_every_unmet_condition_is_listed_with_its_culprit() -> None:
    cluster = healthy_cluster()
    cluster.consul.pool = cluster.consul.pool[:5]
    cluster.nomad.clients = cluster.nomad.clients[:1]
    clock = FakeClock()
    with pytest.raises(NotHealthyError) as caught:
        wait_until_healthy(cluster.plan, lambda: cluster.droplets, cluster.clients, seconds=60, clock=clock)
    error = caught.value
    assert error.exit_code is ExitCode.DEADLINE
    assert error.brief == "demo is not healthy: waited 60 s for demo to be healthy"
    assert error.details == (
        "consul-members: demo-nomad-client-2: not a member\n"
        "nomad-clients: demo-nomad-client-2: not registered in Nomad"
    )
    assert error.hint is not None
    assert "bakery status" in error.hint
    assert clock.time == 60


def test_a_cloud_that_is_gone_ends_the_wait() -> None:
    """Addresses mean nothing without the API that gave them: no agent is asked then."""
    cluster = healthy_cluster()

    def gone() -> Sequence[Droplet]:
        message = "the API is gone"
        raise UnreachableError(message)

    with pytest.raises(UnreachableError):
        wait_until_healthy(cluster.plan, gone, cluster.clients, seconds=60, clock=FakeClock())
    assert cluster.consul.calls == []


def test_it_only_reads() -> None:
    cluster: FakeCluster = healthy_cluster()
    wait_until_healthy(cluster.plan, lambda: cluster.droplets, cluster.clients, seconds=60, clock=FakeClock())
    writes = {"bootstrap_acl", "put_policy", "put_token"}
    assert writes.isdisjoint(cluster.consul.calls)
    assert writes.isdisjoint(cluster.nomad.calls)
