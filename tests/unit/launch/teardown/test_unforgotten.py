"""A node whose droplet is deleted while Consul or Nomad cannot forget it: the next launch does that."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.agents.model import Member
from bakery.credentials.issue import rendered_roles
from bakery.errors import AgentError
from bakery.launch.base.journal import load_journal
from bakery.launch.base.model import DrainPolicy
from bakery.launch.teardown.destroy_some import destroy_node
from tests.helpers.live_cluster import FORGOTTEN, calls_in_order
from tests.helpers.roll_harness import RollHarness, roll_harness

GONE = "demo-nomad-client-2"
TOKENS = {f"delete_token agent of {GONE}", f"delete_token nomad of {GONE}"}


@pytest.fixture
def cluster(tmp_path: Path) -> RollHarness:
    return roll_harness(tmp_path)


@contextmanager
def _without_leader(cluster: RollHarness, product: str) -> Iterator[None]:
    agent = cluster.agent(product)
    leader, agent.leader_address = agent.leader_address, ""
    yield
    agent.leader_address = leader


def _departing(cluster: RollHarness) -> list[str]:
    return [each.name for each in load_journal(cluster.harness.paths.journal, "demo").departing]


def _gossip_forgets(cluster: RollHarness) -> None:
    """As when every server has restarted since: nothing but the journal knows the node."""
    cluster.live.consul.pool = tuple(member for member in cluster.live.consul.pool if member.name != GONE)


@pytest.mark.parametrize("product", ["consul", "nomad"])
def test_without_a_leader_the_launch_forgets_the_node(cluster: RollHarness, product: str) -> None:
    with _without_leader(cluster, product):
        destroy_node(cluster.session, cluster.harness.removal(), GONE)
        assert _departing(cluster) == [GONE]
        warning = f"{GONE}: no server of {product.title()} sees a leader, so {product.title()} still knows it"
        assert [text for text in cluster.harness.reporter.warnings if text.startswith(warning)]
    _gossip_forgets(cluster)
    cluster.launch()
    assert set(cluster.live.consul.calls) >= TOKENS
    assert GONE not in [node.name for node in cluster.live.consul.catalog]
    assert GONE not in [node.name for node in cluster.live.nomad.clients]
    assert _departing(cluster) == []


def test_the_launch_purges_a_client_once_its_machine_is_dead(
    cluster: RollHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that still runs when it is purged registers again: Consul's pool finds out that it is dead."""
    with _without_leader(cluster, "consul"), _without_leader(cluster, "nomad"):
        destroy_node(cluster.session, cluster.harness.removal(), GONE)
    nomad, consul = cluster.live.nomad, cluster.live.consul
    purge, listed = nomad.purge, []

    def purged(node_id: str) -> None:
        listed.append(GONE in [member.name for member in consul.pool])
        purge(node_id)

    monkeypatch.setattr(nomad, "purge", purged)
    cluster.launch()
    assert listed == [False]


