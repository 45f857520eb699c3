"""Nodes that are both servers and a client: drained as a client, and out of Raft as a server, in that order."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bakery.errors import ChecksFailedError, UsageError
from bakery.launch.base.model import DEFAULT_DRAIN
from bakery.launch.roll.shrink import ShrinkRequest
from bakery.launch.teardown.destroy_some import destroy_node, destroy_role
from bakery.operations.scale_down import scale_down
from bakery.plan.model import ClusterPlan
from tests.helpers.launch_harness import plan_of
from tests.helpers.roll_harness import RollHarness, roll_harness

ONE, TWO, THREE = (f"demo-all-in-one-{number}" for number in (1, 2, 3))
Make = Callable[..., RollHarness]


@pytest.fixture
def cluster_of(tmp_path: Path) -> Make:
    def make(**counts: int) -> RollHarness:
        found = roll_harness(tmp_path, plan=plan({"all-in-one": 3} | counts))
        found.live.ends_drains = True
        return found

    return make


def plan(counts: dict[str, int]) -> ClusterPlan:
    return plan_of({role.replace("_", "-"): count for role, count in counts.items()})


def lead(cluster: RollHarness, name: str) -> None:
    """Make ``name`` the leader of both products."""
    for product in ("consul", "nomad"):
        agent = cluster.agent(product)
        agent.transfer_leadership(next(peer.id for peer in agent.raft if peer.name == name))


def changes(cluster: RollHarness) -> list[str]:
    """The calls to Nomad that move work, or remove a server or a client, in order."""
    return [
        call.partition(" ")[0]
        for call in cluster.live.nomad.calls
        if call.startswith(("drain ", "transfer_leadership", "remove_peer", "purge "))
    ]


def test_a_replaced_node_is_drained_before_its_server_leaves(cluster_of: Make) -> None:
    cluster = cluster_of()
    lead(cluster, TWO)
    cluster.live.nomad.calls.clear()
    done = cluster.replace(TWO)
    assert done is not None
    assert changes(cluster) == ["drain", "transfer_leadership", "remove_peer", "purge"]
    there = sorted([ONE, THREE, done.new])
    for product in ("consul", "nomad"):
        assert cluster.voters(product) == there
        assert cluster.leader(product) != TWO
    assert sorted(node.name for node in cluster.live.nomad.clients) == there
    assert all(node.eligible for node in cluster.live.nomad.clients)


def test_the_only_node_is_replaced_once_its_work_has_moved(cluster_of: Make) -> None:
    cluster = cluster_of(**{"all-in-one": 1})
    cluster.live.nomad.calls.clear()
    done = cluster.replace(ONE)
    assert done is not None
    assert changes(cluster) == ["drain", "transfer_leadership", "remove_peer", "purge"]
    for product in ("consul", "nomad"):
        assert (cluster.voters(product), cluster.leader(product)) == ([done.new], done.new)
    (left,) = cluster.live.nomad.clients
    assert (left.name, left.eligible) == (done.new, True)


def test_three_become_one_and_all_work_moves_before_a_server_leaves(cluster_of: Make) -> None:
    """Both that leave are drained together, so that no work moves to one that leaves later."""
    cluster = cluster_of()
    cluster.live.nomad.calls.clear()
    request = ShrinkRequest(before=cluster.harness.plan, after=plan({"all-in-one": 1}), drain=DEFAULT_DRAIN)
    gone = scale_down(cluster.session, request, lambda found: True)
    assert [droplet.name for droplet in gone] == [THREE, TWO]
    assert changes(cluster) == ["drain", "drain", "remove_peer", "purge", "remove_peer", "purge"]
    assert [node.name for node in cluster.live.nomad.clients] == [ONE]
    assert [cluster.voters(product) for product in ("consul", "nomad")] == [[ONE], [ONE]]
    assert cluster.live.nomad.autopilot_min_quorum == 1


def test_if_the_cluster_is_not_healthy_the_drained_nodes_take_work_again(cluster_of: Make) -> None:
    cluster = cluster_of()
    request = ShrinkRequest(before=cluster.harness.plan, after=plan({"all-in-one": 1}), drain=DEFAULT_DRAIN)
    seen = 0

    def end_a_server_during_the_drain() -> None:
        nonlocal seen
        if cluster.live.nomad.calls and cluster.live.nomad.calls[-1].startswith("drain ") and not seen:
            seen += 1
            cluster.turn_off(ONE)

    follow = cluster.live.nomad.on_call

    def watch() -> None:
        follow()
        end_a_server_during_the_drain()

    cluster.live.nomad.on_call = watch
    with pytest.raises(ChecksFailedError, match="not healthy"):
        scale_down(cluster.session, request, lambda found: True)
    assert seen == 1, "control: the drain was seen"
    eligible = {node.name for node in cluster.live.nomad.clients if node.eligible}
    assert {TWO, THREE} <= eligible
    assert cluster.cloud.slots() == [ONE, TWO, THREE]


def test_a_destroyed_node_is_drained_and_leaves_both_quorums(cluster_of: Make) -> None:
    cluster = cluster_of()
    cluster.live.nomad.calls.clear()
    destroy_node(cluster.session, cluster.harness.removal(), THREE)
    assert changes(cluster) == ["drain", "remove_peer", "purge"]
    assert [cluster.voters(product) for product in ("consul", "nomad")] == [[ONE, TWO], [ONE, TWO]]


def test_the_only_node_is_not_destroyed_by_name(cluster_of: Make) -> None:
    cluster = cluster_of(**{"all-in-one": 1})
    with pytest.raises(UsageError, match=f"{ONE} holds all of Consul's data"):
        destroy_node(cluster.session, cluster.harness.removal(), ONE)
    assert cluster.cloud.slots() == [ONE]


def test_a_grown_cluster_joins_its_first_node(cluster_of: Make) -> None:
    """Both products of a new node know the first one's address."""
    cluster = cluster_of(**{"all-in-one": 1})
    cluster.harness.plan = plan({"all-in-one": 3})
    cluster.launch()
    joins, first = cluster.harness.joins(), cluster.in_slot("all-in-one-1").private_ipv4
    assert joins[ONE] == "consul= nomad="
    assert joins[TWO] == joins[THREE] == f"consul={first} nomad={first}"
    assert [len(cluster.voters(product)) for product in ("consul", "nomad")] == [3, 3]


