"""A fifth of all requests goes wrong over HTTP: all end with exactly the plan; ``make sweep`` takes 200."""

from pathlib import Path

import pytest

from bakery.cloud.digitalocean import DigitalOcean
from bakery.cloud.model import Droplet, DropletRequest
from bakery.errors import UnreachableError
from tests.helpers.launch_bench import NAMES
from tests.helpers.launch_storm import KINDS, stormy

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


@pytest.mark.parametrize("seed", range(8))
def test_a_storm_leaves_exactly_the_plan(tmp_path: Path, seed: int) -> None:
    with stormy(tmp_path, seed) as place:
        place.launch_until_done()
        assert place.names() == NAMES
        assert place.storm.met, "control: something went wrong"
        place.storm.calm()
        assert place.launch().changes.empty


def test_the_storm_has_all_kinds(tmp_path: Path) -> None:
    met: set[str] = set()
    for seed in range(4):
        with stormy(tmp_path / f"{seed}", seed) as place:
            place.launch_until_done()
            met |= set(place.storm.met)
    assert met == set(KINDS)


def test_a_create_that_is_sent_again_blindly_makes_extra_droplets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: this is what most clients do, and what the storm would show."""
    once = DigitalOcean.create_droplet

    def again(cloud: DigitalOcean, request: DropletRequest) -> Droplet:
        for _ in range(20):
            try:
                return once(cloud, request)
            except UnreachableError:
                continue
        raise AssertionError

    monkeypatch.setattr(DigitalOcean, "create_droplet", again)
    monkeypatch.setattr(
        "bakery.launch.converge.droplets.resolve_duplicates", lambda session, members, listed: dict(members)
    )
    for seed in range(40):  # one launch in four loses the reply to a create
        with stormy(tmp_path / f"{seed}", seed) as place:
            place.launch_until_done()
            if len(place.names()) > len(NAMES):
                return
    pytest.fail("no storm has shown what it is there to show")
