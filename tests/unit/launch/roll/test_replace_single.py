"""The only server of a product is replaced: one voter, two, one."""

from pathlib import Path

import pytest

from bakery.errors import ChecksFailedError
from tests.helpers.launch_harness import plan_of
from tests.helpers.roll_harness import RollHarness, assert_exactly_the_plan, roll_harness

SMALL = {"consul-server": 1, "nomad-server": 1, "nomad-client": 1}
BOTH = {"server": 1, "nomad-client": 1}


def _bench(folder: Path, counts: dict[str, int]) -> RollHarness:
    rolling = roll_harness(folder, plan=plan_of(counts))
    rolling.live.ends_drains = True
    return rolling


def _watch_voters(cluster: RollHarness, product: str, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of voters, as they change from now on."""
    agent = cluster.agent(product)
    seen = [len(cluster.voters(product))]
    before = agent.on_call

    def watch() -> None:
        before()
        voters = sum(peer.voter for peer in agent.raft)
        if voters != seen[-1]:
            seen.append(voters)

    monkeypatch.setattr(agent, "on_call", watch)
    return seen


@pytest.mark.parametrize(
    ("counts", "slot", "product"),
    [
        (SMALL, "consul-server-1", "consul"),
        (SMALL, "nomad-server-1", "nomad"),
        (BOTH, "server-1", "consul"),
        (BOTH, "server-1", "nomad"),
    ],
)
def test_the_only_server_hands_over_to_its_successor(
    tmp_path: Path, counts: dict[str, int], slot: str, product: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = _bench(tmp_path, counts)
    seen = _watch_voters(cluster, product, monkeypatch)
    cluster.replace(f"demo-{slot}")
    assert seen == [1, 2, 1]
    assert_exactly_the_plan(cluster, slot)
    assert cluster.leader(product) == cluster.in_slot(slot).name
    assert cluster.live.consul.locks == {}


def test_every_node_of_a_small_cluster_one_after_another(tmp_path: Path) -> None:
    cluster = _bench(tmp_path, SMALL)
    for slot in ("consul-server-1", "nomad-server-1", "nomad-client-1"):
        cluster.replace(f"demo-{slot}")
    assert_exactly_the_plan(cluster, "all three")


@pytest.mark.parametrize("lost", [False, True])
def test_the_only_server_that_is_down_cannot_be_replaced(tmp_path: Path, *, lost: bool) -> None:
    """Its data is on that droplet alone."""
    cluster = _bench(tmp_path, SMALL)
    cluster.turn_off("demo-consul-server-1")
    with pytest.raises(ChecksFailedError):
        cluster.replace("demo-consul-server-1", lost=lost)
    assert cluster.cloud.mutations == []
