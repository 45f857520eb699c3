"""Many seeds of what CI samples: storms, stale lists, races; and the number of requests."""

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from bakery.errors import LockedError
from tests.helpers.launch_bench import NAMES, Bench, small_plan
from tests.helpers.launch_races import Race
from tests.helpers.launch_states import CASES, Case, check
from tests.helpers.launch_storm import weather_a_storm
from tests.helpers.launch_sweep import run_until_through
from tests.sweep.figures import Figures

STATES = 10_000
pytestmark = [pytest.mark.sweep, pytest.mark.timeout(0), pytest.mark.usefixtures("fast_disk")]


def _all_seeds(figures: Figures, bar: str, seeds: int, run: Callable[[int], object]) -> None:
    for seed in range(seeds):
        figures.case(bar, f"seed {seed}", lambda: run(seed))  # noqa: B023 - called at once
    figures.tell(bar, f"{figures.failures(bar)} of {seeds} seeds failed")
    figures.assert_met(bar)


def test_storms(figures: Figures, tmp_path: Path) -> None:
    met: Counter[str] = Counter()
    _all_seeds(figures, "storm", 200, lambda seed: met.update(weather_a_storm(tmp_path / f"{seed}", seed)))
    figures.tell("storm", f"{met.total()} requests went wrong")


def test_stale_lists(figures: Figures, tmp_path: Path) -> None:
    _all_seeds(figures, "stale lists", 1000, lambda seed: run_until_through(tmp_path / f"{seed}", seed))


def test_one_machine(figures: Figures, tmp_path: Path) -> None:
    locked = 0

    def run(seed: int) -> None:
        nonlocal locked
        race = Race(tmp_path / f"{seed}", seed, same_machine=True)
        race.run()
        assert race.cloud.names() == NAMES
        told = [o.outcome for o in race.operators if o.outcome is not None]
        assert all(isinstance(error, LockedError) for error in told)
        locked += len(told)

    _all_seeds(figures, "one machine, two launches", 500, run)
    figures.tell("one machine, two launches", f"{locked} met the lock")


def test_two_machines(figures: Figures, tmp_path: Path) -> None:
    deleted = 0

    def run(seed: int) -> None:
        nonlocal deleted
        race = Race(tmp_path / f"{seed}", seed, lag=(seed % 3) * 12)
        if seed % 2:
            race.operators[0].bench.launch()
            race.share_state()
            for number in list(race.cloud.droplets)[seed % 3 :: 3]:
                race.cloud.delete_droplet(number)
        race.cloud.revive()
        race.run()
        deleted += len([call for call in race.cloud.calls if call.name == "delete_droplet"])
        race.rerun()
        assert race.cloud.slots() == NAMES
        assert (len(race.cloud.firewalls), len(race.cloud.vpcs), len(race.cloud.ssh_keys)) == (3, 1, 0)

    _all_seeds(figures, "two machines, two launches", 500, run)
    figures.tell("two machines, two launches", f"{deleted} twins made and removed again")


def test_requests(figures: Figures, tmp_path: Path) -> None:
    used = {}
    for droplets in (9, 30):
        bench = Bench(tmp_path / f"{droplets}", plan=small_plan(clients=droplets - 6))
        bench.cloud.account = replace(bench.cloud.account, droplet_limit=100)
        bench.launch()
        used[droplets] = len(bench.cloud.calls)
        bench.cloud.revive()
        bench.launch()
        assert bench.cloud.mutations == []
    figures.tell("requests", f"{used[9]} for 9, {used[30]} for 30, 0 changing ones in a rerun")
    figures.check("requests", str(used), holds=used[9] <= 60 and used[30] <= 120)
    figures.assert_met("requests")


def test_random_states(figures: Figures, tmp_path: Path) -> None:
    """Hypothesis stops at the first failure and prints the smallest case as code."""
    tried = 0

    @settings(max_examples=STATES, deadline=None, database=None)
    @given(case=CASES)
    def one(case: Case) -> None:
        nonlocal tried
        tried += 1
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            check(case, Path(folder))

    figures.case("random states", "hypothesis", one)
    figures.tell("random states", f"{figures.failures('random states')} of {tried} cases failed")
    figures.assert_met("random states")
