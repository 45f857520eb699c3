"""The table of faults that users add.

A fault with a ``path`` matches requests: the middleware looks once per request. A fault with an ``action`` matches
actions of droplets and images: the action runner looks once per action. Of several matching faults the oldest one
is applied.
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
"""``times`` of a fault without a limit."""

Moment = Literal["before", "after"]
"""Before or after the request is applied."""
Outcome = Literal["errored", "endless", "dead", "unbootable", "unconfigured"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens, and to which requests or actions. Fields that end in ``_s`` are seconds."""

    path: str = ""
    """A regular expression that matches the whole path."""
    method: str = "*"
    """GET, POST …, or ``*``."""
    action: str = ""
    """create, snapshot …, or ``*``. A fault has either an action or a path."""
    times: int = 1
    """How many requests or actions it affects; ``ENDLESS`` for all."""
    skip: int = 0
    """How many matching requests or actions pass before the first is affected."""
    probability: float = 1.0
    """The probability, 0 to 1, that a matching request or action is affected."""
    seed: int = 0
    """Seed of the random numbers for ``probability``: with the same seed the same requests are affected."""

    delay_s: float = 0.0
    """Wait first; can be combined with every other effect."""
    status: int | None = None
    """Answer this status instead of applying the request."""
    html: bool = False
    """Answer ``status`` with an HTML page, as from a gateway in front of the API."""
    retry_after: int | None = None
    """The Retry-After header sent with ``status``, in seconds."""
    reset: bool = False
    """Reset the connection instead of applying the request."""
    lost_reply: bool = False
    """Apply the request, then close the connection without a reply."""
    hang: Moment | None = None
    """Never answer."""
    kill: Moment | None = None
    """Kill the client (SIGKILL) if it is a process of this machine; else close its connection."""
    stale_s: float = 0.0
    """For so many seconds, answer GETs from the account as it was when the fault was added."""
    outcome: Outcome | None = None
    """The result of an action: errored, endless, or completed with a guest that is off (dead), whose boot stops at
    once (unbootable), or whose cloud-init fails (unconfigured)."""

    def meets_request(self, method: str, path: str) -> bool:
        """Return whether the fault matches a request, unless it is a stale fault."""
        fits = bool(self.path) and self.method in {"*", method}
        return fits and self.stale_s == 0 and re.fullmatch(self.path, path) is not None

    def meets_action(self, kind: str) -> bool:
        """Return whether the fault matches an action of this type."""
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
        """Return whether the fault affects this match, and count it."""
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
    """The table of faults, and the requests that hang."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._hanging: set[int] = set()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, fault: Fault, *, past: AccountState | None = None, now: datetime | None = None) -> int:
        """Add a fault and return its id. A stale fault needs ``past``, the account to show from ``now`` on."""
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
        """Return the table as JSON; ``met`` is the number of requests or actions that the fault affected."""
        with self._lock:
            return [{"id": entry.id, **asdict(entry.fault), "met": entry.met} for entry in self._entries]

    def remove(self, number: int) -> bool:
        """Remove a fault; return False if it is not in the table."""
        with self._lock:
            found = [entry for entry in self._entries if entry.id == number]
            self._entries = [entry for entry in self._entries if entry.id != number]
        return bool(found)

    def clear(self) -> None:
        """Remove all faults, and close the connections of requests that hang."""
        with self._lock:
            self._entries.clear()
            self._hanging.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that affects this request and count it; None if there is none."""
        return self._take(lambda fault: fault.meets_request(method, path))

    def take_action(self, kind: str) -> Fault | None:
        """Return the fault that affects an action of this type and count it; None if there is none."""
        return self._take(lambda fault: fault.meets_action(kind))

    def past(self, path: str, now: datetime) -> AccountState | None:
        """Return the old account that a GET of ``path`` shows, or None for the current one."""
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
        """Count a request that hangs from now on, and return its ticket."""
        with self._lock:
            ticket = next(self._numbers)
            self._hanging.add(ticket)
        return ticket

    def still_hangs(self, ticket: int) -> bool:
        """Return whether the request with this ticket hangs; False once all faults are cleared."""
        return ticket in self._hanging

    def let_go(self, ticket: int) -> None:
        """Stop counting the request with this ticket."""
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
