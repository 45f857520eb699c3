"""The whole sweep: a launch that dies at any of its requests, and two hundred runs under random faults."""

from pathlib import Path

import pytest

from tests.helpers.fake_cloud import Fault
from tests.helpers.launch_sweep import kill_and_rerun, requests_of_a_launch, run_until_through

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER])
@pytest.mark.parametrize("lag", [0, 25])
def test_killed_at_any_request_the_next_run_makes_exactly_the_plan(
    tmp_path: Path, fault: Fault, lag: float
) -> None:
    numbers = requests_of_a_launch(tmp_path / "whole", lag=lag)
    assert len(numbers) > 30
    kill_and_rerun(tmp_path, numbers, fault, lag=lag)


@pytest.mark.parametrize("seed", range(1000, 1100))
def test_random_faults_converge_without_a_twin(tmp_path: Path, seed: int) -> None:
    run_until_through(tmp_path, seed)
