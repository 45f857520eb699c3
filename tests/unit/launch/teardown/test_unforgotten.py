"""A node whose droplet is deleted while Consul or Nomad cannot forget it: the next launch does that."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bakery.errors import AgentError
from bakery.launch.base.journal import load_journal
from bakery.launch.teardown.destroy_some import destroy_node
from tests.helpers.roll_bench import RollBench, roll_bench

GONE = "demo-nomad-client-2"
TOKENS = {f"delete_token agent of {GONE}", f"delete_token nomad of {GONE}"}


@pytest.fixture
def cluster(tmp_path: Path) -> RollBench:
    return roll_bench(tmp_path)


@contextmanager
def _without_leader(cluster: RollBench, product: str) -> Iterator[None]:
    agent = cluster.agent(product)
    leader, agent.leader_address = agent.leader_address, ""
    yield
    agent.leader_address = leader


def _departing(cluster: RollBench) -> list[str]:
    return [each.name for each in load_journal(cluster.bench.paths.journal, "demo").departing]


def _gossip_forgets(cluster: RollBench) -> None:
    """As when every server has restarted since: nothing but the journal knows the node."""
    cluster.live.consul.pool = tuple(member for member in cluster.live.consul.pool if member.name != GONE)


@pytest.mark.parametrize("product", ["consul", "nomad"])
def test_without_a_leader_the_launch_forgets_the_node(cluster: RollBench, product: str) -> None:
    with _without_leader(cluster, product):
        destroy_node(cluster.session, cluster.bench.removal(), GONE)
        assert _departing(cluster) == [GONE]
        warning = f"{GONE}: no server of {product.title()} sees a leader, so {product.title()} still knows it"
        assert [text for text in cluster.bench.reporter.warnings if text.startswith(warning)]
    _gossip_forgets(cluster)
    cluster.launch()
    assert set(cluster.live.consul.calls) >= TOKENS
    assert GONE not in [node.name for node in cluster.live.consul.catalog]
    assert GONE not in [node.name for node in cluster.live.nomad.clients]
    assert _departing(cluster) == []


def test_a_refusal_is_repeated_by_the_launch(cluster: RollBench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise AgentError(message="Consul is busy", status=500)

    with monkeypatch.context() as busy:
        busy.setattr(cluster.live.consul, "deregister_node", refuse)
        destroy_node(cluster.session, cluster.bench.removal(), GONE)
    assert not TOKENS.intersection(cluster.live.consul.calls), "control: its tokens are valid still"
    assert _departing(cluster) == [GONE]
    cluster.launch()
    assert set(cluster.live.consul.calls) >= TOKENS
    assert _departing(cluster) == []
