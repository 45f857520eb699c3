"""Who never came: named only if somebody is there who would have heard of them."""

from dataclasses import replace

import pytest

from bakery.errors import AgentError
from bakery.observe.not_joined import find_not_joined
from tests.helpers.fake_agents import FakeCluster, healthy_cluster

CLIENT = "demo-nomad-client-2"


def absent(cluster: FakeCluster) -> set[str]:
    return set(find_not_joined(cluster.plan, cluster.droplets, cluster.clients))


def forget(cluster: FakeCluster, name: str) -> None:
    """Neither Consul nor Nomad has heard of it."""
    cluster.consul.pool = tuple(member for member in cluster.consul.pool if member.name != name)
    cluster.nomad.pool = tuple(member for member in cluster.nomad.pool if member.name != name)
    cluster.nomad.clients = tuple(client for client in cluster.nomad.clients if client.name != name)


def test_every_node_of_a_healthy_cluster_has_joined() -> None:
    cluster = healthy_cluster()
    assert absent(cluster) == set()
    assert "gossip_keys" not in {*cluster.consul.calls, *cluster.nomad.calls}, "which would take time for nothing"


@pytest.mark.parametrize("name", ["demo-consul-server-3", "demo-nomad-server-1", CLIENT])
def test_a_droplet_that_nobody_has_heard_of_is_named(name: str) -> None:
    cluster = healthy_cluster()
    forget(cluster, name)
    assert absent(cluster) == {name}


def test_one_that_is_not_active_yet_is_not() -> None:
    cluster = healthy_cluster()
    forget(cluster, CLIENT)
    cluster.droplets = [replace(d, status="new") if d.name == CLIENT else d for d in cluster.droplets]
    assert absent(cluster) == set()


@pytest.mark.parametrize("status", ["failed", "left"])
def test_a_member_that_was_once_there_is_not(status: str) -> None:
    cluster = healthy_cluster()
    pool = cluster.consul.pool
    forget(cluster, CLIENT)
    cluster.consul.pool = tuple(replace(m, status=status) if m.name == CLIENT else m for m in pool)
    assert absent(cluster) == set()


def test_one_that_only_nomad_knows_is_not() -> None:
    cluster = healthy_cluster()
    clients = cluster.nomad.clients
    forget(cluster, CLIENT)
    cluster.nomad.clients = clients
    assert absent(cluster) == set()


def test_what_is_left_of_an_earlier_droplet_of_that_name_is_not_it() -> None:
    """Consul and Nomad keep a droplet that was destroyed in mind, under the address that it had."""
    cluster = healthy_cluster()
    member = next(member for member in cluster.consul.pool if member.name == CLIENT)
    client = next(client for client in cluster.nomad.clients if client.name == CLIENT)
    forget(cluster, CLIENT)
    cluster.consul.pool += (replace(member, status="failed", address="10.100.0.99"),)
    cluster.nomad.clients += (replace(client, status="down", address="10.100.0.99"),)
    assert absent(cluster) == {CLIENT}
    cluster.consul.pool += (member,)
    assert absent(cluster) == set(), "the new one has joined"


def test_a_droplet_beyond_the_plan_is_not() -> None:
    cluster = healthy_cluster()
    forget(cluster, CLIENT)
    cluster.plan = replace(cluster.plan, nodes=tuple(n for n in cluster.plan.nodes if n.name != CLIENT))
    assert absent(cluster) == set()


def test_without_a_leader_a_silent_server_is_named_if_another_answers() -> None:
    cluster = healthy_cluster()
    cluster.consul.leader_address = ""
    cluster.unreachable = {"198.18.0.3"}
    assert absent(cluster) == {"demo-consul-server-3"}


def test_where_nobody_answers_nobody_is_named() -> None:
    """It may be the operator who cannot be reached: another address, a firewall."""
    cluster = healthy_cluster()
    cluster.unreachable = {droplet.public_ipv4 or "" for droplet in cluster.droplets}
    assert absent(cluster) == set()


def test_a_server_that_refuses_is_there() -> None:
    cluster = healthy_cluster()
    cluster.consul.failures["members"] = AgentError(message="Consul refuses", status=403)
    cluster.consul.failures["leader"] = AgentError(message="Consul has no leader", status=500)
    cluster.unreachable = {"198.18.0.3"}
    assert absent(cluster) == {"demo-consul-server-3"}
