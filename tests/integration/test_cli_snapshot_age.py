"""A snapshot grows old: images, doctor and status say so, and a fresh one can be baked."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.helpers.cli import CliHarness
from tests.helpers.cli_schemas import check_answer

pytestmark = pytest.mark.integration

FRESH = "bakery build-image --fresh"


def age(at: CliHarness, days: float) -> None:
    """Have the account's snapshot made so long ago."""
    (snapshot,) = at.api.emulator.state.images.snapshots()
    snapshot.created_at = datetime.now(UTC) - timedelta(days=days)


def snapshot_check(at: CliHarness) -> tuple[bool, str, str | None]:
    ran = at("doctor", "--json")
    check_answer(ran.json, "doctor")
    (check,) = [each for each in ran.json["checks"] if each["name"] == "snapshot"]
    return check["passed"], check["message"], check["remedy"]


def test_images_shows_the_age(at: CliHarness) -> None:
    age(at, 12.5)
    ran = at("images", "--json")
    check_answer(ran.json, "images")
    assert [image["age_days"] for image in ran.json["images"]] == [12]
    header, row = (line.split() for line in at("images").out.splitlines())
    assert header[-2:] == ["AGE", "CURRENT"]
    assert row[-3:] == ["12", "d", "yes"]


def test_of_equal_snapshots_the_newest_is_the_one_that_a_launch_takes(at: CliHarness) -> None:
    (first,) = at("images", "--json").json["images"]
    assert first["current"] is True  # control
    second = at.bake()
    ran = at("images", "--json")
    check_answer(ran.json, "images")
    assert {image["id"]: image["current"] for image in ran.json["images"]} == {first["id"]: False, second: True}


@pytest.mark.parametrize(("days", "passed"), [(0, True), (30.5, True), (31.5, False), (400, False)])
def test_doctor_fails_after_thirty_days_and_names_the_command(
    at: CliHarness, days: float, *, passed: bool
) -> None:
    age(at, days)
    found, message, remedy = snapshot_check(at)
    assert found is passed
    if not passed:
        assert message == f"bakery-stand-in is {int(days)} days old and lacks the security updates since then"
        assert remedy is not None
        assert remedy.startswith(FRESH)


def test_status_warns_of_the_snapshot_that_nodes_run_from(at: CliHarness) -> None:
    assert at("launch", "--wait", "active", "--yes").code == 0
    young = at("status")
    assert "warning:" not in young.err  # control
    age(at, 45.2)
    ran = at("status", "--json")
    check_answer(ran.json, "status")
    assert ran.code == young.code
    (line,) = [line for line in ran.err.splitlines() if line.startswith("warning:")]
    assert line.startswith("warning: nodes run from snapshot bakery-stand-in, which is 45 days old")
    assert line.endswith(FRESH)


def test_status_says_nothing_of_a_snapshot_that_no_node_runs_from(at: CliHarness) -> None:
    assert at("launch", "--wait", "active", "--yes").code == 0
    droplets = at.api.emulator.state.droplets.all()
    (snapshot,) = at.api.emulator.state.images.snapshots()
    other = at.api.active(name="other")
    at.api.act(other["id"], "snapshot", name="old")
    (old,) = [image for image in at.api.emulator.state.images.snapshots() if image.id != snapshot.id]
    old.created_at -= timedelta(days=100)
    assert {droplet.image_id for droplet in droplets} == {snapshot.id}
    assert "warning:" not in at("status").err


def test_a_fresh_bake_does_not_take_the_equal_snapshot(at: CliHarness) -> None:
    assert at("build-image", "--dry-run", "--json").json == {"bakes": False}  # control
    ran = at("build-image", "--dry-run", "--fresh", "--json")
    check_answer(ran.json, "build-image-dry-run")
    assert ran.json == {"bakes": True}
    assert "nothing to bake" not in ran.err
    assert "+ snapshot" in at("build-image", "--dry-run", "--fresh").out
    assert at.changing() == []
