"""How fast requests may go: DigitalOcean's published limits, kept on our side.

5000 requests per hour and 250 per minute and token; a ``retry-after`` header comes with the 429 of the burst limit
only, ``ratelimit-reset`` (epoch seconds) with every reply
(https://docs.digitalocean.com/reference/api/digitalocean/#section/Introduction/Rate-Limit).
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from bakery.errors import RateLimitedError
from bakery.wait import Clock

WINDOW_SECONDS = 61.0
"""A minute, and one second for the way there."""
SHORTEST_PAUSE = 0.001
"""0 would mean "go", and rounding can bring a pause down to it."""


class Pace:
    """Lets requests pass, at most ``per_minute`` in any minute, and none before the API wants more.

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
        """Hears the seconds of a wait for a place among ``per_minute``."""
        self._sent: deque[float] = deque()
        self._not_before = 0.0
        self._lock = threading.Lock()

    def wait_turn(self) -> None:
        """Sleep until the next request may go.

        Raises:
            RateLimitedError: that would take longer than the patience.
        """
        waited = 0.0
        while (pause := self._reserve()) > 0:
            waited += pause
            if waited > self._patience:
                message = "the token's request limit is used up"
                raise RateLimitedError(
                    message=message, hint=f"run the same command again in {pause:.0f} s", status=429
                )
            if self.held() <= 0:
                self._tell(pause)
            self._clock.sleep(pause)

    def hold(self, headers: Mapping[str, str]) -> None:
        """The API said 429: let nothing pass until it wants more."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock.now() + self._asked_pause(headers))

    def held(self) -> float:
        """For how many seconds nothing may pass because the API said 429."""
        with self._lock:
            return max(self._not_before - self._clock.now(), 0.0)

    def _asked_pause(self, headers: Mapping[str, str]) -> float:
        after = _number(headers.get("retry-after"))
        if after is not None:
            return max(after, 1.0)
        reset = _number(headers.get("ratelimit-reset"))
        return max(reset - self._wall(), 1.0) if reset is not None else 5.0

    def _reserve(self) -> float:
        """Take a place and return 0, or return the seconds until one may be free."""
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
