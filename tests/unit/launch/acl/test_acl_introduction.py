"""Introductions of new Nomad clients against agents in memory: who gets one, once, and what is left of it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bakery.config.model import Kind
from bakery.credentials.model import Bundle
from bakery.credentials.store import create_bundle
from bakery.credentials.tokens import consul_nomad_token, introduction_token
from bakery.errors import AgentError
from bakery.launch.acl.ensure import AclRequest, ensure_acls
from bakery.launch.acl.introduction import end_introductions, unused_introductions
from bakery.launch.acl.policies import token_accessors
from tests.helpers.clusters import make_node
from tests.helpers.fake_agents import FakeClock, FakeCluster, healthy_cluster, make_client

FIRST, SECOND = "demo-nomad-client-1", "demo-nomad-client-2"
ELSEWHERE = "10.100.0.66"
IMPOSTORS = {
    "ready elsewhere": make_client(FIRST, ELSEWHERE),
    "down elsewhere": replace(make_client(FIRST, ELSEWHERE), status="down"),
    "down, with the droplet's address": replace(make_client(FIRST, "10.100.0.5"), status="down"),
    "initializing, with the droplet's address": replace(make_client(FIRST, "10.100.0.5"), status="initializing"),
}
"""Clients of that name that are not the droplet's own, or not known to be."""


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return create_bundle("demo", now=datetime(2026, 1, 1, tzinfo=UTC))


def before_its_launch() -> FakeCluster:
    """Its clients boot, and wait for their introductions."""
    cluster = healthy_cluster()
    cluster.plan = replace(cluster.plan, introduces_clients=True)
    cluster.nomad.clients = ()
    return cluster


def ensure(cluster: FakeCluster, bundle: Bundle) -> None:
    request = AclRequest(
        plan=cluster.plan,
        roles=(),
        bundle=bundle,
        droplets=tuple(cluster.droplets),
        consul_servers=("198.18.0.1",),
        nomad_servers=("198.18.0.4",),
    )
    ensure_acls(request, cluster.clients, seconds=30, clock=FakeClock())


def introductions(cluster: FakeCluster) -> list[str]:
    """Everything in Consul that is there for introductions only."""
    policies = [name for name in cluster.consul.policies if "introduction" in name]
    tokens = [t.grant.description for t in cluster.consul.tokens.values() if "introduction" in t.grant.description]
    return [*policies, *tokens, *cluster.consul.keys]


def test_each_new_client_gets_its_tokens_under_a_key_of_its_own(bundle: Bundle) -> None:
    cluster = before_its_launch()
    pool = replace(make_node(Kind.NOMAD_CLIENT, 2), node_pool="gpu")
    cluster.plan = replace(cluster.plan, nodes=(*cluster.plan.nodes[:-1], pool))
    ensure(cluster, bundle)
    assert [call for call in cluster.nomad.calls if call.startswith("create_introduction")] == [
        f"create_introduction {FIRST} default",
        f"create_introduction {SECOND} gpu",
    ]
    assert set(cluster.consul.keys) == {f"bakery/introduction/{FIRST}", f"bakery/introduction/{SECOND}"}
    sent = cluster.consul.keys[f"bakery/introduction/{FIRST}"]
    assert sent["consul"] == consul_nomad_token(bundle, FIRST).secret
    assert sent["nomad"].endswith(f"of {FIRST}")


def test_the_token_of_the_user_data_may_do_nothing_but_take_that_key(bundle: Bundle) -> None:
    cluster = before_its_launch()
    ensure(cluster, bundle)
    token = cluster.consul.tokens[introduction_token(bundle, FIRST).accessor]
    assert token.secret == introduction_token(bundle, FIRST).secret
    assert (token.grant.policies, token.grant.node) == ((f"bakery-introduction-{FIRST}",), None)
    rules = cluster.consul.policies[f"bakery-introduction-{FIRST}"].rules
    assert rules == f'key "bakery/introduction/{FIRST}" {{ policy = "write" }}\n'


def test_without_strict_there_is_no_introduction(bundle: Bundle) -> None:
    """Control: the cluster is the same."""
    cluster = before_its_launch()
    cluster.plan = replace(cluster.plan, introduces_clients=False)
    ensure(cluster, bundle)
    assert introductions(cluster) == []
    assert not [call for call in cluster.nomad.calls if call.startswith("create_introduction")]


def test_a_client_that_has_not_registered_gets_a_new_one_from_the_next_launch(bundle: Bundle) -> None:
    """Nomad's token lasts half an hour."""
    cluster = before_its_launch()
    ensure(cluster, bundle)
    first = cluster.consul.keys.pop(f"bakery/introduction/{FIRST}")
    ensure(cluster, bundle)
    assert cluster.consul.keys[f"bakery/introduction/{FIRST}"]["nomad"] != first["nomad"]


def test_once_clients_have_registered_nothing_is_left(bundle: Bundle) -> None:
    cluster = before_its_launch()
    ensure(cluster, bundle)
    assert len(introductions(cluster)) == 6
    cluster.nomad.clients = (make_client(FIRST, "10.100.0.5"),)
    end_introductions(cluster.consul, cluster.nomad, cluster.plan, bundle, cluster.droplets)
    assert not [each for each in introductions(cluster) if FIRST in each]
    assert len(introductions(cluster)) == 3, "the other client's"
    cluster.nomad.clients = (*cluster.nomad.clients, make_client(SECOND, "10.100.0.6"))
    ensure(cluster, bundle)
    assert introductions(cluster) == []


