"""A launch's cost grows with the droplets alone, and never more than eight requests are under way."""

from pathlib import Path

import pytest

from tests.helpers.launch_processes import forker
from tests.helpers.launch_scale import measure

pytestmark = pytest.mark.integration


def test_a_hundred_droplets(tmp_path: Path) -> None:
    with forker() as hand:
        few = measure(hand, tmp_path / "few", 9, delay_s=0.01)
        many = measure(hand, tmp_path / "many", 100, delay_s=0.01)
    # Each droplet is one request; every look at all of them is one more.
    assert many.requests - few.requests < 91 + 30
    assert 1 < many.at_once <= 8
    assert many.mebibytes < 300
