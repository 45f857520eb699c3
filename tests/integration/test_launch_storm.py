"""A fifth of all requests goes wrong over HTTP: all end with exactly the plan; ``make sweep`` takes 200."""

from pathlib import Path

import pytest

from bakery.cloud.digitalocean import DigitalOcean
from bakery.cloud.model import Droplet, DropletRequest
from bakery.emulator.faults.table import Fault
from bakery.errors import UnreachableError
from tests.helpers.launch_harness import NAMES
from tests.helpers.launch_storm import KINDS, stormy, weather_a_storm

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("fast_disk")]

SEEDS = (0, 50, 100, 150)
"""Of the sweep's 200."""
LOST_CREATE = Fault(method="POST", path="/v2/droplets", lost_reply=True)


def test_storms_of_all_kinds_leave_exactly_the_plan(tmp_path: Path) -> None:
    met: set[str] = set()
    for seed in SEEDS:
        of_this = weather_a_storm(tmp_path / f"{seed}", seed)
        assert of_this, "control: something went wrong"
        met |= set(of_this)
    assert met == set(KINDS)


def test_a_lost_reply_to_a_create_makes_no_extra_droplet(tmp_path: Path) -> None:
    with stormy(tmp_path) as place:
        place.api.emulator.faults.add(LOST_CREATE)
        place.launch_until_done()
        assert place.api.emulator.faults.all() == []
        assert place.names() == NAMES


def test_a_create_that_is_sent_again_blindly_makes_an_extra_droplet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: this is what most clients do, and what a storm would show."""
    once = DigitalOcean.create_droplet

    def again(cloud: DigitalOcean, request: DropletRequest) -> Droplet:
        try:
            return once(cloud, request)
        except UnreachableError:
            return once(cloud, request)

    monkeypatch.setattr(DigitalOcean, "create_droplet", again)
    monkeypatch.setattr("bakery.launch.converge.droplets.our_duplicates", lambda session, members, listed: [])
    with stormy(tmp_path) as place:
        place.api.emulator.faults.add(LOST_CREATE)
        place.launch_until_done()
        assert len(place.names()) == len(NAMES) + 1
