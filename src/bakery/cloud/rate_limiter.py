"""Keep requests within DigitalOcean's published limits.

The limits are 5000 requests per hour and 250 per minute, per token. The header ``retry-after`` comes only with the
429 of the limit per minute, ``ratelimit-reset`` (epoch seconds) with every reply
(https://docs.digitalocean.com/reference/api/digitalocean/#section/Introduction/Rate-Limit).
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from bakery.errors import RateLimitedError
from bakery.wait import Clock

WINDOW_SECONDS = 61.0
"""A minute, and one second for network latency."""
SHORTEST_PAUSE = 0.001
"""Seconds. A pause that rounds to 0 would mean "no wait"."""


class RateLimiter:
    """Admits at most ``per_minute`` requests in any minute, and none while the API asks to wait.

    Safe to share between threads.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        per_minute: int,
        patience: float,
        wall: Callable[[], float] = time.time,
        tell: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._per_minute = per_minute
        self._patience = patience
        self._wall = wall
        self._tell = tell
        """Called before each wait that ``per_minute`` causes, with the length of the wait in seconds. Not called
        for the wait after a 429."""
        self._sent: deque[float] = deque()
        self._not_before = 0.0
        self._lock = threading.Lock()

    def acquire(self) -> None:
        """Sleep until the next request may be sent, and count it.

        Raises:
            RateLimitedError: the wait would be longer than ``patience`` seconds.
        """
        waited = 0.0
        while (pause := self._reserve()) > 0:
            waited += pause
            if waited > self._patience:
                message = "the token's request limit is used up"
                raise RateLimitedError(
                    message=message, hint=f"run the same command again in {pause:.0f} s", status=429
                )
            if self.seconds_left() <= 0:
                self._tell(pause)
            self._clock.sleep(pause)

    def back_off(self, headers: Mapping[str, str]) -> None:
        """Admit no request for as long as the ``headers`` of a 429 ask."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock.now() + self._back_off_seconds(headers))

    def seconds_left(self) -> float:
        """Return the seconds for which a 429 still blocks all requests; 0 if none does."""
        with self._lock:
            return max(self._not_before - self._clock.now(), 0.0)

    def _back_off_seconds(self, headers: Mapping[str, str]) -> float:
        after = _number(headers.get("retry-after"))
        if after is not None:
            return max(after, 1.0)
        reset = _number(headers.get("ratelimit-reset"))
        return max(reset - self._wall(), 1.0) if reset is not None else 5.0

    def _reserve(self) -> float:
        """Count one request and return 0, or return the seconds until one may be sent."""
        with self._lock:
            now = self._clock.now()
            while self._sent and now - self._sent[0] >= WINDOW_SECONDS:
                self._sent.popleft()
            if now < self._not_before:
                return max(self._not_before - now, SHORTEST_PAUSE)
            if len(self._sent) >= self._per_minute:
                return max(self._sent[0] + WINDOW_SECONDS - now, SHORTEST_PAUSE)
            self._sent.append(now)
            return 0.0


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < 1e11 else None
