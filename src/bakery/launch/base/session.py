"""What every step of a launch or destroy works with, and the one way to create something."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from bakery.cloud.interface import Cloud
from bakery.console import SILENT, Reporter
from bakery.errors import (
    BakeryError,
    CloudError,
    DeadlineError,
    RateLimitedError,
    UnprocessableError,
    UnreachableError,
)
from bakery.launch.base.journal import JournalFile
from bakery.launch.base.model import Timings
from bakery.wait import Clock, Pending, SystemClock, wait_until

T = TypeVar("T")
ROUNDS = 5
AGAIN = "run the same command again: it goes on from here"


@dataclass(frozen=True, kw_only=True)
class Session:
    """One run's ports and settings."""

    cloud: Cloud
    cluster: str
    journal: JournalFile
    reporter: Reporter = SILENT
    clock: Clock = field(default_factory=SystemClock)
    wall: Callable[[], float] = time.time
    """Epoch seconds, for the journal: it must make sense to the next process."""
    timings: Timings = field(default_factory=Timings)
    workers: int = 8
    """Creates on their way at the same time."""
    told: dict[int, set[str]] = field(default_factory=dict)
    """Servers (by droplet id) whose addresses stand in the user-data of droplets (by slot) that this run made."""

    def wait(
        self, check: Callable[[], T | Pending], *, what: str, seconds: float, every: float | None = None
    ) -> T:
        pause = every or self.timings.poll
        return wait_until(
            check,
            what=what,
            seconds=seconds,
            every=pause,
            clock=self.clock,
            hint=AGAIN,
            tell=self.reporter.waiting,
        )


@contextmanager
def resumable() -> Iterator[None]:
    """Whatever the cloud refuses half-way, the user learns that the same command goes on."""
    try:
        yield
    except CloudError as error:
        error.hint = error.hint or AGAIN
        raise


def create_once(session: Session, what: str, *, find: Callable[[], T | None], create: Callable[[], T]) -> T:
    """Make one untagged thing exactly once, whatever happens to the replies.

    After a create without a clear reply, of this run or of a run that died, ``find`` looks for it until the API's
    lists must have caught up; only then is the create sent again. The caller records the thing in the journal.

    Raises:
        UnauthorizedError, CloudError: refused, or no clear reply in ``ROUNDS`` tries.
    """
    earlier = _look_for_earlier(session, what, find)
    if earlier is not None:
        return earlier
    last: CloudError | None = None
    for _ in range(ROUNDS):
        session.journal.asking(what, session.wall())
        try:
            return create()
        except RateLimitedError as error:
            session.journal.settled(what)
            last = error
        except UnprocessableError:
            session.journal.settled(what)
            found = find()  # "already in use": an earlier create did arrive
            if found is None:
                raise
            return found
        except UnreachableError as error:
            last = error
            found = look_until(session, what, find, since=session.wall())
            if found is not None:
                return found
        except BakeryError:
            session.journal.settled(what)
            raise
    assert last is not None  # noqa: S101 - every round ended in an error
    raise last


def _look_for_earlier(session: Session, what: str, find: Callable[[], T | None]) -> T | None:
    request = session.journal.now.request(what)
    return None if request is None else look_until(session, what, find, since=request.at)


def look_until(session: Session, what: str, find: Callable[[], T | None], *, since: float) -> T | None:
    """``find``'s answer, asked again until lists that lag behind a create at ``since`` must show it."""
    left = since + session.timings.settle - session.wall()

    def check() -> T | Pending:
        found = find()
        return Pending(f"{what} is not listed") if found is None else found

    try:
        return session.wait(
            check, what=f"the list to show {what}", seconds=max(min(left, session.timings.settle), 0)
        )
    except DeadlineError:
        return None
