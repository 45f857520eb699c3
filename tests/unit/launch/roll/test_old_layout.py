"""A cluster of bakery 0.1 has no slot and generation tags: it is found, grown, replaced, rolled and destroyed."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.launch_harness import NAMES, small_plan
from tests.helpers.roll_crash import NEWER, roll
from tests.helpers.roll_harness import RollHarness, assert_exactly_the_plan, roll_harness


def _is_new(tag: str) -> bool:
    return ":slot:" in tag or ":gen:" in tag


@pytest.fixture
def cluster(tmp_path: Path) -> RollHarness:
    found = roll_harness(tmp_path)
    cloud = found.cloud
    assert [tag for tag in cloud.tags if _is_new(tag)], "control: there is something to strip"
    cloud.tags = {tag: None for tag in cloud.tags if not _is_new(tag)}
    for number, droplet in cloud.droplets.items():
        cloud.droplets[number] = replace(droplet, tags=tuple(tag for tag in droplet.tags if not _is_new(tag)))
    cloud.images[NEWER.id] = NEWER
    return found


def test_a_launch_finds_every_droplet(cluster: RollHarness) -> None:
    cluster.launch()
    assert cluster.cloud.mutations == []
    assert cluster.cloud.names() == NAMES


def test_it_grows(cluster: RollHarness) -> None:
    cluster.harness.plan = small_plan(clients=4)
    cluster.launch()
    assert cluster.cloud.names() == sorted([*NAMES, "demo-nomad-client-4"])


@pytest.mark.parametrize("slot", ["consul-server-1", "nomad-server-2", "nomad-client-3"])
def test_a_node_is_replaced_and_its_name_is_not_used_again(cluster: RollHarness, slot: str) -> None:
    cluster.replace(f"demo-{slot}")
    assert_exactly_the_plan(cluster, slot)
    assert f"bakery:demo:slot:{slot}" in cluster.cloud.tags, "shows that the slot's name was used"
    (number,) = [d.id for d in cluster.cloud.droplets.values() if d.name.startswith(f"demo-{slot}-")]
    cluster.cloud.delete_droplet(number)
    cluster.launch()
    (name,) = [name for name in cluster.cloud.names() if name.startswith(f"demo-{slot}")]
    assert name not in (f"demo-{slot}", cluster.cloud.droplets[number].name)


def test_all_nine_are_rolled(cluster: RollHarness) -> None:
    roll(cluster)
    assert_exactly_the_plan(cluster, "rolled")
    assert not set(NAMES) & set(cluster.cloud.names())


def test_nothing_is_left_after_a_destroy(cluster: RollHarness) -> None:
    cluster.harness.destroy()
    assert cluster.cloud.names() == []
    assert cluster.cloud.firewalls == {}
    assert cluster.cloud.vpcs == {}
    assert [tag for tag in cluster.cloud.tags if tag.startswith("bakery:demo")] == []
