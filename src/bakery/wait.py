"""Wait for a named condition, with a monotonic deadline and pauses; the error at the deadline names the cause."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from bakery.errors import DeadlineError
from bakery.hints import Text

T = TypeVar("T")

_EAGER, _GROWTH = 32, 6
"""The first pause is 1/32 of the full pause, the second 6/32, all later ones are full. So a condition that is met
soon is seen soon, and the number of polls hardly grows."""


class Clock(Protocol):
    """A source of time, which tests replace."""

    def now(self) -> float:
        """Return seconds on a clock that never runs backwards."""

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""


class SystemClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True)
class Pending:
    """The condition is not met yet; ``reason`` is the cause ("demo-nomad-client-2 is not ready")."""

    reason: str


class Tell(Protocol):
    """Gets the reason of each ``Pending``, and the number of seconds until the deadline."""

    def __call__(self, reason: str, *, left: float) -> None: ...


def deadline_factor() -> float:
    """Return ``BAKERY_DEADLINE_FACTOR``, for slow machines; 1.0 if it is not set or not a positive number."""
    try:
        factor = float(os.environ.get("BAKERY_DEADLINE_FACTOR", "1"))
    except ValueError:
        return 1.0
    return factor if factor > 0 else 1.0


def wait_until(
    check: Callable[[], T | Pending],
    *,
    what: str,
    seconds: float,
    every: float = 1.0,
    clock: Clock | None = None,
    hint: Text | None = None,
    tell: Tell | None = None,
) -> T:
    """Call ``check`` until it returns a value that is not :class:`Pending`, and return the value.

    ``what`` names the condition in the error. Pauses begin short and grow to ``every`` seconds. The deadline is
    ``seconds`` times ``BAKERY_DEADLINE_FACTOR``. Errors that ``check`` raises pass through, so ``check`` returns
    ``Pending`` for expected ones. ``tell`` is called after each ``Pending``.

    Raises:
        DeadlineError: the deadline passed; the details are the last reason.
    """
    clock = clock or SystemClock()
    limit = seconds * deadline_factor()
    end = clock.now() + limit
    pause = every / _EAGER
    while True:
        answer = check()
        if not isinstance(answer, Pending):
            return answer
        left = end - clock.now()
        if left <= 0:
            message = f"waited {limit:.0f} s for {what}"
            raise DeadlineError(message=message, details=answer.reason, hint=hint)
        if tell is not None:
            tell(answer.reason, left=left)
        clock.sleep(min(pause, left))
        pause = min(every, pause * _GROWTH)
