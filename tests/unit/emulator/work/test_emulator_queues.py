"""Machine work: in order for one droplet, side by side for many."""

import threading
from functools import partial

import pytest

from bakery.emulator.work.queues import Queues
from bakery.errors import DeadlineError
from tests.helpers.queues import drain

WAIT_S = 20

pytestmark = pytest.mark.may_sleep(reason="real threads are drained")


def test_tasks_of_one_key_run_in_their_order() -> None:
    queues, ran = Queues(4), list[int]()
    for number in range(100):
        queues.submit("one", partial(ran.append, number))
    drain(queues, WAIT_S)
    queues.close()

    assert ran == list(range(100))


def test_tasks_of_different_keys_run_side_by_side() -> None:
    """Each waits for the other: one line for all would never end."""
    queues, meeting = Queues(2), threading.Barrier(2, timeout=WAIT_S)
    queues.submit("one", lambda: _meet(meeting))
    queues.submit("two", lambda: _meet(meeting))
    drain(queues, WAIT_S)
    queues.close()

    assert not meeting.broken


def test_a_task_that_raises_stops_nobody() -> None:
    queues, ran = Queues(1), list[int]()
    queues.submit("one", lambda: ran.append(1 // 0))
    queues.submit("one", lambda: ran.append(1))
    drain(queues, WAIT_S)
    queues.close()

    assert ran == [1]


def test_a_delayed_task_holds_up_its_own_key_only_and_no_thread() -> None:
    queues, ran = Queues(1), list[str]()
    queues.submit("slow", lambda: ran.append("slow"), delay=0.2)
    queues.submit("slow", lambda: ran.append("after it"))
    queues.submit("fast", lambda: ran.append("fast"))
    queues.submit("fast", lambda: ran.append("fast, later"), delay=0.01)
    drain(queues, WAIT_S)
    queues.close()

    assert ran == ["fast", "fast, later", "slow", "after it"]


def test_close_drops_delayed_tasks() -> None:
    queues, ran = Queues(1), list[int]()
    queues.submit("one", lambda: ran.append(1), delay=60)
    queues.close()

    assert ran == []


def test_a_call_gives_its_result_or_its_error() -> None:
    queues = Queues(1)
    assert queues.call("one", lambda: 7).result(WAIT_S) == 7
    with pytest.raises(ZeroDivisionError):
        queues.call("one", lambda: 1 // 0).result(WAIT_S)
    queues.close()


def test_drain_has_a_deadline() -> None:
    queues, gate = Queues(1), threading.Event()
    queues.submit("one", lambda: _wait(gate))
    with pytest.raises(DeadlineError, match="the emulator's machine work"):
        drain(queues, 0.01)
    gate.set()
    drain(queues, WAIT_S)
    queues.close()

    assert queues.busy == 0


def test_nothing_new_after_close() -> None:
    queues, ran = Queues(1), list[int]()
    queues.close()
    queues.submit("one", lambda: ran.append(1))

    assert (ran, queues.busy) == ([], 0)


def _wait(gate: threading.Event) -> None:
    gate.wait(WAIT_S)


def _meet(meeting: threading.Barrier) -> None:
    meeting.wait()
