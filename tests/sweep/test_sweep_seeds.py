"""Many seeds of what CI samples: storms, stale lists, races; and the number of requests."""

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.helpers.launch_harness import LaunchHarness, small_plan
from tests.helpers.launch_races import race_for_a_new_cluster, race_on_one_machine, race_to_complete
from tests.helpers.launch_states import CASES, Case, check
from tests.helpers.launch_storm import weather_a_storm
from tests.helpers.launch_sweep import KILLS, kill_and_rerun, requests_of_a_launch, run_until_through
from tests.sweep.figures import Figures

STATES = 10_000
pytestmark = [pytest.mark.sweep, pytest.mark.timeout(0), pytest.mark.usefixtures("fast_disk")]


def _all_seeds(figures: Figures, target: str, seeds: int, run: Callable[[int], object]) -> None:
    for seed in range(seeds):
        figures.case(target, f"seed {seed}", lambda: run(seed))  # noqa: B023 - called at once
    figures.tell(target, f"{figures.failures(target)} of {seeds} seeds failed")
    figures.assert_met(target)


def test_storms(figures: Figures, tmp_path: Path) -> None:
    met: Counter[str] = Counter()
    _all_seeds(figures, "storm", 200, lambda seed: met.update(weather_a_storm(tmp_path / f"{seed}", seed)))
    figures.tell("storm", f"{met.total()} requests went wrong")


def test_stale_lists(figures: Figures, tmp_path: Path) -> None:
    _all_seeds(figures, "stale lists", 1000, lambda seed: run_until_through(tmp_path / f"{seed}", seed))


def test_killed_at_any_request(figures: Figures, tmp_path: Path) -> None:
    """Of a launch on lists that are behind; those that are not are struck in test_sweep_processes.py, too."""
    target, cases = "stale lists", 0
    for fault, lag in KILLS:
        numbers = requests_of_a_launch(tmp_path / f"{fault}-{lag}", lag=lag)
        for number in numbers:
            folder = tmp_path / f"{fault}-{lag}-{number}"
            where = f"{fault.name} request {number}, lag {lag} s"
            figures.case(target, where, lambda: kill_and_rerun(folder, [number], fault, lag=lag))  # noqa: B023
        cases += len(numbers)
    figures.tell(target, f"{figures.failures(target)} of {cases} deaths failed")
    figures.assert_met(target)


def test_one_machine(figures: Figures, tmp_path: Path) -> None:
    target, locked = "one machine, two launches", []
    _all_seeds(figures, target, 500, lambda seed: locked.append(race_on_one_machine(tmp_path / f"{seed}", seed)))
    figures.tell(target, f"{sum(locked)} met the lock")


def test_two_machines(figures: Figures, tmp_path: Path) -> None:
    target, deleted = "two machines, two launches", []

    def run(seed: int) -> None:
        race = race_to_complete if seed % 2 else race_for_a_new_cluster
        deleted.append(race(tmp_path / f"{seed}", seed))

    _all_seeds(figures, target, 500, run)
    figures.tell(target, f"{sum(deleted)} duplicates made and removed again")


def test_requests(figures: Figures, tmp_path: Path) -> None:
    used = {}
    for droplets in (9, 30):
        harness = LaunchHarness(tmp_path / f"{droplets}", plan=small_plan(clients=droplets - 6))
        harness.cloud.account = replace(harness.cloud.account, droplet_limit=100)
        harness.launch()
        used[droplets] = len(harness.cloud.calls)
        harness.cloud.revive()
        harness.launch()
        assert harness.cloud.mutations == []
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
