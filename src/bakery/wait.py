"""Waiting: a named condition, a monotonic deadline, a pause between tries, and the culprit's name at the end."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from bakery.errors import DeadlineError
from bakery.hints import Text

T = TypeVar("T")

_EAGER, _GROWTH = 32, 6
"""The first pause is a 32nd of the full one, the next about a fifth: what is done at once is seen soon, and after
two looks nothing is polled harder than asked for."""


class Clock(Protocol):
    """Time that a test can own."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""

    def sleep(self, seconds: float) -> None:
        """Let that many seconds pass."""


class SystemClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True)
class Pending:
    """The condition does not hold yet; ``reason`` names what is missing ("demo-nomad-client-2 is not ready")."""

    reason: str


def deadline_factor() -> float:
    """``BAKERY_DEADLINE_FACTOR``, for slow machines; 1.0 when absent or not a positive number."""
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
    tell: Callable[[str], None] | None = None,
) -> T:
    """Call ``check`` until it returns something that is not :class:`Pending`, and return that.

    Pauses begin short and grow to ``every``. ``seconds`` is scaled by ``BAKERY_DEADLINE_FACTOR``.
    Errors that ``check`` raises pass through: turn the expected ones into ``Pending`` there. ``tell`` hears the
    reason after each look in vain.

    Raises:
        DeadlineError: the deadline passed; details hold the last reason.
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
            tell(answer.reason)
        clock.sleep(min(pause, left))
        pause = min(every, pause * _GROWTH)
