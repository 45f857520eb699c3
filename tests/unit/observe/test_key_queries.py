"""A query for the gossip keys that takes long delays neither the observation nor the next query."""

import threading
import time
from collections.abc import Iterator

import pytest

from bakery.agents.model import GossipKeys
from bakery.observe import key_queries
from bakery.observe.gather import Answer
from bakery.observe.key_queries import KeyQueries
from tests.helpers.fake_agents import FakeClock

FOUND = Answer(value=GossipKeys(members=9, with_ours=9, others=0))
SILENT = Answer(value=GossipKeys(members=9, with_ours=0, others=0, silent=1))
REFUSED: Answer[GossipKeys] = Answer(error="Consul refused")
PATIENCE = 0.1


class Stuck:
    """A query that waits for a member until the test lets it answer."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def __call__(self) -> Answer[GossipKeys]:
        assert self.released.wait(30), "the test did not release the query"
        return SILENT


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stuck]:
    monkeypatch.setattr(key_queries, "PATIENCE", PATIENCE)
    query = Stuck()
    yield query
    query.released.set()


def test_a_query_without_an_answer_is_given_up_and_the_next_one_counts(stuck: Stuck) -> None:
    ask = KeyQueries(FakeClock())
    started = time.monotonic()
    assert ask(stuck).error == "the members have not all answered yet"
    assert time.monotonic() - started < 5, "it waited for the member that missed the query"
    assert ask(lambda: FOUND) == FOUND


def test_an_answer_that_comes_late_is_taken_if_no_other_came(stuck: Stuck) -> None:
    """With a member that never answers every query takes long; the first answer says how many are silent."""
    ask, other = KeyQueries(FakeClock()), Stuck()
    ask(stuck)
    stuck.released.set()
    try:
        assert ask(other) == SILENT
    finally:
        other.released.set()


def test_an_answer_is_used_again_for_ten_seconds() -> None:
    clock = FakeClock()
    ask = KeyQueries(clock)
    assert ask(lambda: FOUND) == FOUND
    clock.sleep(9.9)
    assert ask(lambda: SILENT) == FOUND
    clock.sleep(0.1)
    assert ask(lambda: SILENT) == SILENT


def test_a_query_that_failed_is_sent_again_at_once() -> None:
    ask = KeyQueries(FakeClock())
    assert ask(lambda: REFUSED) == REFUSED
    assert ask(lambda: FOUND) == FOUND


def test_the_last_answer_counts_while_the_next_query_takes_long(stuck: Stuck) -> None:
    """Without it the condition would be unknown for a moment, and the wait for what cannot be met begin anew."""
    clock = FakeClock()
    ask = KeyQueries(clock)
    ask(lambda: FOUND)
    clock.sleep(10.0)
    assert ask(stuck) == FOUND
    assert ask(lambda: SILENT) == SILENT