@pytest.mark.parametrize("impostor", IMPOSTORS)
def test_another_client_of_its_name_does_not_end_the_introduction(bundle: Bundle, impostor: str) -> None:
    """A thief of its user-data fetched and deleted the key, and registered. The node still waits."""
    cluster = before_its_launch()
    ensure(cluster, bundle)
    first = cluster.consul.keys.pop(f"bakery/introduction/{FIRST}")
    cluster.nomad.clients = (IMPOSTORS[impostor],)
    end_introductions(cluster.consul, cluster.nomad, cluster.plan, bundle, cluster.droplets)
    assert introduction_token(bundle, FIRST).accessor in cluster.consul.tokens
    ensure(cluster, bundle)
    assert cluster.consul.keys[f"bakery/introduction/{FIRST}"]["nomad"] != first["nomad"]
    cluster.nomad.clients = (*cluster.nomad.clients, replace(make_client(FIRST, "10.100.0.5"), id="own"))
    ensure(cluster, bundle)
    assert not [each for each in introductions(cluster) if FIRST in each]


def test_a_droplet_without_an_address_has_not_registered(bundle: Bundle) -> None:
    """It is being created; whoever has registered under its name is another."""
    cluster = before_its_launch()
    cluster.droplets[4] = replace(cluster.droplets[4], private_ipv4=None)
    cluster.nomad.clients = (make_client(FIRST, ELSEWHERE),)
    ensure(cluster, bundle)
    ensure(cluster, bundle)
    assert f"bakery/introduction/{FIRST}" in cluster.consul.keys


@pytest.mark.parametrize(("status", "ends"), [("ready", True), ("down", False)])
def test_a_node_without_a_droplet_has_registered_once_it_is_ready(
    bundle: Bundle, status: str, *, ends: bool
) -> None:
    """Made by hand from its file (``bakery render --node``): bakery does not know its address."""
    cluster = before_its_launch()
    del cluster.droplets[4]
    ensure(cluster, bundle)
    cluster.nomad.clients = (replace(make_client(FIRST, ELSEWHERE), status=status),)
    ensure(cluster, bundle)
    assert (introductions(cluster) == [each for each in introductions(cluster) if FIRST not in each]) is ends


def test_introductions_that_were_fetched_and_not_used_are_found(bundle: Bundle) -> None:
    cluster = before_its_launch()
    ensure(cluster, bundle)

    def unused() -> list[str]:
        found = unused_introductions(cluster.consul, cluster.nomad, cluster.plan, bundle, cluster.droplets)
        return [node.name for node in found]

    assert unused() == [], "nobody has fetched one"
    del cluster.consul.keys[f"bakery/introduction/{FIRST}"]
    cluster.nomad.clients = (IMPOSTORS["down elsewhere"],)
    assert unused() == [FIRST]
    cluster.nomad.clients = (make_client(FIRST, "10.100.0.5"),)
    assert unused() == []


def test_a_client_is_introduced_once(bundle: Bundle) -> None:
    """Nomad forgets a client that is away for a day; a copy of its user-data must not come back under its name."""
    cluster = before_its_launch()
    ensure(cluster, bundle)
    cluster.nomad.clients = (make_client(FIRST, "10.100.0.5"), make_client(SECOND, "10.100.0.6"))
    ensure(cluster, bundle)
    cluster.nomad.clients = ()
    ensure(cluster, bundle)
    assert introductions(cluster) == []


def test_clients_of_a_cluster_that_becomes_strict_need_none_but_later_ones_do(bundle: Bundle) -> None:
    cluster = before_its_launch()
    cluster.plan = replace(cluster.plan, introduces_clients=False)
    ensure(cluster, bundle)
    later = make_node(Kind.NOMAD_CLIENT, 3)
    cluster.plan = replace(cluster.plan, introduces_clients=True, nodes=(*cluster.plan.nodes, later))
    ensure(cluster, bundle)
    assert set(cluster.consul.keys) == {"bakery/introduction/demo-nomad-client-3"}


def test_an_interrupted_launch_introduces_its_clients_when_it_runs_again(bundle: Bundle) -> None:
    """Interrupted where the other tokens of the client may exist already."""
    cluster = before_its_launch()
    cluster.nomad.failures = {"bootstrap_acl": AgentError(message="refused", status=403)}
    with pytest.raises(AgentError):
        ensure(cluster, bundle)
    assert consul_nomad_token(bundle, FIRST).accessor in cluster.consul.tokens
    assert cluster.consul.keys == {}
    cluster.nomad.failures.clear()
    ensure(cluster, bundle)
    assert set(cluster.consul.keys) == {f"bakery/introduction/{FIRST}", f"bakery/introduction/{SECOND}"}


def test_the_token_of_an_introduction_comes_before_the_others(bundle: Bundle) -> None:
    """Or a launch that is interrupted between them would leave a client that is never introduced."""
    cluster = before_its_launch()
    first: list[str] = []
    cluster.consul.on_call = lambda: first.extend(cluster.consul.tokens) if len(first) < 1 else None
    ensure(cluster, bundle)
    assert first[0] == introduction_token(bundle, FIRST).accessor


def test_a_removed_node_loses_its_introduction_too(bundle: Bundle) -> None:
    assert introduction_token(bundle, FIRST).accessor in token_accessors(bundle, FIRST)
