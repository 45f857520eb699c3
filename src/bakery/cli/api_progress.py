"""Print progress of requests to the API: each pause before a retry, and with ``-v`` each request."""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from bakery.console import REMIND_SECONDS, Console

if TYPE_CHECKING:
    from bakery.cloud.watch import Exchange, Retry


class ApiProgress:
    """A :class:`bakery.cloud.watch.Watcher` that prints to the console.

    Many threads may get the same error at once, and a wait at each poll: a line is not repeated within
    ``REMIND_SECONDS``.
    """

    def __init__(self, console: Console, *, now: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._now = now
        self._printed: dict[str, float] = {}
        self.skew_seconds: float | None = None
        """How far this machine's clock is ahead of the API's, by its last answer; None if that had no date."""

    def retrying(self, retry: "Retry") -> None:
        pause = max(round(retry.seconds), 1)
        self._print(f"{retry.reason}; retry {retry.number} of {retry.most} in {pause} s")

    def holding(self, seconds: float) -> None:
        if seconds >= 1:
            self._print(f"waiting {seconds:.0f} s: the token's requests of this minute are used up")

    def answered(self, exchange: "Exchange") -> None:
        self.skew_seconds = _skew(exchange.date, time.time())
        if exchange.method != "GET" and exchange.status < 400:  # status 0: no answer, and perhaps applied
            self._console.change()
        outcome = str(exchange.status) if exchange.status else "no answer"
        text = f"    {exchange.method} {exchange.path}: {outcome}, {exchange.seconds * 1000:.0f} ms"
        self._console.detail(text)

    def _print(self, text: str) -> None:
        last, now = self._printed.get(text), self._now()
        self._printed[text] = now
        if last is None or now - last >= REMIND_SECONDS:
            self._console.note(f"    {text}")


def _skew(date: str, now: float) -> float | None:
    """Return how many seconds ``now`` is ahead of the date of an answer, which counts whole seconds."""
    try:
        return now - parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return None
