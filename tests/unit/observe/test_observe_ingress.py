"""Ingress nodes and the routes in the tags of services: what is healthy, and what is named."""

from dataclasses import replace

import pytest

from bakery.config.model import Kind
from bakery.observe.health import observe_cluster
from bakery.observe.model import ClusterReport, Condition, ConditionState
from bakery.observe.rules import rule_problem
from tests.helpers.clusters import make_node
from tests.helpers.fake_agents import FakeCluster, healthy_cluster, make_droplet
from tests.helpers.rules import BAD_RULES, GOOD_RULES

NODE = make_node(Kind.INGRESS)
ENABLED = "traefik.enable=true"


def edge() -> FakeCluster:
    """A healthy cluster with an ingress node, whose agent is a member and whose Traefik takes requests."""
    cluster = healthy_cluster()
    droplet = make_droplet(50, NODE.name)
    cluster.plan = replace(cluster.plan, nodes=(*cluster.plan.nodes, NODE))
    cluster.droplets.append(droplet)
    consul = cluster.consul
    like, entry = consul.pool[0], consul.catalog[0]
    consul.pool = (*consul.pool, replace(like, name=NODE.name, address=str(droplet.private_ipv4)))
    consul.catalog = (*consul.catalog, replace(entry, name=NODE.name, address=str(droplet.private_ipv4)))
    consul.passing = (*consul.passing, NODE.name)
    consul.instances = {NODE.name: ("ingress",)}
    return cluster


def observe(cluster: FakeCluster) -> ClusterReport:
    return observe_cluster(cluster.plan, cluster.droplets, cluster.clients)


def condition(report: ClusterReport, name: str) -> Condition:
    return next(each for each in report.conditions if each.name == name)


def test_a_node_whose_traefik_takes_requests_is_healthy() -> None:
    report = observe(edge())
    assert report.healthy, report.missing
    assert condition(report, "ingress").message == "1 of 1 ingress nodes take requests"
    assert condition(report, "ingress-routes").message == "0 services with tags for Traefik"


def test_a_node_whose_traefik_takes_none_is_named() -> None:
    """Also while it shuts down: its health endpoint fails first."""
    cluster = edge()
    cluster.consul.instances = {"demo-nomad-client-1": ("ingress",)}
    report = observe(cluster)
    assert not report.healthy
    assert condition(report, "ingress").message == "demo-ingress-1: Traefik does not take requests"
    assert [node.name for node in report.nodes if not node.healthy] == ["demo-ingress-1"]


def test_a_cluster_without_ingress_nodes_is_not_asked_for_them() -> None:
    cluster = healthy_cluster()
    report = observe(cluster)
    assert {"ingress", "ingress-routes"}.isdisjoint(each.name for each in report.conditions)
    assert {"passing_instances ingress", "service_tags"}.isdisjoint(cluster.consul.calls)


def rule(router: str, text: str) -> tuple[str, ...]:
    return ENABLED, f"traefik.http.routers.{router}.rule={text}"


FAULTS = [
    (
        {"web": rule("web", "Host(`a.example.com`")},
        "web: the rule Host(`a.example.com` is not valid: ) is expected, not the end",
    ),
    (
        {"a": rule("a", "Host(`x.example.com`)"), "b": rule("b", "Host( `x.example.com` )")},
        "a and b claim Host(`x.example.com`): one of them gets all requests",
    ),
    (
        {"a": rule("web", "Host(`a.example.com`)"), "b": rule("web", "Host(`b.example.com`)")},
        "a and b define the router web with different rules, and neither is routed",
    ),
]


def test_two_routers_of_one_service_are_no_fault() -> None:
    """As for HTTP and HTTPS."""
    cluster = edge()
    cluster.consul.tags = {"web": (*rule("plain", "Host(`a.example.com`)"), *rule("tls", "Host(`a.example.com`)"))}
    assert condition(observe(cluster), "ingress-routes").state is ConditionState.OK


@pytest.mark.parametrize(("tags", "message"), FAULTS)
def test_a_wrong_route_is_named_and_blocks_nothing(tags: dict[str, tuple[str, ...]], message: str) -> None:
    cluster = edge()
    cluster.consul.tags = {"good": rule("good", "Host(`good.example.com`)"), **tags}
    report = observe(cluster)
    found = condition(report, "ingress-routes")
    assert (found.state, found.message) == (ConditionState.MISSING, message)
    assert found.help == "see the tags of the services: consul catalog services -tags"
    assert report.healthy


@pytest.mark.parametrize(
    "tags",
    [
        {"hidden": ("traefik.http.routers.a.rule=Host(",)},  # not for Traefik
        {"off": ("traefik.enable=false", "traefik.http.routers.a.rule=Host(")},
        {"a": rule("web", "Host(`x.example.com`)"), "b": rule("web", "Host(`x.example.com`)")},  # one service more
        {"a": rule("a", "Host(`x.example.com`)"), "b": rule("b", "Host(`x.example.com`) && PathPrefix(`/b`)")},
    ],
)
def test_what_is_no_fault(tags: dict[str, tuple[str, ...]]) -> None:
    cluster = edge()
    cluster.consul.tags = tags
    assert condition(observe(cluster), "ingress-routes").state is ConditionState.OK


@pytest.mark.parametrize("text", GOOD_RULES)
def test_a_rule_that_traefik_takes(text: str) -> None:
    assert rule_problem(text) is None


@pytest.mark.parametrize(("text", "problem"), BAD_RULES)
def test_a_rule_that_traefik_refuses(text: str, problem: str) -> None:
    assert rule_problem(text) == problem