def test_clients_are_added_beside_it(cluster_of: Make) -> None:
    cluster = cluster_of(**{"all-in-one": 1})
    cluster.harness.plan = plan({"all-in-one": 1, "nomad-client": 2})
    cluster.launch()
    assert [node.name for node in cluster.live.nomad.clients] == [
        ONE, "demo-nomad-client-1", "demo-nomad-client-2",
    ]  # fmt: skip
    assert cluster.voters("consul") == [ONE]


@pytest.mark.parametrize("first", [1, 3])
def test_it_grows_to_the_full_form_and_leaves(cluster_of: Make, first: int) -> None:
    """As README says: roles are added, launched, and the first role leaves, with a majority at each step."""
    cluster = cluster_of(**{"all-in-one": first})
    full = {"nomad-client": 3, "consul-server": 3, "nomad-server": 3}
    before, after = (plan({"all-in-one": count} | full) for count in (first, 1))
    cluster.harness.plan = before
    cluster.launch()
    assert len(cluster.voters("consul")) == len(cluster.voters("nomad")) == first + 3
    if first > 1:
        with pytest.raises(UsageError, match="Consul would have 3 of 6 voters, and 4 must be left"):
            destroy_role(cluster.session, cluster.harness.removal(), "all-in-one")
        scale_down(
            cluster.session, ShrinkRequest(before=before, after=after, drain=DEFAULT_DRAIN), lambda found: True
        )
    cluster.harness.plan = after
    (gone,) = destroy_role(cluster.session, cluster.harness.removal(), "all-in-one")
    assert gone.name == ONE
    cluster.harness.plan = plan(full)
    cluster.launch()
    for product in ("consul", "nomad"):
        assert cluster.voters(product) == [f"demo-{product}-server-{number}" for number in (1, 2, 3)]
    assert len(cluster.cloud.slots()) == 9
    assert all(node.eligible for node in cluster.live.nomad.clients)
