"""What the transport tells while it works: each request and each pause.

Bodies, headers and tokens are never told.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request that was sent, and what came of it."""

    method: str
    path: str
    """With its query: "/v2/droplets?tag_name=bakery:demo&page=1&per_page=200"."""
    status: int
    """HTTP status; 0 if no answer came."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Retry:
    """A request that failed will be sent again after a pause."""

    reason: str
    """One clause: "the API answered 503"."""
    number: int
    """Of this retry; the first is 1."""
    most: int
    """How many there can be."""
    seconds: float
    """Until then."""


class Watcher(Protocol):
    """Hears it, from any thread."""

    def answered(self, exchange: Exchange) -> None: ...

    def retrying(self, retry: Retry) -> None: ...

    def holding(self, seconds: float) -> None:
        """The next request waits that long, so that the token's limit is kept."""


class Unwatched:
    """Nobody hears it."""

    def answered(self, exchange: Exchange) -> None: ...

    def retrying(self, retry: Retry) -> None: ...

    def holding(self, seconds: float) -> None: ...


UNWATCHED: Watcher = Unwatched()
