"""``bakery scale``: the cluster file changes once the user has agreed to what was shown, and not before."""

import pytest

from tests.helpers.cli import SMALL, CliHarness
from tests.helpers.cli_schemas import check_answer

pytestmark = pytest.mark.integration

ACTIVE = ("launch", "--yes", "--wait", "active")


def _file(at: CliHarness) -> str:
    return (at.folder / "bakery.yaml").read_text(encoding="utf-8")


def test_a_dry_run_up_is_that_of_the_launch(at: CliHarness) -> None:
    at.write(SMALL)
    assert at(*ACTIVE).code == 0
    asked = at("--json", "launch", "--role", "nomad-client", "--count", "4", "--dry-run")
    scaled = at("--json", "scale", "nomad-client=4", "--dry-run")
    assert (scaled.code, scaled.json) == (asked.code, asked.json)
    check_answer(scaled.json, "changes")
    assert _file(at) == SMALL


def test_servers_scale_up_with_the_plan_of_the_new_file(at: CliHarness) -> None:
    at.write(SMALL)
    assert at(*ACTIVE).code == 0
    scaled = at("--json", "scale", "consul-server=3", "--dry-run")
    at.write(SMALL.replace("consul-server: {count: 1", "consul-server: {count: 3"))
    asked = at("--json", "launch", "--role", "consul-server", "--dry-run")
    assert (scaled.code, scaled.json) == (asked.code, asked.json)
    assert [line["name"] for line in scaled.json["changes"]] == ["demo-consul-server-2", "demo-consul-server-3"]


def test_a_launch_that_is_refused_leaves_the_file_as_it_is(at: CliHarness) -> None:
    at.write(SMALL)
    assert at(*ACTIVE).code == 0
    for image in at.api.get("/v2/images?private=true").json()["images"]:
        at.api.delete(f"/v2/images/{image['id']}")
    at.api.settle()
    refused = at("scale", "nomad-client=4", "--yes")
    assert refused.code == 2
    assert _file(at) == SMALL


def test_what_is_no_number_of_a_role_is_said(at: CliHarness) -> None:
    at.write(SMALL)
    for pair in ("=3", "nomad-client", "nomad-client=many", "nomad-client=-1"):
        ran = at("scale", pair)
        assert ran.code == 2
        assert f"error: {pair!r} is not ROLE=N with a whole number N" in ran.err


def test_a_roll_without_a_cluster_names_the_launch(at: CliHarness) -> None:
    at.write(SMALL)
    ran = at("roll", "--dry-run")
    assert ran.code in (2, 3)
    assert "bakery launch" in ran.err
