"""Every request and every write of a real launch and destroy, each struck once."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from bakery.emulator.faults.table import Moment
from tests.helpers.launch_cases import die_at_a_write, strike_destroy, strike_launch
from tests.helpers.launch_processes import DESTROY, LAUNCH, Forker
from tests.sweep.figures import Figures

pytestmark = [pytest.mark.sweep, pytest.mark.timeout(0)]

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MOMENTS: tuple[Moment, ...] = ("before", "after")
"""The emulator applies the request."""
ANSWER_S = 0.5
MOST = 700
"""More requests or writes than any run has."""
Strike = Callable[..., tuple[bool, list[float]]]


def _strike_all(
    figures: Figures, target: str, strike: Strike, hand: Forker, folder: Path, numbers: tuple[signal.Signals, ...]
) -> None:
    """Both sides of every request, until the run has no more of them."""
    cases, slowest = 0, 0.0
    for by in numbers:
        for moment in MOMENTS:
            for number in range(1, MOST):
                struck: list[bool] = []

                def one() -> None:
                    where = folder / f"{by.name}-{moment}-{number}"  # noqa: B023 - called at once
                    hit, seconds = strike(hand, where, number, moment, by)  # noqa: B023
                    struck.append(hit)  # noqa: B023
                    slow.extend(seconds)  # noqa: B023

                slow: list[float] = []
                figures.case(target, f"{by.name}, request {number}, {moment} it is applied", one)
                if struck == [False]:
                    break
                cases += 1
                slowest = max([slowest, *slow])
    answer = f", slowest answer {slowest * 1000:.0f} ms" if slowest else ""
    figures.tell(target, f"{figures.failures(target)} of {cases} cases failed{answer}")
    figures.check(target, f"an answer took {slowest:.1f} s", holds=slowest < ANSWER_S)
    figures.assert_met(target)


def test_kill_a_launch_at_every_request(figures: Figures, hand: Forker, tmp_path: Path) -> None:
    _strike_all(figures, "launch, kill -9", strike_launch, hand, tmp_path, (signal.SIGKILL,))


def test_signal_a_launch_at_every_request(figures: Figures, hand: Forker, tmp_path: Path) -> None:
    _strike_all(figures, "launch, signals", strike_launch, hand, tmp_path, ASKING)


def test_strike_a_destroy_at_every_request(figures: Figures, hand: Forker, tmp_path: Path) -> None:
    numbers = (signal.SIGKILL, *ASKING)
    _strike_all(figures, "destroy, kill -9 and signals", strike_destroy, hand, tmp_path, numbers)


def test_strike_at_every_write(figures: Figures, hand: Forker, tmp_path: Path) -> None:
    target = "local writes"
    for argv in (LAUNCH, DESTROY):
        cases = sum(_strike_writes(figures, target, hand, tmp_path, argv, by) for by in (signal.SIGKILL, *ASKING))
        figures.tell(target, f"{argv[0]}: {cases} moments")
    figures.tell(target, f"{figures.failures(target)} failed")
    figures.assert_met(target)


def _strike_writes(
    figures: Figures, target: str, hand: Forker, folder: Path, argv: tuple[str, ...], by: signal.Signals
) -> int:
    """How many there were."""
    for number in range(1, MOST):
        died: list[bool] = []

        def one() -> None:
            where = folder / f"{argv[0]}-{by.name}-{number}"  # noqa: B023 - called at once
            died.append(die_at_a_write(hand, where, argv, number, by=by))  # noqa: B023

        figures.case(target, f"{argv[0]}, {by.name}, write {number}", one)
        if died == [False]:
            return number - 1
    raise AssertionError  # no run has so many
