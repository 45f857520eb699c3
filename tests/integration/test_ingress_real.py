"""Real Traefik in front of real Consul: routes by tags, a token that only reads, a health that fails first."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bakery.config.model import BalancerCertificate, Ingress, LoadBalancer
from bakery.credentials.tokens import consul_ingress_token
from bakery.observe.gather import WITHOUT_KEYS, Facts, gather
from bakery.observe.ingress import routes
from bakery.observe.rules import rule_problem
from bakery.wait import Pending
from tests.helpers.ingress import cluster_with_acls, eventually, registered, rule, serving
from tests.helpers.real_agents import LOOPBACK, RealCluster
from tests.helpers.real_jobs import consul
from tests.helpers.real_traefik import NODE, RealTraefik, ingress_plan, running_traefik
from tests.helpers.rules import BAD_RULES, GOOD_RULES

pytestmark = pytest.mark.integration

ROUTE_SECONDS = 5.0
"""Within this time a service that is healthy answers through Traefik."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    with cluster_with_acls(tmp_path_factory.mktemp("ingress")) as running:
        yield running


@pytest.fixture(scope="module")
def traefik(cluster: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTraefik]:
    with running_traefik(cluster, tmp_path_factory.mktemp("traefik")) as running:
        yield running


def routed(traefik: RealTraefik, host: str, path: str = "/") -> str:
    """What a service answers through Traefik, within five seconds."""

    def ask() -> str | Pending:
        answer = traefik.get(host, path)
        return answer.text if answer.status == 200 else Pending(f"{answer.status}: {traefik.log[-500:]}")

    return eventually(ask, f"{host} to be routed", ROUTE_SECONDS)


def test_a_tagged_service_is_reached_and_an_untagged_one_is_not(
    cluster: RealCluster, traefik: RealTraefik
) -> None:
    with serving("one") as one, serving("two") as two, serving("hidden") as hidden:
        with (
            registered(cluster, "one", one, *rule("one", "Host(`one.example.com`)")),
            registered(cluster, "two", two, *rule("two", "Host(`one.example.com`) && PathPrefix(`/two`)")),
            registered(cluster, "hidden", hidden, rule("hidden", "Host(`hidden.example.com`)")[1]),
        ):
            assert routed(traefik, "one.example.com") == "one"
            assert routed(traefik, "one.example.com", "/two") == "two"
            assert traefik.get("hidden.example.com").status == 404
            assert traefik.get("other.example.com").status == 404
        gone = eventually(
            lambda: traefik.get("one.example.com").status == 404 or Pending("still routed"), "the route to end", 5
        )
        assert gone


def test_a_service_called_consul_is_no_route(cluster: RealCluster, traefik: RealTraefik) -> None:
    """Every certificate can register one (test_thief_real.py). Control: another name."""
    with serving("thief") as thief, serving("shop") as shop:
        with (
            registered(cluster, "consul", thief, *rule("thief", "Host(`shop.example.com`) && PathPrefix(`/`)")),
            registered(cluster, "shop", shop, *rule("shop", "Host(`shop.example.com`)")),
        ):
            assert routed(traefik, "shop.example.com") == "shop"
        with registered(cluster, "other", thief, *rule("thief", "Host(`shop.example.com`) && PathPrefix(`/`)")):

            def other() -> bool | Pending:
                return routed(traefik, "shop.example.com") == "thief" or Pending("as before")

            eventually(other, "the other route", 5)


def test_only_health_is_served_and_only_on_its_own_port(traefik: RealTraefik) -> None:
    assert traefik.get("localhost", "/ping", port="ping").status == 200
    for path in ("/ping", "/dashboard/", "/api/rawdata", "/metrics", "/debug/vars"):
        assert traefik.get("localhost", path).status == 404
        assert path == "/ping" or traefik.get("localhost", path, port="ping").status == 404


# By Consul's API: the calls that Traefik makes, and others with what they answer to its token.
READS = ("/v1/catalog/services", "/v1/catalog/service/one", "/v1/health/service/one", "/v1/health/state/any")
DENIED: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
    ("GET", "/v1/acl/tokens", None),
    ("GET", "/v1/acl/policies", None),
    ("GET", "/v1/kv/secret", None),
    ("PUT", "/v1/kv/secret", {"a": "b"}),
    ("GET", "/v1/operator/keyring", None),
    ("GET", "/v1/agent/self", None),
    ("PUT", "/v1/agent/service/register", {"Name": "fake", "Port": 1}),
    ("PUT", "/v1/agent/service/deregister/one", None),
    ("PUT", "/v1/catalog/register", {"Node": "fake", "Address": "10.0.0.1"}),
    ("PUT", "/v1/catalog/deregister", {"Node": "demo-server-1"}),
    ("PUT", "/v1/session/create", {"Name": "x"}),
    ("PUT", "/v1/event/fire/x", None),
    ("PUT", "/v1/agent/leave", None),
    ("GET", "/v1/snapshot", None),
)


def test_the_token_of_traefik_only_reads_nodes_and_services(cluster: RealCluster) -> None:
    consul(cluster).call("PUT", "/v1/kv/secret", {"a": "b"})
    assert consul(cluster).call("GET", "/v1/kv/?keys").value == ["secret"], "control: the operator lists it"
    with serving("one") as port, registered(cluster, "one", port):
        mine = consul(cluster, consul_ingress_token(cluster.bundle, NODE.name).secret)
        for path in READS:
            assert mine.call("GET", path).value, path
        refused = frozenset({403, 404})
        for method, path, body in DENIED:
            status = mine.call(method, path, body, accept=refused).status
            assert status in refused, f"{method} {path}: {status}"
            if method == "GET":
                assert consul(cluster).call(method, path).status == 200, "control: the operator"
        assert mine.call("GET", "/v1/kv/?keys").value == [], "Consul leaves out what a token may not read"
    nobody = consul(cluster, "")
    assert nobody.call("GET", "/v1/catalog/services").value == {}, "control: without a token nothing is read"


