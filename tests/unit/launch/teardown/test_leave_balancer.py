"""An ingress node leaves the load balancer of the account before it is deleted, whatever the cluster file says."""

from pathlib import Path

import pytest

from bakery.errors import UnauthorizedError
from bakery.launch.teardown.removal import remove_nodes
from bakery.plan.ingress import DRAIN_SECONDS
from bakery.plan.model import ClusterPlan
from tests.helpers.fake_cloud import Call, Fault
from tests.helpers.ingress_bench import PASSTHROUGH, PLAIN, ingress_bench, ingress_plan
from tests.helpers.launch_harness import LaunchHarness, plan_of

pytestmark = pytest.mark.usefixtures("fast_disk")

LEAVES = ["untag_droplet", "delete_droplet"]
"""What is sent for a node behind bakery's load balancer; others are shut down instead."""


def launched(folder: Path, ingress: str = PASSTHROUGH) -> LaunchHarness:
    harness = ingress_bench(folder, ingress)
    harness.launch()
    harness.cloud.revive()
    return harness


def remove(harness: LaunchHarness, plan: ClusterPlan) -> list[str]:
    """Remove the ingress node under this plan; return the calls that change a droplet."""
    members = tuple(harness.cloud.droplets.values())
    going = [droplet for droplet in members if droplet.name == "demo-ingress-1"]
    remove_nodes(harness.session(), plan, going, members)
    return [call.name for call in harness.cloud.mutations if call.name.endswith("_droplet")]


@pytest.mark.parametrize(
    "plan",
    [ingress_plan(PASSTHROUGH), ingress_plan(PLAIN), plan_of({"consul-server": 1})],
    ids=["planned", "balancer-removed", "role-removed"],
)
def test_the_requests_under_way_are_waited_for(tmp_path: Path, plan: ClusterPlan) -> None:
    harness = launched(tmp_path)
    harness.paths.journal.unlink()  # another machine's does not name the load balancer
    begun = harness.cloud.clock.now()
    assert remove(harness, plan) == LEAVES
    assert harness.cloud.clock.now() - begun >= DRAIN_SECONDS


@pytest.mark.parametrize(
    "plan", [ingress_plan(PLAIN), plan_of({"consul-server": 1})], ids=["plain", "role-removed"]
)
def test_without_a_balancer_the_node_is_shut_down(tmp_path: Path, plan: ClusterPlan) -> None:
    assert remove(launched(tmp_path, PLAIN), plan) == ["shut_down_droplet", "delete_droplet"]


def test_a_planned_balancer_that_is_missing_takes_no_requests_off_the_node(tmp_path: Path) -> None:
    """DigitalOcean refused it, or it was deleted in the control panel."""
    harness = launched(tmp_path)
    harness.cloud.balancers.clear()
    assert remove(harness, harness.plan) == ["shut_down_droplet", "delete_droplet"]


def forbid_the_list(_: int, call: Call) -> Fault | None:
    if call.name == "list_load_balancers":
        raise UnauthorizedError(message="not allowed", status=403)
    return None


def test_a_token_without_the_scope_is_enough_if_no_balancer_is_planned(tmp_path: Path) -> None:
    plain, balanced = launched(tmp_path / "plain", PLAIN), launched(tmp_path / "balanced")
    for harness in (plain, balanced):
        harness.cloud.fault = forbid_the_list
    assert remove(plain, plain.plan) == ["shut_down_droplet", "delete_droplet"]
    with pytest.raises(UnauthorizedError):
        remove(balanced, balanced.plan)