def test_a_refusal_is_repeated_by_the_launch(cluster: RollHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(accessor: str) -> None:
        raise AgentError(message="Consul is busy", status=500)

    with monkeypatch.context() as busy:
        busy.setattr(cluster.live.consul, "delete_token", refuse)
        destroy_node(cluster.session, cluster.harness.removal(), GONE)
    assert not TOKENS.intersection(cluster.live.consul.calls), "control: its tokens are valid still"
    assert _departing(cluster) == [GONE]
    cluster.launch()
    assert set(cluster.live.consul.calls) >= TOKENS
    assert _departing(cluster) == []


def test_the_tokens_are_deleted_also_if_gossip_does_not_forget_the_node(
    cluster: RollHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has the gossip key can send messages that say that it is alive, and its tokens may be stolen."""
    alive = cluster.live.consul.pool
    monkeypatch.setattr(cluster.live.consul, "members", lambda: alive)
    destroy_node(cluster.session, cluster.harness.removal(), GONE)
    assert set(cluster.live.consul.calls) >= TOKENS
    assert f"{GONE} still counts as alive" in "".join(cluster.harness.reporter.warnings)
    assert _departing(cluster) == [GONE]


def test_a_node_that_gossip_keeps_saves_the_tokens_of_no_other(
    cluster: RollHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = "demo-nomad-client-1"
    for name in (first, GONE):
        with monkeypatch.context() as failing:
            failing.setattr("bakery.launch.teardown.removal.forget", lambda *_: False)
            destroy_node(cluster.session, cluster.harness.removal(), name)
    assert _departing(cluster) == [first, GONE]
    alive = tuple(
        replace(member, status="alive") if member.name == first else member for member in cluster.live.consul.pool
    )
    monkeypatch.setattr(cluster.live.consul, "members", lambda: alive)
    cluster.launch()
    assert set(cluster.live.consul.calls) >= TOKENS | {f"delete_token agent of {first}"}
    assert _departing(cluster) == [first, GONE], "control: the launch waits for the first in vain"


def test_tokens_of_a_client_are_deleted_if_only_nomad_lists_it(cluster: RollHarness) -> None:
    """Its droplet was deleted in the panel, and who holds the gossip key has taken it out of Consul's lists."""
    droplet = next(each for each in cluster.harness.cloud.droplets.values() if each.name == GONE)
    cluster.harness.cloud.delete_droplet(droplet.id)
    _gossip_forgets(cluster)
    cluster.live.nomad.clients = tuple(
        replace(client, status="down") if client.name == GONE else client for client in cluster.live.nomad.clients
    )
    cluster.launch()
    assert set(cluster.live.consul.calls) >= TOKENS


@pytest.mark.parametrize(("slot", "expected"), FORGOTTEN.items())
def test_the_launch_forgets_in_the_order_of_a_removal(
    cluster: RollHarness, monkeypatch: pytest.MonkeyPatch, slot: str, expected: list[str]
) -> None:
    with monkeypatch.context() as failing:
        failing.setattr("bakery.launch.teardown.removal.forget", lambda *_: False)
        destroy_node(cluster.session, cluster.harness.removal(), f"demo-{slot}")
    assert _departing(cluster) == [f"demo-{slot}"]
    seen = calls_in_order(cluster.live)
    cluster.launch()
    assert [call for call in seen if call.endswith(("force_leave", "purge"))] == expected
    assert _departing(cluster) == []


def test_a_dead_member_with_the_name_of_a_droplet_costs_the_droplet_no_token(cluster: RollHarness) -> None:
    """Who has the gossip key can join as any name, from another address, and die. status reports that."""
    there = "demo-nomad-client-1"
    stranger = Member(name=there, address="10.100.0.99", status="failed")
    others = tuple(member for member in cluster.live.consul.pool if member.name != there)
    cluster.live.consul.pool = (*others, stranger)
    cluster.launch()
    assert not [call for call in cluster.live.consul.calls if call.startswith("delete_token")]
    assert stranger in cluster.live.consul.pool


def test_a_removed_node_that_was_rendered_by_name_gets_no_tokens_by_a_bootstrap(cluster: RollHarness) -> None:
    roles = cluster.harness.paths.roles
    roles.mkdir(parents=True, exist_ok=True)
    (roles / f"{GONE}.json").write_text("{}")
    (roles / "nomad-client.json").write_text("{}")
    destroy_node(cluster.session, cluster.harness.removal(), GONE)
    assert rendered_roles(cluster.harness.paths) == {"nomad-client"}


def test_a_node_that_is_removed_without_the_credentials_is_forgotten_by_the_next_launch(
    cluster: RollHarness,
) -> None:
    """They may be encrypted, and nobody there to type the passphrase."""
    roles = cluster.harness.paths.roles
    roles.mkdir(parents=True, exist_ok=True)
    (roles / f"{GONE}.json").write_text("{}")
    destroy_node(
        cluster.harness.session(running=None), cluster.harness.removal(drain=DrainPolicy(drains=False)), GONE
    )
    assert rendered_roles(cluster.harness.paths) == frozenset()
    assert _departing(cluster) == [GONE]
    assert cluster.harness.reporter.warnings[-1] == (
        f"{GONE}: without the cluster's credentials Consul and Nomad still know it, and its tokens are valid;"
        " a launch with them removes it there"
    )
    _gossip_forgets(cluster)
    assert not TOKENS.intersection(cluster.live.consul.calls), "control: its tokens are valid still"
    cluster.launch()
    assert set(cluster.live.consul.calls) >= TOKENS
    assert _departing(cluster) == []
