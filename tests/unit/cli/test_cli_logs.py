"""``bakery logs`` of a quiet agent: the suggested command shows more than the one that was run."""

import pytest

from bakery.cli.logs import advice
from bakery.hints import Command


@pytest.mark.parametrize("level", ["info", "warn", "error"])
def test_a_lower_level_shows_more(level: str) -> None:
    assert advice("n-1", "nomad", level) == Command("logs", "n-1", "--agent", "nomad", "--level", "debug")


@pytest.mark.parametrize("level", ["debug", "trace"])
def test_at_the_lowest_levels_more_time_shows_more(level: str) -> None:
    assert advice("n-1", "nomad", level) == Command(
        "logs", "n-1", "--agent", "nomad", "--level", level, "--follow"
    )
