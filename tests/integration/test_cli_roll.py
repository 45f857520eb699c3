"""``bakery roll`` of a cluster that is not healthy: what would be replaced, then what stands in the way."""

import pytest

from tests.helpers.cli import CliHarness

pytestmark = pytest.mark.integration

ALL = ("roll", "--because", "age", "--older-than", "0")


@pytest.fixture
def at(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> CliHarness:
    """A cluster whose droplets run no agents."""
    assert at("launch", "--yes", "--wait", "active").code == 0
    monkeypatch.setenv("BAKERY_DEADLINE_FACTOR", "0.01")
    return at


def test_a_dry_run_lists_the_nodes_and_then_says_why_not_now(at: CliHarness) -> None:
    ran = at(*ALL, "--dry-run")
    assert ran.code == 7
    for number, name in enumerate(("consul-server-1", "nomad-server-1", "nomad-client-1", "nomad-client-2"), 1):
        assert f"  {number}. demo-{name}" in ran.out
    assert "demo is not healthy, so no node may be replaced now" in ran.err
    assert "waiting up to 20 s for demo to be healthy: " in ran.err


def test_a_roll_shows_the_list_and_asks_nothing(at: CliHarness) -> None:
    before = {droplet["id"] for droplet in at.api.get("/v2/droplets").json()["droplets"]}
    ran = at(*ALL, "--yes")
    assert ran.code == 7
    assert "  1. demo-consul-server-1" in ran.err
    assert {droplet["id"] for droplet in at.api.get("/v2/droplets").json()["droplets"]} == before


def test_as_json_the_error_is_the_answer(at: CliHarness) -> None:
    ran = at("--json", *ALL, "--dry-run")
    assert ran.code == 7
    assert "not healthy" in ran.err
