"""What counts as an orphan of a dead launch or bake, and what must not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bakery.operations.collect_garbage import list_orphans, remove_orphans
from tests.helpers.fake_cloud import START, FakeCloud
from tests.helpers.launch_harness import IMAGE

NOW = datetime.fromtimestamp(START, UTC) + timedelta(hours=5)
LONG_AGO = f"{int(START) - 3:08x}"
"""How Packer's key name begins if it was made three seconds before the build droplet."""
UUID_REST = "-7a3c-1e44-90ab-0123456789ab"


def _account() -> FakeCloud:
    cloud = FakeCloud()
    cloud.add_droplet("bakery-old", tags=("bakery:build:old",))
    young = cloud.add_droplet("bakery-young", tags=("bakery:build:young",))
    recent = (NOW - timedelta(minutes=5)).isoformat()
    cloud.droplets[young] = replace(cloud.droplets[young], created_at=recent)
    cloud.add_droplet("mine", tags=("build:old",))
    half = replace(IMAGE, id=11, name="half", tags=("bakery:build:old",), created_at="2023-11-01T00:00:00Z")
    whole = replace(half, id=12, name="whole", tags=("bakery:build:done", "bakery:image:abc"))
    cloud.images = {11: half, 12: whole}
    cloud.tags |= dict.fromkeys(["bakery:build:done", "bakery:build:empty"])
    return cloud


def _add_keys(cloud: FakeCloud) -> None:
    cloud.add_key("bakery-demo-launch-0000dead")
    cloud.add_key("bakery-demo-launch-0000beef")
    cloud.add_key(f"packer-{LONG_AGO}{UUID_REST}")
    cloud.add_key(f"packer-{int(START) - 4000:08x}{UUID_REST}")
    cloud.add_key("packer-mine")
    cloud.add_key("laptop")
    alive = cloud.add_droplet("demo-nomad-client-1", tags=("bakery:demo", "bakery:demo:launch:0000beef"))
    recent = (NOW - timedelta(minutes=5)).isoformat()
    cloud.droplets[alive] = replace(cloud.droplets[alive], created_at=recent)


def test_only_what_is_old_and_marked_is_an_orphan() -> None:
    cloud = _account()
    _add_keys(cloud)
    orphans = list_orphans(cloud, now=NOW)
    assert [d.name for d in orphans.droplets] == ["bakery-old"]
    assert [i.name for i in orphans.snapshots] == ["half"]
    assert [k.name for k in orphans.ssh_keys] == ["bakery-demo-launch-0000dead", f"packer-{LONG_AGO}{UUID_REST}"]
    assert orphans.tags == ("bakery:build:empty",)
    assert cloud.mutations == [], "looking removes nothing"


def test_removing_takes_exactly_the_orphans() -> None:
    cloud = _account()
    _add_keys(cloud)
    remove_orphans(cloud, list_orphans(cloud, now=NOW))
    assert cloud.names() == ["bakery-young", "demo-nomad-client-1", "mine"]
    assert [image.name for image in cloud.images.values()] == ["whole"]
    assert sorted(key.name for key in cloud.ssh_keys.values()) == sorted(
        ["bakery-demo-launch-0000beef", f"packer-{int(START) - 4000:08x}{UUID_REST}", "packer-mine", "laptop"]
    )


def test_a_snapshot_that_a_droplet_runs_from_is_no_orphan() -> None:
    cloud = _account()
    assert [image.name for image in list_orphans(cloud, now=NOW).snapshots] == ["half"], "control"
    node = cloud.add_droplet("demo-nomad-client-1", tags=("bakery:demo",))
    cloud.droplets[node] = replace(cloud.droplets[node], image_id=11)
    assert list_orphans(cloud, now=NOW).snapshots == ()


def test_a_droplet_without_a_readable_date_stays() -> None:
    cloud = _account()
    for number, droplet in cloud.droplets.items():
        cloud.droplets[number] = replace(droplet, created_at="yesterday")
    assert list_orphans(cloud, now=NOW).droplets == ()


def test_a_cluster_named_build_is_no_build() -> None:
    """Its tags begin like those of a bake."""
    cloud = FakeCloud()
    tags = ("bakery:build", "bakery:build:role:nomad-client", "bakery:build:launch:0000beef", "bakery:build:ca:ab")
    cloud.add_droplet("build-nomad-client-1", tags=tags)
    cloud.add_droplet("bakery-old", tags=("bakery:build:old",))
    orphans = list_orphans(cloud, now=NOW)
    assert [droplet.name for droplet in orphans.droplets] == ["bakery-old"]
    assert orphans.tags == ("bakery:build:old",)
