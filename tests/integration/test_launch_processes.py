"""Real launches and destroys, struck at sampled requests and writes; ``make sweep`` takes every one."""

import random
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.proc import run
from tests.helpers.launch_cases import die_at_a_write, strike_destroy, strike_launch
from tests.helpers.launch_gate import Hold
from tests.helpers.launch_processes import DESTROY, LAUNCH, Forker, forker, lab

pytestmark = pytest.mark.integration

SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SEED = 20261124
LAUNCH_REQUESTS, DESTROY_REQUESTS, LAUNCH_WRITES = 32, 31, 160
"""Of an undisturbed run, about; the sweep counts."""
_dice = random.Random(SEED)  # noqa: S311 - a test's dice


def _points(requests: int, each: int) -> list[tuple[int, bool, signal.Signals]]:
    """For every signal, before and after the request is applied, some requests."""
    return [
        (number, applied, by)
        for by in SIGNALS
        for applied in (False, True)
        for number in sorted(_dice.sample(range(1, requests + 1), each))
    ]


@pytest.fixture(scope="module")
def hand() -> Iterator[Forker]:
    with forker() as running:
        yield running


@pytest.mark.parametrize(("number", "applied", "by"), _points(LAUNCH_REQUESTS, 2))
def test_a_struck_launch_run_again_makes_exactly_the_plan(
    hand: Forker,
    tmp_path: Path,
    number: int,
    applied: bool,  # noqa: FBT001 - a parameter of the table
    by: signal.Signals,
) -> None:
    strike_launch(hand, tmp_path, number, applied=applied, by=by)


@pytest.mark.parametrize(("number", "applied", "by"), _points(DESTROY_REQUESTS, 1))
def test_a_struck_destroy_run_again_leaves_the_account_as_it_was(
    hand: Forker,
    tmp_path: Path,
    number: int,
    applied: bool,  # noqa: FBT001 - a parameter of the table
    by: signal.Signals,
) -> None:
    strike_destroy(hand, tmp_path, number, applied=applied, by=by)


@pytest.mark.parametrize("number", sorted(_dice.sample(range(1, LAUNCH_WRITES), 8)))
def test_killed_at_a_write_nothing_on_disk_is_half_and_the_next_run_finishes(
    hand: Forker, tmp_path: Path, number: int
) -> None:
    assert die_at_a_write(hand, tmp_path, LAUNCH, number)


@pytest.mark.parametrize("by", SIGNALS[1:])
def test_a_signal_at_a_write_leaves_no_temporary_file_either(
    hand: Forker, tmp_path: Path, by: signal.Signals
) -> None:
    for number in _dice.sample(range(1, LAUNCH_WRITES), 2):
        assert die_at_a_write(hand, tmp_path / str(number), LAUNCH, number, by=by)


def test_killed_at_a_write_of_a_destroy(hand: Forker, tmp_path: Path) -> None:
    die_at_a_write(hand, tmp_path, DESTROY, 8)


@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_the_second_signal_does_not_wait_for_a_reply(
    hand: Forker, tmp_path: Path, by: signal.Signals, code: int
) -> None:
    """The reply to a create is held back for good: after one signal the process waits for it, after two not."""
    with lab(tmp_path, hand) as place:
        hold = Hold(_first_create(hand, tmp_path / "whole"), applied=True)
        place.gate.start(hold)
        running = place.start(LAUNCH)
        assert hold.reached.wait(30), running.text
        running.send(by)
        running.wait_for_text("stopping: ")
        assert not running.ended_within(0.5), "control: the first signal waits for the reply"
        running.send(by)
        running.wait_for_text("stopped at once")
        assert running.ended_within(1.0)
        assert running.wait() == code
        hold.release()
        place.gate.start()
        place.run(LAUNCH)


def _first_create(hand: Forker, folder: Path) -> int:
    with lab(folder, hand) as place:
        place.count_requests(LAUNCH)
        return place.gate.requests.index(("POST", "/v2/droplets")) + 1


def test_a_launch_under_nohup_outlives_its_terminal(hand: Forker, tmp_path: Path) -> None:
    with lab(tmp_path, hand) as place:
        hold = Hold(20, applied=True)
        place.gate.start(hold)
        running = place.start(LAUNCH, ignored=(signal.SIGHUP,))
        assert hold.reached.wait(30), running.text
        running.send(signal.SIGHUP)
        hold.release()
        assert running.wait() == 0, running.text


def test_a_second_process_is_told_who_works_and_a_dead_one_blocks_nobody(hand: Forker, tmp_path: Path) -> None:
    with lab(tmp_path, hand) as place, forker() as other:
        hold = Hold(20, applied=True)
        place.gate.start(hold)
        first = place.start(LAUNCH)
        assert hold.reached.wait(30), first.text
        second = replace(place, forker=other, output="second").start(LAUNCH)
        assert second.wait() == 5, second.text
        assert "another bakery works on cluster demo" in second.text
        assert f"process {first.pid} on {socket.gethostname()}, since 20" in second.text
        first.send(signal.SIGKILL)
        assert first.wait() == -signal.SIGKILL
        hold.release()
        place.gate.start()
        place.run(LAUNCH)


DEAF = """
import signal, threading, time
from bakery.cli import signals
{install}
def elsewhere():
    time.sleep(0.3)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
threading.Thread(target=elsewhere).start()
started = time.monotonic()
try:
    time.sleep(3)
except KeyboardInterrupt:
    pass
print(time.monotonic() - started < 2)
"""


@pytest.mark.parametrize(
    ("install", "answered"),
    [("signals.install()", "True"), ("signal.signal(signal.SIGINT, signals._stop)", "False")],
)
def test_a_signal_that_another_thread_gets_interrupts_a_blocking_call(install: str, answered: str) -> None:
    """Without the watcher, the control, Python runs the handler when the main thread's call is over."""
    done = run([sys.executable, "-c", DEAF.format(install=install)])
    assert done.stdout.strip() == answered
