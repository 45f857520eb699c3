"""One look at a time, only when somebody asks, and what is shown while a look fails."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from bakery.browser.looker import Looker, Seen
from bakery.errors import BakeryError, UsageError
from tests.helpers.fake_agents import FakeClock

SECONDS = 10.0


class Looks:
    """What is looked at: each look waits until the test lets it go on."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)
        self.results: Iterator[Any] = iter(())
        self.count = 0
        self.clock = FakeClock()
        self.looker = Looker(
            self._look,
            lambda error: {"message": error.message},
            lambda error: BakeryError(message=f"explained {error}"),
            every=5.0,
            clock=self.clock,
        )

    def _look(self) -> dict[str, Any]:
        self.count += 1
        self.begun.release()
        assert self.may_end.acquire(timeout=SECONDS)
        result = next(self.results)
        if isinstance(result, Exception):
            raise result
        found: dict[str, Any] = result
        return found

    def finish(self) -> Seen:
        """Let the look under way end, and return what is known then."""
        assert self.begun.acquire(timeout=SECONDS)
        threads = [thread for thread in threading.enumerate() if thread.name == "look"]
        self.may_end.release()
        for thread in threads:
            thread.join(SECONDS)
        return self.looker.seen()


@pytest.fixture
def looks() -> Looks:
    return Looks()


def test_nothing_is_looked_at_until_somebody_asks(looks: Looks) -> None:
    assert looks.count == 0
    looks.results = iter([{"n": 1}])
    first = looks.looker.seen()
    assert (first.state, first.looking) == (None, True)
    seen = looks.finish()
    assert (seen.state, seen.looking, seen.error) == ({"n": 1}, False, None)


def test_there_is_one_look_at_a_time_and_one_in_five_seconds(looks: Looks) -> None:
    looks.results = iter([{"n": 1}, {"n": 2}])
    for _ in range(20):
        looks.looker.seen()
    looks.clock.time = 7.0  # the look takes seven seconds
    looks.looker.seen()
    assert looks.count == 1
    assert looks.finish().state == {"n": 1}  # asking begins the next one: five seconds have passed
    assert looks.finish().state == {"n": 2}
    looks.clock.time = 11.0
    assert not looks.looker.seen().looking
    assert looks.count == 2


def test_the_age_is_that_of_what_was_seen(looks: Looks) -> None:
    looks.results = iter([{"n": 1}])
    assert looks.looker.age(looks.looker.seen()) is None
    looks.clock.time = 3.0
    assert looks.looker.age(looks.finish()) == 3.0


@pytest.mark.parametrize(
    ("failure", "message"),
    [(UsageError(message="the API is gone"), "the API is gone"), (KeyError("x"), "explained 'x'")],
)
def test_a_look_that_fails_leaves_the_state_before_and_says_why(
    looks: Looks, failure: Exception, message: str
) -> None:
    looks.results = iter([{"n": 1}, failure, {"n": 3}])
    looks.looker.seen()
    looks.finish()
    looks.clock.time = 6.0
    looks.looker.seen()
    seen = looks.finish()
    assert (seen.state, seen.error, looks.looker.age(seen)) == ({"n": 1}, {"message": message}, 6.0)
    looks.clock.time = 12.0
    looks.looker.seen()
    seen = looks.finish()
    assert (seen.state, seen.error) == ({"n": 3}, None)


def test_an_error_without_a_state_is_shown_too(looks: Looks) -> None:
    looks.results = iter([BakeryError(message="no")])
    looks.looker.seen()
    seen = looks.finish()
    assert (seen.state, seen.error) == (None, {"message": "no"})
