"""A sample of the sweep: launches that die at one of their requests, and runs under random faults."""

from pathlib import Path

import pytest

from tests.helpers.fake_cloud import Fault
from tests.helpers.launch_sweep import KILLS, kill_and_rerun, requests_of_a_launch, run_until_through

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("fast_disk")]

STRIDE = 5
SEEDS = range(0, 1000, 50)
"""Of the sweep's seeds."""


@pytest.mark.parametrize(("fault", "lag"), KILLS)
def test_killed_at_a_request_the_next_run_makes_exactly_the_plan(tmp_path: Path, fault: Fault, lag: float) -> None:
    """Each of the four starts at another request, so that together they strike at most of them."""
    numbers = requests_of_a_launch(tmp_path / "whole", lag=lag)
    assert len(numbers) > 30
    kill_and_rerun(tmp_path, numbers[KILLS.index((fault, lag)) :: STRIDE], fault, lag=lag)


def test_random_faults_converge_without_a_duplicate(tmp_path: Path) -> None:
    for seed in SEEDS:
        run_until_through(tmp_path / f"{seed}", seed)
