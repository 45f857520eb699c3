"""Real launches and destroys, struck at sampled requests and writes; ``make sweep`` takes every one."""

import random
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.emulator.faults.table import Fault, Moment
from bakery.launch.base.journal import load_journal
from bakery.proc import run
from bakery.wait import Pending, wait_until
from tests.helpers.launch_cases import die_at_a_write, paths_of, strike_destroy, strike_launch
from tests.helpers.launch_processes import DESTROY, EXIT_CODES, LAUNCH, Forker, forker, lab

pytestmark = pytest.mark.integration

SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SEED = 20261124
LAUNCH_REQUESTS, DESTROY_REQUESTS, LAUNCH_WRITES = 32, 31, 160
"""Of an undisturbed run, about; the sweep counts."""
_dice = random.Random(SEED)  # noqa: S311 - a test's dice


def _points(requests: int, each: int) -> list[tuple[int, Moment, signal.Signals]]:
    """For every signal, before and after the request is applied, some requests."""
    moments: tuple[Moment, ...] = ("before", "after")
    return [
        (number, moment, by)
        for by in SIGNALS
        for moment in moments
        for number in sorted(_dice.sample(range(1, requests + 1), each))
    ]


@pytest.fixture(scope="module")
def hand() -> Iterator[Forker]:
    with forker() as running:
        yield running


@pytest.mark.parametrize(("number", "moment", "by"), _points(LAUNCH_REQUESTS, 1))
def test_a_struck_launch_run_again_makes_exactly_the_plan(
    hand: Forker, tmp_path: Path, number: int, moment: Moment, by: signal.Signals
) -> None:
    strike_launch(hand, tmp_path, number, moment, by)


@pytest.mark.parametrize(("number", "moment", "by"), _points(DESTROY_REQUESTS, 1))
def test_a_struck_destroy_run_again_leaves_the_account_as_it_was(
    hand: Forker, tmp_path: Path, number: int, moment: Moment, by: signal.Signals
) -> None:
    strike_destroy(hand, tmp_path, number, moment, by)


@pytest.mark.parametrize("number", sorted(_dice.sample(range(1, LAUNCH_WRITES), 4)))
def test_killed_at_a_write_nothing_on_disk_is_half_and_the_next_run_finishes(
    hand: Forker, tmp_path: Path, number: int
) -> None:
    assert die_at_a_write(hand, tmp_path, LAUNCH, number)


@pytest.mark.parametrize("by", SIGNALS[1:])
def test_a_signal_at_a_write_leaves_no_temporary_file_either(
    hand: Forker, tmp_path: Path, by: signal.Signals
) -> None:
    number = _dice.randrange(1, LAUNCH_WRITES)
    assert die_at_a_write(hand, tmp_path, LAUNCH, number, by=by)


def test_killed_at_a_write_of_a_destroy(hand: Forker, tmp_path: Path) -> None:
    die_at_a_write(hand, tmp_path, DESTROY, 8)


@pytest.mark.parametrize("by", SIGNALS[1:])
def test_a_reply_that_comes_after_the_signal_is_in_the_journal(
    hand: Forker, tmp_path: Path, by: signal.Signals
) -> None:
    with lab(tmp_path, hand) as place:
        place.faults.add(Fault(method="POST", path="/v2/droplets", delay_s=1))
        running = place.start(LAUNCH)
        wait_until(lambda: Pending("it has not come") if place.faults.all() else True, what="a create", seconds=30)
        running.send(by)
        running.wait_for_text("stopping in order")
        asked = load_journal(paths_of(place).journal, "demo").request("demo-consul-server-1")
        assert asked is not None
        assert asked.droplet_id is None, "control: the reply is still to come"
        assert running.wait() == EXIT_CODES[by], running.text
        recorded = load_journal(paths_of(place).journal, "demo").request("demo-consul-server-1")
        assert recorded is not None
        assert recorded.droplet_id in {droplet.id for droplet in place.api.emulator.state.droplets.all()}
        place.run(LAUNCH)


@pytest.mark.parametrize("by", SIGNALS[1:])
def test_the_second_signal_does_not_wait_for_a_reply(hand: Forker, tmp_path: Path, by: signal.Signals) -> None:
    """The reply to a create never comes: after one signal the process waits for it, after two it does not."""
    with lab(tmp_path, hand) as place:
        place.faults.add(Fault(method="POST", path="/v2/droplets", hang="after"))
        running = place.start(LAUNCH)
        assert place.hangs(running), running.text
        running.send(by)
        running.wait_for_text("stopping in order")
        assert not running.ended_within(0.5), "control: the first signal waits for the reply"
        running.send(by)
        running.wait_for_text("stopped at once")
        assert running.ended_within(1.0)
        assert running.wait() == EXIT_CODES[by]
        place.faults.clear()
        place.run(LAUNCH)


def test_a_launch_under_nohup_outlives_its_terminal(hand: Forker, tmp_path: Path) -> None:
    """The request that waits when the terminal goes is a GET, which is sent again after its connection broke."""
    with lab(tmp_path, hand) as place:
        place.faults.add(Fault(method="GET", path="/v2/droplets", skip=1, hang="after"))
        running = place.start(LAUNCH, ignored=(signal.SIGHUP,))
        assert place.hangs(running), running.text
        running.send(signal.SIGHUP)
        place.faults.clear()
        assert running.wait() == 0, running.text


def test_a_second_process_is_told_who_works_and_a_dead_one_blocks_nobody(hand: Forker, tmp_path: Path) -> None:
    with lab(tmp_path, hand) as place, forker() as other:
        place.faults.add(Fault(method="POST", path="/v2/droplets", hang="after"))
        first = place.start(LAUNCH)
        assert place.hangs(first), first.text
        second = replace(place, forker=other, output="second").start(LAUNCH)
        assert second.wait() == 5, second.text
        assert "another bakery works on cluster demo" in second.text
        assert f"process {first.pid} on {socket.gethostname()}, since 20" in second.text
        first.send(signal.SIGKILL)
        assert first.wait() == -signal.SIGKILL
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
