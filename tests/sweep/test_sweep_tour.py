"""The tour again in the same home."""

from pathlib import Path

import pytest

from tests.helpers.environment import clear_environment
from tests.helpers.make import check_tour

pytestmark = [pytest.mark.sweep, pytest.mark.timeout(600)]


def test_the_tour_twice_without_a_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)
    for _ in range(2):
        check_tour(tmp_path)
