"""Two launches at once, request by request in seeded orders: on one machine the lock, on two the oldest wins."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.launch_harness import NAMES
from tests.helpers.launch_races import (
    Race,
    lose_a_third,
    race_for_a_new_cluster,
    race_on_one_machine,
    race_to_complete,
)

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("fast_disk")]


SAMPLE = range(0, 500, 50)
"""Of the sweep's seeds."""


def test_on_one_machine_one_of_two_is_told_who_has_the_lock(tmp_path: Path) -> None:
    refused = [race_on_one_machine(tmp_path / f"{seed}", seed) for seed in SAMPLE]
    assert sum(refused) > 0  # control: they have met


@pytest.mark.parametrize("race", [race_for_a_new_cluster, race_to_complete])
def test_two_machines_that_launch_the_same_cluster(tmp_path: Path, race: Callable[[Path, int], int]) -> None:
    for seed in SAMPLE:
        race(tmp_path / f"{seed}", seed)


def test_without_looking_again_there_are_twins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: the races above are real ones."""
    monkeypatch.setattr("bakery.launch.converge.droplets.our_duplicates", lambda session, members, listed: [])
    assert any(_extra_droplets(tmp_path / f"{seed}", seed) for seed in range(10))


def _extra_droplets(folder: Path, seed: int) -> int:
    race = Race(folder, seed)
    lose_a_third(race)
    race.run()
    return len(race.cloud.names()) - len(NAMES)


def test_without_settling_firewalls_there_are_two_of_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: some of the launches of a new cluster meet between its VPC and its firewalls."""
    monkeypatch.setattr(
        "bakery.launch.converge.network.our_duplicate_firewalls", lambda session, planned, listed: ()
    )
    monkeypatch.setattr(
        "bakery.launch.converge.run.resolve_duplicate_firewalls", lambda session, planned, listed: listed
    )
    assert any(_extra_firewalls(tmp_path / f"{seed}", seed) for seed in range(50))


def _extra_firewalls(folder: Path, seed: int) -> int:
    race = Race(folder, seed)
    race.run()
    return len(race.cloud.firewalls) - 3
