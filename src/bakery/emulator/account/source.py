"""The clock and the ids of an account; tests replace them."""

import itertools
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

WallClock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return this machine's time, in UTC."""
    return datetime.now(UTC)


class Ids(Protocol):
    """New identifiers."""

    def number(self) -> int:
        """Return a new id for a droplet, image, key or action."""

    def uuid(self) -> str:
        """Return a new id for a VPC or firewall."""


class SystemIds:
    """Numbers that count up from ``first``, random UUIDs."""

    def __init__(self, first: int) -> None:
        self._numbers = itertools.count(first)

    def number(self) -> int:
        return next(self._numbers)

    def uuid(self) -> str:
        return str(uuid.uuid4())