BALANCER = Ingress(load_balancer=LoadBalancer(certificate=BalancerCertificate.PASSTHROUGH, proxy_protocol=True))
INSIDE, OUTSIDE, FORGED = "127.0.0.1", "127.0.1.1", "203.0.113.7"
"""Addresses of clients: in the VPC of this test and outside of it, and one that a client only claims."""


def seen_from(traefik: RealTraefik, sender: str) -> str:
    """The client's address that a service sees, if ``sender`` claims to pass on a request of another client."""
    request = f"PROXY TCP4 {FORGED} {LOOPBACK} 4000 80\r\nGET / HTTP/1.0\r\nHost: one.example.com\r\n\r\n"
    with socket.create_connection((LOOPBACK, traefik.ports["web"]), 5, source_address=(sender, 0)) as client:
        client.sendall(request.encode())
        return client.makefile().read().rpartition("\n")[2]


def test_the_address_in_a_proxy_header_is_a_load_balancers_word(
    cluster: RealCluster, traefik: RealTraefik, tmp_path: Path
) -> None:
    """Without one, and from outside the VPC, nobody is believed. Control: the load balancer is."""
    with (
        running_traefik(cluster, tmp_path, ingress=BALANCER, vpc="127.0.0.0/24") as behind,
        serving("", echo="X-Forwarded-For") as port,
        registered(cluster, "one", port, *rule("one", "Host(`one.example.com`)")),
    ):
        for each in (behind, traefik):
            routed(each, "one.example.com")
        assert seen_from(behind, INSIDE) == FORGED
        assert seen_from(behind, OUTSIDE) == OUTSIDE
        assert FORGED not in seen_from(traefik, INSIDE)


def test_while_it_stops_its_health_fails_first_and_requests_are_still_answered(
    cluster: RealCluster, tmp_path: Path
) -> None:
    """On a droplet for 20 seconds (tests/unit/render/test_render_traefik.py)."""
    with (
        running_traefik(cluster, tmp_path, drain="3s") as stopping,
        serving("one") as port,
        registered(cluster, "one", port, *rule("one", "Host(`one.example.com`)")),
    ):
        assert routed(stopping, "one.example.com") == "one"
        stopping.process.terminate()
        begun = time.monotonic()
        eventually(
            lambda: stopping.get("localhost", "/ping", port="ping").status == 503 or Pending("healthy"),
            "the health to fail", 2,
        )  # fmt: skip
        assert stopping.get("one.example.com").text == "one"
        assert stopping.process.wait(10) == 0
        assert time.monotonic() - begun >= 3


def test_a_wrong_tag_concerns_its_service_only(cluster: RealCluster, traefik: RealTraefik) -> None:
    """An invalid rule, a router of two services, and two services with one host."""
    with (
        serving("good") as good,
        serving("a") as a,
        serving("b") as b,
        registered(cluster, "bad", a, *rule("bad", "Host(`bad.example.com`")),
        registered(cluster, "a", a, *rule("twice", "Host(`a.example.com`)")),
        registered(cluster, "b", b, *rule("twice", "Host(`b.example.com`)")),
        registered(cluster, "c", a, *rule("c", "Host(`shared.example.com`)")),
        registered(cluster, "d", b, *rule("d", "Host(`shared.example.com`)")),
        registered(cluster, "good", good, *rule("good", "Host(`good.example.com`)")),
    ):
        assert routed(traefik, "good.example.com") == "good"
        assert {traefik.get(f"{host}.example.com").status for host in ("bad", "a", "b")} == {404}
        assert len({traefik.get("shared.example.com").text for _ in range(8)}) == 1, (
            "one of them gets all requests"
        )
        condition = routes(facts_of(cluster))
        assert condition.message.split("; ") == [
            "bad: the rule Host(`bad.example.com` is not valid: ) is expected, not the end",
            "a and b define the router twice with different rules, and neither is routed",
            "c and d claim Host(`shared.example.com`): one of them gets all requests",
        ]


def facts_of(cluster: RealCluster) -> Facts:
    plan = ingress_plan(cluster)
    return gather(plan, cluster.droplets, cluster.clients, keys=WITHOUT_KEYS)


def test_bakery_and_traefik_agree_about_rules(cluster: RealCluster, traefik: RealTraefik) -> None:
    """Traefik names a router with a wrong rule in its log, and takes the others."""
    texts = [*GOOD_RULES, *(text for text, _ in BAD_RULES if text)]
    with serving("x") as port, ExitStack() as stack:
        for number, text in enumerate(texts):
            stack.enter_context(registered(cluster, f"r{number}", port, *rule(f"r{number}", text)))
        stack.enter_context(registered(cluster, "last", port, *rule("last", "Host(`last.example.com`)")))
        assert routed(traefik, "last.example.com") == "x"
        time.sleep(1.5)  # the throttle of Traefik's providers
        log = traefik.log
    refused = {n for n in range(len(texts)) if re.search(rf"ERR .*routerName=r{n}@consulcatalog", log)}
    assert refused == {n for n, text in enumerate(texts) if rule_problem(text) is not None}
