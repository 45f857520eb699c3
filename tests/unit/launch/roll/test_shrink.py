"""Fewer nodes: clients' work moves first, then servers leave one by one from a healthy cluster."""

from dataclasses import replace
from pathlib import Path

import pytest

from bakery.errors import ChecksFailedError, UsageError
from bakery.launch.base.model import DrainPolicy
from bakery.launch.roll.shrink import Shrinking, ShrinkRequest, highest_index
from bakery.operations.scale_down import scale_down
from bakery.plan.model import ClusterPlan
from tests.helpers.launch_harness import NAMES, small_plan
from tests.helpers.roll_harness import RollHarness, roll_harness


@pytest.fixture
def cluster(tmp_path: Path) -> RollHarness:
    return roll_harness(tmp_path)


def _without(*names: str) -> ClusterPlan:
    plan = small_plan()
    return replace(plan, nodes=tuple(node for node in plan.nodes if node.name not in names))


def _shrink(cluster: RollHarness, after: ClusterPlan, *, approve: bool = True) -> list[str]:
    seen: list[Shrinking] = []

    def ask(found: Shrinking) -> bool:
        seen.append(found)
        return approve

    request = ShrinkRequest(before=small_plan(), after=after, drain=DrainPolicy(seconds=60))
    gone = scale_down(cluster.session, request, ask)
    assert gone == (seen[0].droplets if approve and seen else ())
    return [droplet.name for found in seen for droplet in found.droplets]


@pytest.mark.parametrize("product", ["consul", "nomad"])
def test_three_servers_become_one_the_highest_first(cluster: RollHarness, product: str) -> None:
    going = [f"demo-{product}-server-3", f"demo-{product}-server-2"]
    cluster.agent(product).transfer_leadership(
        next(peer.id for peer in cluster.agent(product).raft if peer.name == going[0])
    )
    assert _shrink(cluster, _without(*going)) == going
    assert cluster.voters(product) == [f"demo-{product}-server-1"]
    assert cluster.leader(product) == f"demo-{product}-server-1", "the leader handed over"
    assert cluster.cloud.slots() == [name for name in NAMES if name not in going]
    assert not set(going) & set(cluster.live.names("consul"))
    assert cluster.agent(product).autopilot_min_quorum == 1


def test_clients_leave_after_the_servers_and_are_drained(cluster: RollHarness) -> None:
    going = ["demo-nomad-server-3", "demo-nomad-client-3", "demo-nomad-client-2"]
    assert _shrink(cluster, _without(*going)) == going
    drained = [call for call in cluster.live.nomad.calls if call.startswith("drain ")]
    assert len(drained) == 2
    assert [node.name for node in cluster.live.nomad.clients] == ["demo-nomad-client-1"]


def test_a_cluster_that_is_not_healthy_stays_as_it_is(cluster: RollHarness) -> None:
    cluster.turn_off("demo-consul-server-2")
    with pytest.raises(ChecksFailedError, match="demo is not healthy, so no node may leave it"):
        _shrink(cluster, _without("demo-consul-server-3"))
    assert cluster.cloud.mutations == []


def test_nothing_to_remove_and_a_no_change_nothing(cluster: RollHarness) -> None:
    assert _shrink(cluster, small_plan()) == []
    assert _shrink(cluster, _without("demo-nomad-client-3"), approve=False) == ["demo-nomad-client-3"]
    assert cluster.cloud.mutations == []
    assert [node.eligible for node in cluster.live.nomad.clients] == [True] * 3


def test_an_unfinished_replacement_is_finished_first(cluster: RollHarness) -> None:
    old = cluster.in_slot("nomad-client-2")
    cluster.cloud.add_droplet("demo-nomad-client-2-7f3a", tags=(*old.tags, f"bakery:demo:replaces:{old.id}"))
    with pytest.raises(UsageError, match="a replacement of demo-nomad-client-2 is unfinished"):
        _shrink(cluster, _without("demo-nomad-client-3"))


def test_the_highest_index_is_that_of_a_slot_not_the_number_of_droplets(cluster: RollHarness) -> None:
    there = [d for d in cluster.cloud.droplets.values() if d.name != "demo-nomad-client-1"]
    assert highest_index(there, "demo", "nomad-client") == 3
    assert highest_index(there, "demo", "gpu") == 0
