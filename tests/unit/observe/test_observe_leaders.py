"""Whom to ask: servers that see a leader come first, the rest in plan order."""

from dataclasses import replace
from threading import Event, Thread
from threading import enumerate as threads

from bakery.agents.interface import ConsulApi
from bakery.observe.gather import WITHOUT_KEYS, gather, reach
from bakery.observe.leaders import ServerAddress, servers_with_leader
from tests.helpers.fake_agents import FakeCluster, FakeConsul, healthy_cluster


def addresses(cluster: FakeCluster) -> tuple[list[str], list[str]]:
    found = servers_with_leader(cluster.plan, cluster.droplets, cluster.clients)
    return [server.address for server in found.consul], [server.address for server in found.nomad]


class Silent:
    """A cluster whose first Consul server does not answer until the test releases it."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.released, self.gave_up = Event(), Event()
        self._clients = cluster.clients

    def connect(self, address: str) -> ConsulApi:
        first = address == "198.18.0.1"
        return FakeConsul(on_call=self._hang) if first else self._clients.consul(address)

    def _hang(self) -> None:
        if not self.released.wait(60):
            self.gave_up.set()


def test_a_healthy_cluster_comes_in_plan_order() -> None:
    assert addresses(healthy_cluster()) == (["198.18.0.1", "198.18.0.2", "198.18.0.3"], ["198.18.0.4"])


def test_one_without_a_leader_and_one_that_is_silent_come_last() -> None:
    cluster = healthy_cluster()
    cluster.leaderless, cluster.unreachable = {"198.18.0.1"}, {"198.18.0.2"}
    found = servers_with_leader(cluster.plan, cluster.droplets, cluster.clients)
    assert found.consul == (
        ServerAddress(name="demo-consul-server-3", address="198.18.0.3", sees_leader=True, answers=True),
        ServerAddress(name="demo-consul-server-1", address="198.18.0.1", sees_leader=False, answers=True),
        ServerAddress(name="demo-consul-server-2", address="198.18.0.2", sees_leader=False, answers=False),
    )


def test_droplets_that_are_off_or_not_planned_are_not_asked_and_private_ones_are_on_the_vpc() -> None:
    cluster = healthy_cluster()
    cluster.droplets[0] = replace(cluster.droplets[0], status="off")
    cluster.droplets[1] = replace(cluster.droplets[1], public_ipv4=None)
    cluster.plan = replace(cluster.plan, nodes=cluster.plan.consul_servers)
    assert addresses(cluster) == (["10.100.0.2", "198.18.0.3"], [])


def test_a_server_that_never_answers_delays_nothing() -> None:
    """It answers after everything else, and only if the test has not released it by then."""
    cluster = healthy_cluster()
    silent = Silent(cluster)
    clients = replace(cluster.clients, consul=silent.connect)
    found = servers_with_leader(cluster.plan, cluster.droplets, clients)
    silent.released.set()
    assert not silent.gave_up.is_set()
    assert [(server.address, server.answers) for server in found.consul] == [
        ("198.18.0.2", True),
        ("198.18.0.3", True),
        ("198.18.0.1", False),
    ]


def test_an_observation_does_not_wait_for_a_server_that_never_answers() -> None:
    """If no server sees a leader, none is returned."""
    cluster = healthy_cluster()
    silent = Silent(cluster)
    reached = reach("Consul", cluster.plan.consul_servers, cluster.droplets, silent.connect)
    assert not silent.gave_up.is_set()
    assert (reached.api is not None, bool(reached.leader.value)) == (True, True)
    silent.released.set()
    cluster.unreachable = {"198.18.0.2", "198.18.0.3"}
    alone = reach("Consul", cluster.plan.consul_servers[1:], cluster.droplets, silent.connect)
    assert (alone.api, alone.leader.value) == (None, None)


def test_an_interrupted_observation_does_not_keep_the_process_alive() -> None:
    """Python waits for every thread that is no daemon, before it ends (threading, "Thread objects")."""
    cluster, asked, released = healthy_cluster(), Event(), Event()

    def hang() -> None:
        asked.set()
        assert released.wait(60)

    clients = replace(cluster.clients, consul=lambda _: FakeConsul(on_call=hang))
    before = set(threads())
    looking = Thread(
        target=lambda: gather(cluster.plan, cluster.droplets, clients, keys=WITHOUT_KEYS), daemon=False
    )
    looking.start()
    assert asked.wait(60)
    started = {thread.name: thread.daemon for thread in threads() if thread not in {*before, looking}}
    released.set()
    looking.join(60)
    assert started
    assert [name for name, daemon in started.items() if not daemon] == []
