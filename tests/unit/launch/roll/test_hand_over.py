"""Requests from outside while an ingress node is replaced: to the successor first, then not to the old node."""

from pathlib import Path

import pytest

from bakery.plan.ingress import DRAIN_SECONDS
from bakery.plan.tags import ingress_tag
from tests.helpers.fake_cloud import Call, Fault, Killed
from tests.helpers.ingress_bench import PLAIN, RESERVED, ingress_plan
from tests.helpers.roll_harness import RollHarness, roll_harness

pytestmark = pytest.mark.usefixtures("fast_disk")

BALANCED = "{domains: [www.example.com], load_balancer: {certificate: lets-encrypt}}"
OURS = {"create_droplet", "untag_droplet", "assign_reserved_ip", "delete_droplet"}


def timed(rolling: RollHarness) -> list[tuple[str, float]]:
    """Lets the cloud note from now on when each of these requests arrives."""
    noted: list[tuple[str, float]] = []

    def note(_: int, call: Call) -> Fault | None:
        if call.name in OURS:
            noted.append((call.name, rolling.cloud.clock.now()))
        return None

    rolling.cloud.fault = note
    return noted


def test_a_replaced_node_leaves_the_balancer_when_its_successor_is_in_it(tmp_path: Path) -> None:
    rolling = roll_harness(tmp_path, plan=ingress_plan(BALANCED, count=2))
    old = rolling.in_slot("ingress-1")
    noted = timed(rolling)
    rolling.replace("demo-ingress-1")
    assert [name for name, _ in noted] == ["create_droplet", "untag_droplet", "delete_droplet"]
    created, untagged, deleted = (at for _, at in noted)
    assert untagged - created >= 15  # the checks of the successor
    assert deleted - untagged >= DRAIN_SECONDS
    new = rolling.in_slot("ingress-1")
    assert (new.id != old.id, ingress_tag("demo") in new.tags) == (True, True)


def test_a_lost_node_is_not_waited_for(tmp_path: Path) -> None:
    rolling = roll_harness(tmp_path, plan=ingress_plan(BALANCED, count=2))
    rolling.turn_off("demo-ingress-1")
    noted = timed(rolling)
    rolling.replace("demo-ingress-1", lost=True)
    at = dict(noted)
    assert at["delete_droplet"] - at["untag_droplet"] < DRAIN_SECONDS


def test_without_a_balancer_nothing_is_waited_for(tmp_path: Path) -> None:
    """Control of the two above; and no other kind of node is touched."""
    for ingress, name in ((PLAIN, "demo-ingress-1"), (BALANCED, "demo-consul-server-1")):
        rolling = roll_harness(tmp_path / name, plan=ingress_plan(ingress))
        noted = timed(rolling)
        rolling.replace(name)
        assert [name for name, _ in noted] == ["create_droplet", "delete_droplet"]


def test_the_reserved_ip_is_moved_before_the_old_node_leaves(tmp_path: Path) -> None:
    rolling = roll_harness(tmp_path, plan=ingress_plan(RESERVED))
    noted = timed(rolling)
    rolling.replace("demo-ingress-1")
    assert [name for name, _ in noted] == ["create_droplet", "assign_reserved_ip", "delete_droplet"]
    (reserved,) = rolling.cloud.list_reserved_ips()
    assert reserved.droplet_id == rolling.in_slot("ingress-1").id


@pytest.mark.parametrize("ingress", [BALANCED, RESERVED])
@pytest.mark.parametrize("call", ["untag_droplet", "assign_reserved_ip", "delete_droplet"])
def test_killed_on_the_way_the_next_run_finishes(tmp_path: Path, ingress: str, call: str) -> None:
    rolling = roll_harness(tmp_path, plan=ingress_plan(ingress))
    rolling.cloud.fault = lambda _, each: Fault.KILL_AFTER if each.name == call else None
    try:
        rolling.replace("demo-ingress-1")
    except Killed:
        rolling.cloud.revive()
        rolling.replace("demo-ingress-1")
    assert rolling.cloud.slots() == ["demo-consul-server-1", "demo-ingress-1"]
    assert len(rolling.cloud.balancers) + len(rolling.cloud.reserved) == 1
    for reserved in rolling.cloud.list_reserved_ips():
        assert reserved.droplet_id == rolling.in_slot("ingress-1").id
