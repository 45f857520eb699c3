"""What counts as an orphan of a dead launch or bake, and what must not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bakery.cloud.model import ReservedIp
from bakery.errors import DeadlineError
from bakery.operations.collect_garbage import list_orphans, remove_orphans
from bakery.plan.tags import address_tag
from tests.helpers.fake_cloud import START, FakeCloud
from tests.helpers.ingress_bench import LETS_ENCRYPT, ingress_bench
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


def test_ways_in_of_clusters_without_droplets_are_orphans(tmp_path: Path) -> None:
    """A live cluster's, a young one's, and those of other programs are not."""
    harness = ingress_bench(tmp_path)
    cloud = harness.cloud
    harness.launch()
    (live,) = cloud.balancers.values()
    dead = replace(live, id="dead", name="bakery-gone-ingress-1a2b3c4d", created_at="2023-11-01T00:00:00Z")
    for balancer in (dead, replace(dead, id="user", name="web"), replace(dead, id="old", name=live.name)):
        cloud.balancers[balancer.id] = balancer
    cloud.balancers["young"] = replace(dead, id="young", created_at=f"{NOW:%Y-%m-%dT%H:%M:%SZ}")
    for address, tag in (("203.0.113.1", address_tag("gone", "203.0.113.1")), ("203.0.113.2", "web")):
        cloud.reserved[address] = ReservedIp(ip=address, region="fra1", droplet_id=None, locked=False)
        cloud.create_tag(tag)

    found = list_orphans(cloud, now=NOW)
    assert [each.id for each in found.ways_in.balancers] == ["dead"]
    assert [each.ip for each in found.ways_in.reserved_ips] == ["203.0.113.1"]
    assert ("load balancer", "bakery-gone-ingress-1a2b3c4d") in found.named
    remove_orphans(cloud, found)
    assert sorted(cloud.balancers) == sorted([live.id, "old", "user", "young"])
    assert list(cloud.reserved) == ["203.0.113.2"]


def with_a_dead_balancer(folder: Path) -> FakeCloud:
    """Its cluster has no droplets; its certificate is in use for some time after it is deleted."""
    harness = ingress_bench(folder, LETS_ENCRYPT)
    harness.launch()
    cloud = harness.cloud
    for droplet in tuple(cloud.droplets):
        cloud.delete_droplet(droplet)
    cloud.freed_after = 60
    return cloud


def test_a_certificate_is_deleted_when_its_balancer_has_let_it_go(tmp_path: Path) -> None:
    cloud = with_a_dead_balancer(tmp_path)
    found = list_orphans(cloud, now=NOW)
    assert [kind for kind, _ in found.named] == ["load balancer", "certificate"]
    remove_orphans(cloud, found, clock=cloud.clock)
    assert (cloud.balancers, cloud.certificates) == ({}, {})


def test_a_certificate_that_stays_in_use_is_named(tmp_path: Path) -> None:
    cloud = with_a_dead_balancer(tmp_path)
    cloud.freed_after = 10_000
    (certificate,) = cloud.certificates.values()
    with pytest.raises(DeadlineError, match=f"certificate {certificate.name} to be free") as late:
        remove_orphans(cloud, list_orphans(cloud, now=NOW), clock=cloud.clock)
    assert "not in use before deleting" in str(late.value.details)
