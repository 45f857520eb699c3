"""The report as JSON and as rows: shapes that scripts rely on."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from bakery.agents.model import CatalogNode, Member
from bakery.config.model import Kind
from bakery.errors import AgentError
from bakery.observe.expiry import Expiry, Source
from bakery.observe.health import observe_cluster
from bakery.observe.report import help_lines, report_json
from tests.helpers.clusters import make_node
from tests.helpers.fake_agents import FakeCluster, healthy_cluster, make_client, make_droplet, make_peer


def test_json_has_stable_keys() -> None:
    cluster = healthy_cluster()
    cluster.consul.catalog = cluster.consul.catalog[:-1]
    expiry = Expiry(
        droplet_id=1,
        name="demo-consul-server-1",
        begins=datetime(2026, 1, 1, tzinfo=UTC),
        ends=datetime(2035, 12, 30, 10, 5, 59, tzinfo=UTC),
        source=Source.MEASURED,
    )
    document = report_json(
        observe_cluster(cluster.plan, cluster.droplets, cluster.clients),
        [expiry],
        now=datetime(2035, 12, 1, tzinfo=UTC),
    )
    assert json.loads(json.dumps(document)) == document
    assert (document["cluster"], document["healthy"]) == ("demo", False)
    assert document["conditions"][11] == {
        "name": "consul-catalog",
        "state": "missing",
        "message": "demo-nomad-client-2: not in Consul's catalog",
        "help": None,
    }
    assert document["nodes"][0] == {
        "name": "demo-consul-server-1",
        "role": "consul-server",
        "droplet": {"id": 1, "status": "active"},
        "public_ipv4": "198.18.0.1",
        "private_ipv4": "10.100.0.1",
        "consul": "alive",
        "nomad": "-",
        "consul_voter": True,
        "nomad_voter": None,
        "consul_leader": False,
        "nomad_leader": None,
        "generation": 1,
        "certificate": {"not_after": "2035-12-30T10:05:59Z", "days_left": 29, "source": "measured"},
        "healthy": True,
    }
    assert document["nodes"][1]["certificate"] is None


def test_a_leader_is_the_raft_peer_that_leads() -> None:
    """None where the node is not a peer, and where the peers are not known."""
    cluster = healthy_cluster()
    cluster.consul.raft = tuple(replace(peer, leader=i == 1) for i, peer in enumerate(cluster.consul.raft))
    nodes = observe_cluster(cluster.plan, cluster.droplets, cluster.clients).nodes
    servers = [node for node in nodes if node.role == "consul-server"]
    assert [node.consul_leader for node in servers] == [False, True, False]
    assert {node.nomad_leader for node in servers} == {None}
    cluster.consul.failures = {"raft_peers": AgentError(message="no", status=500)}
    nodes = observe_cluster(cluster.plan, cluster.droplets, cluster.clients).nodes
    assert {node.consul_leader for node in nodes} == {None}


def all_in_one() -> FakeCluster:
    """One node that is everything."""
    cluster, node = healthy_cluster(), make_node(Kind.ALL_IN_ONE)
    cluster.plan = replace(cluster.plan, nodes=(node,), consul_expect=1, nomad_expect=1)
    cluster.droplets = [make_droplet(1, node.name, node.tags)]
    member = Member(name=node.name, address="10.100.0.1", status="alive")
    for agent in (cluster.consul, cluster.nomad):
        agent.pool, agent.raft = (member,), (make_peer(member, leader=True),)
    cluster.consul.catalog = (CatalogNode(name=node.name, address="10.100.0.1"),)
    cluster.consul.passing = (node.name,)
    cluster.nomad.leader_address = "10.100.0.1:4647"
    cluster.nomad.clients = (make_client(node.name, "10.100.0.1"),)
    return cluster


def shown(cluster: FakeCluster) -> tuple[str, bool, set[str]]:
    """The node's column NOMAD, whether it is healthy, and the conditions that are not met."""
    report = observe_cluster(cluster.plan, cluster.droplets, cluster.clients)
    (node,) = report.nodes
    return node.nomad, node.healthy, {condition.name for condition in report.missing}


def test_a_node_that_is_everything_is_healthy_if_its_server_and_its_client_are() -> None:
    assert shown(all_in_one()) == ("ready", True, set())
    cluster = all_in_one()
    cluster.nomad.clients = (replace(cluster.nomad.clients[0], status="down"),)
    assert shown(cluster) == ("down", False, {"nomad-clients"})
    cluster.nomad.clients = ()
    assert shown(cluster) == ("alive", False, {"nomad-clients"})
    cluster = all_in_one()
    cluster.nomad.pool = (replace(cluster.nomad.pool[0], status="failed"),)
    assert shown(cluster) == ("failed", False, {"nomad-servers", "nomad-peers", "nomad-autopilot"})
    cluster = all_in_one()
    cluster.nomad.raft = (replace(cluster.nomad.raft[0], voter=False),)
    assert shown(cluster)[:2] == ("ready", False)


def test_help_is_told_of_what_waiting_does_not_meet() -> None:
    cluster = healthy_cluster()
    cluster.nomad.other_keys = 1
    cluster.consul.knows_our_token = False
    report = observe_cluster(cluster.plan, cluster.droplets, cluster.clients)
    (line,) = help_lines(report)
    assert line.startswith("keyrings: rotate back: ")
