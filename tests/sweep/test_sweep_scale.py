"""Hundreds and thousands of droplets."""

from pathlib import Path

import pytest

from tests.helpers.droplet_list import list_by_tag
from tests.helpers.launch_processes import Forker
from tests.helpers.launch_scale import measure
from tests.sweep.figures import Figures

pytestmark = [pytest.mark.sweep, pytest.mark.timeout(0)]


def test_five_hundred_droplets(figures: Figures, hand: Forker, tmp_path: Path) -> None:
    cost = measure(hand, tmp_path, 500, delay_s=0.01)
    figures.tell(
        "scale",
        f"{cost.requests} requests, {cost.mebibytes:.0f} MiB, at most {cost.at_once} at once,"
        f" {cost.seconds:.0f} s of bakery's own work",
    )
    figures.check("scale", str(cost), holds=cost.requests < 600 and cost.mebibytes < 300 and cost.at_once <= 8)
    figures.assert_met("scale")


def test_two_thousand_droplets_are_listed_by_tag_page_by_page() -> None:
    list_by_tag(2000)
