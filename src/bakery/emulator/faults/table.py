"""Faults that a test asks for.

A fault with a ``path`` meets requests: the middleware looks it up once per request. A fault with an ``action``
meets what is done to droplets and images: the machine work looks it up once per action. The oldest that matches
acts.
"""

import itertools
import random
import re
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from bakery.emulator.account.state import AccountState

ENDLESS = 0
"""``times`` of a fault that is never used up."""

Moment = Literal["before", "after"]
"""Before or after the request is applied."""
Outcome = Literal["errored", "endless", "dead", "unbootable", "unconfigured"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What to do, and to whom. Seconds are named ``_s``."""

    path: str = ""
    """A regular expression that matches the whole path."""
    method: str = "*"
    """GET, POST …, or ``*``."""
    action: str = ""
    """create, snapshot …, or ``*``: then the fault is about actions, and ``path`` is empty."""
    times: int = 1
    """How many it meets; ``ENDLESS`` for all."""
    skip: int = 0
    """How many it lets pass first."""
    probability: float = 1.0
    """Of meeting one that it could meet."""
    seed: int = 0
    """Of the dice for ``probability``: the same seed meets the same requests."""

    delay_s: float = 0.0
    """Wait so long before anything else; may stand beside any other."""
    status: int | None = None
    """Answer this instead of applying the request."""
    html: bool = False
    """``status`` with a page for people, as from a gateway in front of the API."""
    retry_after: int | None = None
    """Sent with ``status``, in seconds."""
    reset: bool = False
    """Reset the connection instead of applying the request."""
    lost_reply: bool = False
    """Apply the request, then close the connection without a reply."""
    hang: Moment | None = None
    """Never answer."""
    kill: Moment | None = None
    """Kill the client (SIGKILL), if it is a process of this machine; any other loses its connection."""
    stale_s: float = 0.0
    """For so long every GET is answered as it would have been when the fault was added."""
    outcome: Outcome | None = None
    """Of an action: errored, never ended, or completed with a guest that is dead, that comes no further than its
    first moments, or whose cloud-init fails."""

    def meets_request(self, method: str, path: str) -> bool:
        fits = bool(self.path) and self.method in {"*", method}
        return fits and self.stale_s == 0 and re.fullmatch(self.path, path) is not None

    def meets_action(self, kind: str) -> bool:
        return self.action in {"*", kind}


@dataclass(kw_only=True)
class _Entry:
    id: int
    fault: Fault
    left: int
    skip: int
    dice: random.Random
    met: int = 0
    past: AccountState | None = None
    until: datetime | None = None

    def strikes(self) -> bool:
        """Whether this is one that it meets; counts it."""
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.fault.probability < 1 and self.dice.random() >= self.fault.probability:
            return False
        self.met += 1
        self.left -= 1
        return True

    @property
    def used_up(self) -> bool:
        return self.fault.times != ENDLESS and self.left <= 0


class Faults:
    """The table, and the requests that hang."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._hanging: set[int] = set()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, fault: Fault, *, past: AccountState | None = None, now: datetime | None = None) -> int:
        """Its id. A stale fault needs the ``past`` that it shows from ``now`` on."""
        dice = random.Random(fault.seed)  # noqa: S311 - no secret
        until = None if now is None else now + timedelta(seconds=fault.stale_s)
        with self._lock:
            number = next(self._numbers)
            self._entries.append(
                _Entry(
                    id=number, fault=fault, left=fault.times, skip=fault.skip, dice=dice, past=past, until=until
                )
            )
        return number

    def all(self) -> list[dict[str, Any]]:
        """What is in the table, as JSON, with the count of what each has met."""
        with self._lock:
            return [{"id": entry.id, **asdict(entry.fault), "met": entry.met} for entry in self._entries]

    def remove(self, number: int) -> bool:
        """False if there is no such fault, or no more."""
        with self._lock:
            found = [entry for entry in self._entries if entry.id == number]
            self._entries = [entry for entry in self._entries if entry.id != number]
        return bool(found)

    def clear(self) -> None:
        """Forget every fault; requests that hang are cut off."""
        with self._lock:
            self._entries.clear()
            self._hanging.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this request, which is used up by one; None if there is none."""
        return self._take(lambda fault: fault.meets_request(method, path))

    def take_action(self, kind: str) -> Fault | None:
        """The fault for an action of this type, likewise."""
        return self._take(lambda fault: fault.meets_action(kind))

    def past(self, path: str, now: datetime) -> AccountState | None:
        """The account that a GET of ``path`` is to show instead of today's."""
        if not self._entries:
            return None
        with self._lock:
            self._entries = [entry for entry in self._entries if entry.until is None or now < entry.until]
            stale = [entry for entry in self._entries if entry.past is not None]
            return next((entry.past for entry in stale if re.fullmatch(entry.fault.path, path)), None)

    @property
    def hanging(self) -> int:
        """How many requests hang now."""
        return len(self._hanging)

    def hang(self) -> int:
        """A ticket for a request that hangs from now on."""
        with self._lock:
            ticket = next(self._numbers)
            self._hanging.add(ticket)
        return ticket

    def still_hangs(self, ticket: int) -> bool:
        return ticket in self._hanging

    def let_go(self, ticket: int) -> None:
        with self._lock:
            self._hanging.discard(ticket)

    def _take(self, meets: Callable[[Fault], bool]) -> Fault | None:
        if not self._entries:
            return None
        with self._lock:
            entry = next((entry for entry in self._entries if meets(entry.fault)), None)
            if entry is None or not entry.strikes():
                return None
            if entry.used_up:
                self._entries.remove(entry)
            return entry.fault
