"""A cluster on a fake account for the tests of every room of launch."""

from pathlib import Path

import pytest

from tests.helpers.launch_harness import LaunchHarness


@pytest.fixture(autouse=True)
def _fast_disk(fast_disk: None) -> None: ...


@pytest.fixture
def harness(tmp_path: Path) -> LaunchHarness:
    return LaunchHarness(tmp_path)
