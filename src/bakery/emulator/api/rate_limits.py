"""The published request limits, per token.

https://docs.digitalocean.com/reference/api/digitalocean/, "Rate Limit".
"""

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bakery.emulator.account.errors import TooManyRequests
from bakery.emulator.account.settings import EmulatorSettings

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)


@dataclass(kw_only=True)
class _Window:
    """The times of the requests of the last ``span``."""

    span: timedelta
    limit: int
    times: deque[datetime] = field(default_factory=deque)

    def forget_old(self, now: datetime) -> None:
        while self.times and now - self.times[0] >= self.span:
            self.times.popleft()

    def is_full(self, now: datetime) -> bool:
        self.forget_old(now)
        return len(self.times) >= self.limit

    def seconds_left(self, now: datetime) -> int:
        """Return the seconds until the oldest request leaves the window; at least 1."""
        return max(1, math.ceil((self.times[0] + self.span - now).total_seconds()))


@dataclass(kw_only=True)
class _Usage:
    hour: _Window
    minute: _Window
    listings: _Window


class RateLimits:
    """Counts the requests of each token; refuses requests only if the settings enforce the limits."""

    def __init__(self, settings: EmulatorSettings) -> None:
        self._settings = settings
        self._usage: defaultdict[str, _Usage] = defaultdict(self._new_usage)

    def count(self, token: str, now: datetime, *, lists_keys: bool) -> None:
        """Count a request, or raise TooManyRequests and do not count it."""
        usage = self._usage[token]
        if not self._settings.rate_limits:
            usage.hour.times = deque([now])
            return
        if usage.hour.is_full(now):
            raise TooManyRequests
        for window in (usage.minute, usage.listings) if lists_keys else (usage.minute,):
            if window.is_full(now):
                raise TooManyRequests(retry_after=window.seconds_left(now))
        usage.hour.times.append(now)
        usage.minute.times.append(now)
        if lists_keys:
            usage.listings.times.append(now)

    def headers(self, token: str, now: datetime) -> dict[str, str]:
        """Return the rate-limit headers; with limits off only this request counts, so that no client waits."""
        hour = self._usage[token].hour
        hour.forget_old(now)
        reset = (hour.times[0] if hour.times else now) + _HOUR
        return {
            "ratelimit-limit": str(hour.limit),
            "ratelimit-remaining": str(hour.limit - len(hour.times)),
            "ratelimit-reset": str(int(reset.timestamp())),
        }

    def _new_usage(self) -> _Usage:
        return _Usage(
            hour=_Window(span=_HOUR, limit=self._settings.requests_per_hour),
            minute=_Window(span=_MINUTE, limit=self._settings.requests_per_minute),
            listings=_Window(span=_MINUTE, limit=self._settings.key_listings_per_minute),
        )
