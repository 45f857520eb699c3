"""A port that the transport calls for each request and each pause. It gets no bodies and no tokens."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request and its outcome."""

    method: str
    path: str
    """Path with query: "/v2/droplets?tag_name=bakery:demo&page=1&per_page=200"."""
    status: int
    """HTTP status; 0 if there was no reply."""
    seconds: float
    date: str = ""
    """The reply's header Date; empty if there was none."""


@dataclass(frozen=True, kw_only=True)
class Retry:
    """A retry that is about to happen."""

    reason: str
    """Why the last try failed: "the API answered 503"."""
    number: int
    """Number of this retry; the first is 1."""
    most: int
    """The largest possible number of retries."""
    seconds: float
    """Pause until the retry."""


class Watcher(Protocol):
    """Called by the transport, from any thread."""

    def answered(self, exchange: Exchange) -> None:
        """Take a request that was answered, or had no reply."""

    def retrying(self, retry: Retry) -> None:
        """Take a retry that is about to happen."""

    def holding(self, seconds: float) -> None:
        """Take the seconds that the rate limiter makes the next request wait."""


class Unwatched:
    """A watcher that does nothing."""

    def answered(self, exchange: Exchange) -> None: ...

    def retrying(self, retry: Retry) -> None: ...

    def holding(self, seconds: float) -> None: ...


UNWATCHED: Watcher = Unwatched()
