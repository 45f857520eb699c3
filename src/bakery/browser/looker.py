"""Looks at something every few seconds, while a page asks for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Lock, Thread
from typing import Any

from bakery.errors import BakeryError
from bakery.wait import Clock, SystemClock

Look = Callable[[], Mapping[str, Any]]
Describe = Callable[[BakeryError], Mapping[str, Any]]
Explain = Callable[[Exception], BakeryError]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the looks so far have found. Times are those of the clock."""

    state: Mapping[str, Any] | None = None
    """What the last look that succeeded has returned."""
    at: float = 0.0
    """When that look began."""
    error: Mapping[str, Any] | None = None
    """Why the last look failed; None if it did not."""
    looking: bool = False
    began: float | None = None
    """When the last look began, also if it failed."""


class Looker:
    """Calls ``look`` in a thread: at most one at a time, and at most once in ``every`` seconds.

    A look begins only when :meth:`seen` is called, so that nothing is asked while no page is open. ``describe``
    makes a document of its errors, and ``explain`` an error of an exception that nothing expected, whose text may
    have secrets.
    """

    def __init__(
        self, look: Look, describe: Describe, explain: Explain, *, every: float, clock: Clock | None = None
    ) -> None:
        self.every = every
        self._look = look
        self._describe = describe
        self._explain = explain
        self._clock = clock or SystemClock()
        self._seen = Seen()
        self._lock = Lock()

    def seen(self) -> Seen:
        """Return what is known now, without waiting; begin a look if the last one began long enough ago."""
        with self._lock:
            now, seen = self._clock.now(), self._seen
            if not seen.looking and (seen.began is None or now - seen.began >= self.every):
                self._seen = replace(seen, looking=True, began=now)
                Thread(target=self._run, args=(now,), name="look", daemon=True).start()
            return self._seen

    def age(self, seen: Seen) -> float | None:
        """Return the seconds since the state was looked at; None without a state."""
        return None if seen.state is None else self._clock.now() - seen.at

    def _run(self, began: float) -> None:
        try:
            state, error = self._look(), None
        except BakeryError as failure:
            state, error = None, self._describe(failure)
        except Exception as failure:
            state, error = None, self._describe(self._explain(failure))
        with self._lock:
            seen = replace(self._seen, looking=False, error=error)
            self._seen = seen if state is None else replace(seen, state=state, at=began)
