"""Where the state's times and ids come from; tests bring their own."""

import itertools
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The machine's time, in UTC."""
    return datetime.now(UTC)


class Ids(Protocol):
    """New identifiers."""

    def number(self) -> int:
        """For droplets, images, keys and actions; never the same one twice."""

    def uuid(self) -> str:
        """For VPCs and firewalls."""


class SystemIds:
    """Numbers that count up from ``first``, random UUIDs."""

    def __init__(self, first: int) -> None:
        self._numbers = itertools.count(first)

    def number(self) -> int:
        return next(self._numbers)

    def uuid(self) -> str:
        return str(uuid.uuid4())
