"""What makes one more droplet impossible is said first; a cluster file that changes between two runs of a roll."""

from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from bakery.errors import ChecksFailedError, DeadlineError, UsageError
from bakery.launch.roll.model import Replaced, RollRequest
from bakery.launch.roll.need import Because
from bakery.operations.roll_cluster import roll_cluster
from bakery.plan.model import ClusterPlan
from tests.helpers.launch_harness import IMAGE, NAMES, small_plan
from tests.helpers.roll_harness import RollHarness, assert_exactly_the_plan, roll_harness

NEWER = replace(IMAGE, id=78, name="bakery-newer")
SMALLEST = replace(small_plan(), vpc_cidr=IPv4Network("10.100.0.0/28"))
"""With room for eleven droplets."""


@pytest.fixture
def cluster(tmp_path: Path) -> RollHarness:
    return roll_harness(tmp_path)


def _others(cluster: RollHarness, count: int) -> None:
    """Droplets in the cluster's VPC that bakery did not make."""
    (vpc,) = cluster.cloud.vpcs
    for number in range(count):
        cluster.cloud.add_droplet(f"theirs-{number}", vpc=vpc)
    cluster.cloud.calls.clear()


def _limit(cluster: RollHarness, droplets: int) -> None:
    cluster.cloud.account = replace(cluster.cloud.account, droplet_limit=droplets)


def _roll(cluster: RollHarness, plan: ClusterPlan | None = None) -> tuple[Replaced, ...]:
    one = cluster.request()
    launch = replace(one.launch, image=NEWER, plan=plan or cluster.harness.plan)
    cluster.cloud.images[NEWER.id] = NEWER
    request = RollRequest(replace=replace(one, launch=launch), because=frozenset(Because))
    return roll_cluster(cluster.session, request, lambda plan: True)


def test_the_droplet_limit_counts_every_droplet_of_the_account(cluster: RollHarness) -> None:
    _others(cluster, 3)
    _limit(cluster, 12)
    for command in (lambda: cluster.replace("demo-nomad-client-2"), lambda: _roll(cluster)):
        with pytest.raises(UsageError) as caught:
            command()
        assert caught.value.message == (
            "a replacement needs one more droplet for a while: the account has 12, and may have 12"
        )
        assert cluster.cloud.mutations == []


def test_room_for_one_more_is_enough_for_a_whole_roll(cluster: RollHarness) -> None:
    _others(cluster, 3)
    _limit(cluster, 13)
    assert len(_roll(cluster)) == 9


def test_a_successor_of_an_earlier_run_counts_once(cluster: RollHarness) -> None:
    cluster.live.keeps_out = lambda droplet: "consul-server-2-" in droplet.name
    with pytest.raises(DeadlineError):
        _roll(cluster)
    cluster.live.keeps_out = lambda droplet: False
    _limit(cluster, 10)
    _roll(cluster)
    assert_exactly_the_plan(cluster, "with no room but for one")


@pytest.mark.parametrize(("others", "full"), [(1, False), (2, True)])
def test_a_vpc_without_a_free_address_is_refused(tmp_path: Path, others: int, *, full: bool) -> None:
    cluster = roll_harness(tmp_path, plan=SMALLEST)
    _others(cluster, others)
    if not full:
        assert len(_roll(cluster)) == 9
        return
    with pytest.raises(UsageError) as caught:
        _roll(cluster)
    assert caught.value.message == (
        "VPC bakery-demo (10.100.0.0/28) is full: 11 of its 11 addresses are taken, and 1 more would be needed"
    )
    assert cluster.cloud.mutations == []


def test_a_launch_into_a_full_vpc_is_refused(tmp_path: Path) -> None:
    cluster = roll_harness(tmp_path, plan=SMALLEST)
    cluster.harness.plan = replace(small_plan(clients=6), vpc_cidr=SMALLEST.vpc_cidr)
    with pytest.raises(UsageError, match="is full: 9 of its 11 addresses are taken, and 3 more would be needed"):
        cluster.launch()


def _interrupted(cluster: RollHarness, slot: str) -> None:
    """A roll that stops at the slot, whose successor does not join in time."""
    cluster.live.keeps_out = lambda droplet: f"{slot}-" in droplet.name
    with pytest.raises(DeadlineError):
        _roll(cluster)
    cluster.live.keeps_out = lambda droplet: False


def test_another_size_in_the_file_before_the_rerun(cluster: RollHarness) -> None:
    _interrupted(cluster, "nomad-server-3")
    cluster.harness.plan = small_plan(size="s-2vcpu-2gb")
    _roll(cluster)
    assert_exactly_the_plan(cluster, "another size")
    there = [d for d in cluster.cloud.droplets.values() if cluster.cloud.is_there(d.id)]
    assert {(droplet.size, droplet.image_id) for droplet in there} == {("s-2vcpu-2gb", NEWER.id)}


def test_fewer_clients_in_the_file_before_the_rerun(cluster: RollHarness) -> None:
    """The client and its successor are no longer in the plan: the roll leaves them, and a launch names both."""
    _interrupted(cluster, "nomad-client-3")
    cluster.harness.plan = small_plan(clients=2)
    assert _roll(cluster) == ()
    extra = [name for name in cluster.cloud.names() if name.startswith("demo-nomad-client-3")]
    assert len(extra) == 2
    cluster.launch()
    for name in extra:
        line = f"{name} is not in the plan; to remove it: bakery destroy --node {name}"
        assert line in [str(warning) for warning in cluster.harness.reporter.warnings]
    assert cluster.cloud.slots() == sorted([*NAMES, "demo-nomad-client-3"])


@pytest.mark.parametrize("name", ["consul-server-2", "nomad-server-3", "nomad-client-1"])
def test_a_node_that_is_down_refuses_the_whole_roll(cluster: RollHarness, name: str) -> None:
    """Also if it is the first one to be replaced: one of the others could die meanwhile."""
    cluster.turn_off(f"demo-{name}")
    with pytest.raises(ChecksFailedError) as caught:
        _roll(cluster)
    assert caught.value.message == "demo is not healthy, so no node may be replaced now"
    assert f"demo-{name}: droplet is off" in str(caught.value.details)
    assert "for a dead node: bakery replace NAME --lost" in str(caught.value.hint)
    assert cluster.cloud.mutations == []
    cluster.replace(f"demo-{name}", lost=True)
    assert len(_roll(cluster)) == 9


def test_an_unfinished_replacement_is_finished_first(cluster: RollHarness) -> None:
    """It leads by now, so that it would be the last one. There is room for one droplet more, and that exists."""
    _interrupted(cluster, "nomad-server-3")
    nomad = cluster.live.nomad
    cluster.live.names("nomad")
    nomad.transfer_leadership(next(peer.id for peer in nomad.raft if peer.name == "demo-nomad-server-3"))
    _limit(cluster, 10)
    assert _roll(cluster)[0].slot == "demo-nomad-server-3"
    assert_exactly_the_plan(cluster, "the leader was unfinished")
