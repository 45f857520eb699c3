"""Two launches at once, request by request in seeded orders: on one machine the lock, on two the oldest wins."""

import re
from collections import Counter
from pathlib import Path

import pytest

from bakery.errors import LaunchError, LockedError
from tests.helpers.launch_bench import NAMES, small_plan
from tests.helpers.launch_races import Race

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("fast_disk")]


def _assert_one_cluster(race: Race) -> None:
    assert race.cloud.slots() == NAMES, race.seed
    assert len(set(race.cloud.names())) == len(NAMES), race.seed
    assert len(race.cloud.vpcs) == 1, race.seed
    firewalls = Counter(f.name.rsplit("-", 1)[0] for f in race.cloud.firewalls.values())
    assert firewalls == Counter(f.name for f in small_plan().firewalls), race.seed
    assert race.cloud.ssh_keys == {}, race.seed


def _assert_every_join_address_is_alive(race: Race, *, since: int = 0) -> None:
    """Of droplets with ids above ``since``: nobody was told to join a droplet that lost."""
    there = [droplet for droplet in race.cloud.droplets.values() if race.cloud.is_there(droplet.id)]
    alive = {droplet.private_ipv4 for droplet in there}
    for droplet in there:
        told = re.findall(r"10\.100\.0\.\d+", race.cloud.user_data[droplet.id])
        assert droplet.id <= since or set(told) <= alive, (race.seed, droplet.name)


@pytest.mark.parametrize("seed", range(50))
def test_on_one_machine_one_of_two_is_told_who_has_the_lock(tmp_path: Path, seed: int) -> None:
    race = Race(tmp_path, seed, same_machine=True)
    race.run()
    _assert_one_cluster(race)
    outcomes = [operator.outcome for operator in race.operators]
    assert sum(isinstance(outcome, LockedError) for outcome in outcomes) in (0, 1)
    for outcome in outcomes:
        if outcome is not None:
            assert isinstance(outcome, LockedError)
            assert outcome.message == "another bakery works on cluster demo"
            assert str(outcome.details).startswith("process ")


@pytest.mark.parametrize("seed", range(25))
def test_two_machines_that_launch_the_same_new_cluster(tmp_path: Path, seed: int) -> None:
    race = Race(tmp_path, seed, lag=(seed % 3) * 12)
    race.run()
    assert max(Counter(race.cloud.slots()).values()) == 1, seed
    assert sum(operator.outcome is None for operator in race.operators) >= 1, "somebody gets through"
    race.rerun()
    _assert_one_cluster(race)
    _assert_every_join_address_is_alive(race)


def _half_a_cluster(race: Race) -> int:
    """Both know the cluster; a third of it is gone. Returns its highest droplet id."""
    race.operators[0].bench.launch()
    race.share_state()
    for droplet in list(race.cloud.droplets.values()):
        if (droplet.id + race.seed) % 3 == 0:
            race.cloud.delete_droplet(droplet.id)
    return max(race.cloud.droplets)


@pytest.mark.parametrize("seed", range(25))
def test_two_machines_that_complete_the_same_cluster(tmp_path: Path, seed: int) -> None:
    race = Race(tmp_path, seed, lag=(seed % 3) * 12)
    newest = _half_a_cluster(race)
    race.run()
    for operator in race.operators:
        assert operator.outcome is None or isinstance(operator.outcome, LockedError | LaunchError), seed
    race.rerun()
    _assert_one_cluster(race)
    _assert_every_join_address_is_alive(race, since=newest)
    made = [droplet.name for droplet in race.cloud.droplets.values()]
    assert len(set(made)) == len(made), (seed, "those that lost, too, had names of their own")
    race.operators[1].bench.destroy()
    assert (race.cloud.names(), race.cloud.vpcs, race.cloud.firewalls, race.cloud.tags) == ([], {}, {}, {})


def test_without_looking_again_there_are_twins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: the races above are real ones."""

    monkeypatch.setattr("bakery.launch.converge.droplets.our_duplicates", lambda session, members, listed: [])
    twins = 0
    for seed in range(10):
        race = Race(tmp_path / f"{seed}", seed)
        _half_a_cluster(race)
        race.run()
        twins += len(race.cloud.names()) - len(NAMES)
    assert twins > 0


def test_without_settling_firewalls_there_are_two_of_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: some of the launches of a new cluster meet between its VPC and its firewalls."""
    monkeypatch.setattr(
        "bakery.launch.converge.network.our_duplicate_firewalls", lambda session, planned, listed: ()
    )
    monkeypatch.setattr(
        "bakery.launch.converge.run.resolve_duplicate_firewalls", lambda session, planned, listed: listed
    )
    extra = 0
    for seed in range(50):
        race = Race(tmp_path / f"{seed}", seed)
        race.run()
        extra += len(race.cloud.firewalls) - 3
    assert extra > 0
