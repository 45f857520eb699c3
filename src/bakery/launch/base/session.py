"""The open handles of one launch or destroy, and how a step creates a resource exactly once."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from bakery.cloud.interface import Cloud
from bakery.config.paths import StatePaths
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
from bakery.launch.base.lock import locked
from bakery.launch.base.model import Timings
from bakery.launch.base.running import Running
from bakery.wait import Clock, Pending, SystemClock, deadline_factor, wait_until

T = TypeVar("T")
ROUNDS = 5
RERUN_HINT = "run the same command again: it continues from here"


@dataclass(frozen=True, kw_only=True)
class Session:
    """The open handles and settings of one launch or destroy."""

    cloud: Cloud
    cluster: str
    paths: StatePaths
    running: Running | None = None
    """Access to Consul and Nomad; None if the cluster's credentials are not here."""
    reporter: Reporter = SILENT
    clock: Clock = field(default_factory=SystemClock)
    wall: Callable[[], float] = time.time
    """Returns epoch seconds, for times in the journal: the next process reads them."""
    timings: Timings = field(default_factory=Timings)
    workers: int = 8
    """How many create requests are sent at the same time."""
    leaderless: set[str] = field(default_factory=set)
    """Products for whose leader this command has waited until the deadline. It does not wait for them again."""
    addresses_given_to: dict[int, set[str]] = field(default_factory=dict)
    """Key: the droplet id of a server. Value: the slots of the droplets that this run created and whose user-data
    contains that server's address."""

    @cached_property
    def journal(self) -> JournalFile:
        """The cluster's journal, read when it is first used; :func:`exclusive` reads it again."""
        return JournalFile(self.paths.journal, self.cluster)

    def wait(
        self, condition: Callable[[], T | Pending], *, what: str, seconds: float, every: float | None = None
    ) -> T:
        """Poll ``condition`` (:func:`bakery.wait.wait_until`), which only reads.

        ``every`` defaults to ``timings.poll`` seconds.
        """
        return wait_until(
            condition,
            what=what,
            seconds=seconds,
            every=every or self.timings.poll,
            clock=self.clock,
            hint=RERUN_HINT,
            tell=self.reporter.waiting,
        )

    def retry(
        self, attempt: Callable[[], T | Pending], *, what: str, seconds: float, every: float | None = None
    ) -> T:
        """Repeat ``attempt``, a request that is refused for a while, until it succeeds; else as :meth:`wait`."""
        return self.wait(attempt, what=what, seconds=seconds, every=every)

    def wait_and_resolve(
        self,
        condition: Callable[[], T | Pending],
        resolve: Callable[[T], bool],
        *,
        what: str,
        seconds: float,
        every: float | None = None,
    ) -> T:
        """Poll ``condition`` until ``resolve`` has nothing to change in what it returns, and return that.

        ``condition`` only reads. ``resolve`` returns whether it changed something: then ``condition`` is polled
        again. ``seconds`` is the deadline of all polls together.
        """
        end = self.clock.now() + seconds * deadline_factor()
        while True:
            left = max(end - self.clock.now(), 0) / deadline_factor()
            found = self.wait(condition, what=what, seconds=left, every=every)
            if not resolve(found):
                return found


@contextmanager
def exclusive(session: Session) -> Iterator[None]:
    """Hold the cluster's lock while the block runs, and first read the journal, which may have changed.

    Raises:
        LockedError: another bakery works on this cluster.
        UsageError: the journal cannot be read, or a file is in the place of the state folder.
    """
    session.paths.check_place()
    with locked(session.paths.lock, cluster=session.cluster):
        session.journal.reload()
        yield


@contextmanager
def resumable() -> Iterator[None]:
    """Add a hint to every CloudError of the block: the same command continues from here."""
    try:
        yield
    except CloudError as error:
        error.hint = error.hint or RERUN_HINT
        raise


def create_once(session: Session, what: str, *, find: Callable[[], T | None], create: Callable[[], T]) -> T:
    """Create a resource without tags exactly once, even if replies are lost. Return it.

    After a create request without a clear reply, of this run or of a run that died, ``find`` looks for the
    resource until the API's lists must show it; only then is the request sent again. The caller records the
    resource in the journal.

    Raises:
        UnauthorizedError, CloudError: the API refused, or gave no clear reply in ``ROUNDS`` requests.
    """
    earlier = _find_from_earlier_run(session, what, find)
    if earlier is not None:
        return earlier
    last: CloudError | None = None
    for _ in range(ROUNDS):
        session.journal.record_create(what, session.wall())
        try:
            return create()
        except RateLimitedError as error:
            session.journal.resolve(what)
            last = error
        except UnprocessableError:
            session.journal.resolve(what)
            found = find()  # "already in use": an earlier request arrived
            if found is None:
                raise
            return found
        except UnreachableError as error:
            last = error
            found = poll_listing(session, what, find, since=session.wall())
            if found is not None:
                return found
        except BakeryError:
            session.journal.resolve(what)
            raise
    assert last is not None  # noqa: S101 - every round ended in an error
    raise last


def _find_from_earlier_run(session: Session, what: str, find: Callable[[], T | None]) -> T | None:
    request = session.journal.now.request(what)
    return None if request is None else poll_listing(session, what, find, since=request.at)


def poll_listing(session: Session, what: str, find: Callable[[], T | None], *, since: float) -> T | None:
    """Call ``find`` until it returns something, and return that.

    Return None once the API's lists must show what was created at ``since`` (epoch seconds).
    """
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
