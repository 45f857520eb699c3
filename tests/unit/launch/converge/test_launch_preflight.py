"""What a launch refuses before it has made anything; each case changes one thing of an account that is fine."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.errors import CredentialsError, UsageError
from bakery.launch.converge.preflight import check_trust
from bakery.launch.converge.verdict import Outcome, exit_code_of, outcome_of, refusal
from tests.helpers.launch_harness import IMAGE, LaunchHarness, small_plan


def _full(harness: LaunchHarness) -> None:
    harness.cloud.account = replace(harness.cloud.account, droplet_limit=8)


def _locked(harness: LaunchHarness) -> None:
    harness.cloud.account = replace(harness.cloud.account, status="locked")


def _no_region(harness: LaunchHarness) -> None:
    harness.plan = replace(harness.plan, region="fra9")


def _region_closed(harness: LaunchHarness) -> None:
    harness.cloud.regions = (replace(harness.cloud.regions[0], available=False),)


def _vpc_overlaps(harness: LaunchHarness) -> None:
    harness.cloud.add_vpc("office", ip_range="10.100.8.0/24")


def _vpc_other_range(harness: LaunchHarness) -> None:
    harness.cloud.add_vpc("bakery-demo", ip_range="10.9.0.0/20")


def _vpc_elsewhere(harness: LaunchHarness) -> None:
    harness.cloud.add_vpc("bakery-demo", ip_range="10.9.0.0/20", region="nyc3")


def _size(slug: str) -> Callable[[LaunchHarness], None]:
    def change(harness: LaunchHarness) -> None:
        harness.plan = small_plan(size=slug)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_full, "the account would have 9 droplets, and may have 8"),
        (_locked, "the DigitalOcean account is locked"),
        (_no_region, "DigitalOcean has no region 'fra9'"),
        (_region_closed, "region fra1 takes no new droplets at present"),
        (_vpc_overlaps, "VPC range 10.100.0.0/20 overlaps 10.100.8.0/24 of VPC office in fra1"),
        (_vpc_other_range, "VPC bakery-demo has the range 10.9.0.0/20, the plan says 10.100.0.0/20"),
        (_vpc_elsewhere, "VPC bakery-demo is in region nyc3, the plan says fra1"),
        (_size("s-none"), "DigitalOcean has no size 's-none'"),
        (_size("s-far"), "size s-far is not to be had in region fra1"),
        (_size("s-tiny"), "size s-tiny has a disk of 10 GB, snapshot bakery-snapshot needs 25 GB"),
    ],
)
def test_obstacles_stop_the_launch_before_it_makes_anything(
    tmp_path: Path, change: Callable[[LaunchHarness], None], message: str
) -> None:
    harness = LaunchHarness(tmp_path)
    change(harness)
    with pytest.raises(UsageError) as caught:
        harness.launch()
    assert message in caught.value.message
    assert caught.value.exit_code == 2
    assert harness.cloud.mutations == []
    assert harness.cloud.droplets == {}


@pytest.mark.parametrize(
    "change", [_full, _locked, _no_region, _region_closed, _vpc_overlaps, _vpc_other_range, _size("s-none")]
)
def test_a_preview_says_what_the_launch_will(tmp_path: Path, change: Callable[[LaunchHarness], None]) -> None:
    harness = LaunchHarness(tmp_path)
    change(harness)
    changes = harness.preview()
    assert outcome_of(changes) is Outcome.CANNOT
    assert exit_code_of(changes, tells_changes=True) == 2
    with pytest.raises(UsageError) as caught:
        harness.launch()
    assert caught.value == refusal(changes.obstacles)


def test_lost_credentials_weigh_more_than_the_rest(tmp_path: Path) -> None:
    harness = LaunchHarness(tmp_path)
    harness.launch()
    harness.plan = small_plan(clients=4, size="s-none")
    changes = harness.preview(ca_fingerprint=None)
    assert [obstacle.code for obstacle in changes.obstacles] == ["credentials_lost", "size_unknown"]
    assert exit_code_of(changes) == 3
    assert exit_code_of(harness.preview()) == 2, "control: with them it is the size"


def test_a_price_that_is_not_known_is_not_nothing(tmp_path: Path) -> None:
    changes = LaunchHarness(tmp_path, plan=small_plan(size="s-none")).preview()
    assert changes.total.unknown == changes.added.unknown == ("s-none",)
    assert LaunchHarness(tmp_path).preview().total.unknown == (), "control"


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (replace(IMAGE, status="pending"), "snapshot bakery-snapshot is pending, not available"),
        (replace(IMAGE, regions=("nyc3",)), "snapshot bakery-snapshot is not in region fra1 (it is in nyc3)"),
    ],
)
def test_a_snapshot_that_cannot_boot_here(tmp_path: Path, image: object, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        LaunchHarness(tmp_path).launch(image=image)
    assert caught.value.message == message


def test_every_obstacle_is_told_at_once(tmp_path: Path) -> None:
    harness = LaunchHarness(tmp_path)
    _full(harness)
    _vpc_overlaps(harness)
    harness.plan = replace(small_plan(size="s-none"), ssh_keys=("phone",))
    with pytest.raises(UsageError) as caught:
        harness.launch()
    assert caught.value.message == "4 obstacles make the launch impossible"
    lines = str(caught.value.details).splitlines()
    assert lines[::2] == [
        "the account would have 9 droplets, and may have 8",
        "VPC range 10.100.0.0/20 overlaps 10.100.8.0/24 of VPC office in fra1",
        "DigitalOcean has no size 's-none'",
        "no SSH key 'phone' in the account",
    ]
    assert all(line.startswith("  help: ") for line in lines[1::2]), "each with its next step below it"


def test_a_bundle_is_not_made_anew_for_droplets_that_run(tmp_path: Path) -> None:
    harness = LaunchHarness(tmp_path)
    harness.cloud.add_droplet("demo-consul-server-1", tags=("bakery:demo", "bakery:demo:ca:aaaaaaaaaaaaaaaa"))
    droplets = tuple(harness.cloud.droplets.values())
    with pytest.raises(CredentialsError, match="its credentials are not here"):
        check_trust(droplets, "demo", None)
    with pytest.raises(CredentialsError) as caught:
        check_trust(droplets, "demo", "b" * 64)
    assert caught.value.details == "another CA made the certificates of demo-consul-server-1"
    check_trust(droplets, "demo", "a" * 64)  # control: the right bundle passes
    check_trust((), "demo", None)  # and so does a cluster that is not there yet
