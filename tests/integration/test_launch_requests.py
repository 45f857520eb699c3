"""How many requests commands on nine droplets send: counts, with the numbers of the page on benchmarks."""

from pathlib import Path

import pytest

from tests.helpers.launch_processes import LAUNCH, forker, lab
from tests.helpers.launch_scale import cluster_file

pytestmark = pytest.mark.integration

LAUNCH_MOST, RERUN_MOST, PLAN_MOST, STATUS_MOST = 33, 15, 12, 12
"""The first is of a launch until its droplets are active. The wait for health lists them every ten seconds, so the
bench's launches of nine stay at 35."""


def test_nine_droplets(tmp_path: Path) -> None:
    with forker() as hand, lab(tmp_path, hand) as place:
        place.cluster_file = cluster_file(9)

        def requests(*command: str) -> list[tuple[str, str]]:
            place.api.forget_requests()
            place.run(command)
            return place.api.requests()

        first = requests(*LAUNCH)
        assert len([each for each in first if each == ("POST", "/v2/droplets")]) == 9
        assert len(first) <= LAUNCH_MOST, first
        again = requests(*LAUNCH)
        assert {method for method, _ in again} == {"GET"}
        assert len(again) <= RERUN_MOST, again
        shown = requests("plan")
        assert len(shown) <= PLAN_MOST, shown
        place.api.forget_requests()
        assert place.start(("status",)).wait() == 7, "no agents run in memory"
        assert 0 < len(place.api.requests()) <= STATUS_MOST
