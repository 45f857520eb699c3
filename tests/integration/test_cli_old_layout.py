"""A cluster of bakery 0.1, by commands: its droplets have neither slot nor generation tags."""

import pytest

from tests.helpers.cli import CliHarness

pytestmark = pytest.mark.integration

ACTIVE = ("launch", "--yes", "--wait", "active")


@pytest.fixture
def at(at: CliHarness) -> CliHarness:
    assert at(*ACTIVE).code == 0
    new = [tag["name"] for tag in at.api.get("/v2/tags?per_page=200").json()["tags"]]
    new = [tag for tag in new if ":slot:" in tag or ":gen:" in tag]
    assert len(new) == 5, "control: four slots and a generation"
    for tag in new:
        assert at.api.delete(f"/v2/tags/{tag}").status_code == 204
    return at


def _names(at: CliHarness) -> list[str]:
    return sorted(droplet["name"] for droplet in at.api.get("/v2/droplets").json()["droplets"])


FOUR = ["demo-consul-server-1", "demo-nomad-client-1", "demo-nomad-client-2", "demo-nomad-server-1"]


def test_it_is_found_and_nothing_changes(at: CliHarness) -> None:
    planned, launched = at("plan", "--exit-code"), at(*ACTIVE)
    assert (planned.code, launched.code) == (0, 0)
    assert _names(at) == FOUR


def test_it_grows_and_is_destroyed(at: CliHarness) -> None:
    assert at("launch", "--yes", "--wait", "active", "--role", "nomad-client", "--count", "3").code == 0
    assert _names(at) == sorted([*FOUR, "demo-nomad-client-3"])
    assert at("destroy", "--yes").code == 0
    assert _names(at) == []
    left = [tag["name"] for tag in at.api.get("/v2/tags?per_page=200").json()["tags"]]
    assert [tag for tag in left if tag.startswith("bakery:demo")] == []
