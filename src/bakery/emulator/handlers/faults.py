"""Faults that a test asks for: a table, looked up once per request by the edge.

A fault acts before the request is applied (``delay_s``, ``status``) or after (``lost_reply``).
"""

import re
import threading
from dataclasses import dataclass


@dataclass(kw_only=True)
class Fault:
    method: str
    """GET, POST …, or ``*``."""
    path: str
    """A regular expression that matches the whole path."""
    times: int
    """How many requests it still meets."""
    skip: int = 0
    """How many requests it lets pass first."""
    status: int | None = None
    """Answer this instead of applying the request."""
    retry_after: int | None = None
    """Sent with ``status``, in seconds."""
    lost_reply: bool = False
    """Apply the request, then close the connection without a reply."""
    delay_s: float = 0.0
    """Wait so long before anything else."""

    def matches(self, method: str, path: str) -> bool:
        return self.method in {"*", method} and re.fullmatch(self.path, path) is not None


class Faults:
    """The table; the oldest fault that matches is the one that acts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def all(self) -> list[Fault]:
        with self._lock:
            return list(self._faults)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this request, which is used up by one; None if there is none."""
        if not self._faults:
            return None
        with self._lock:
            fault = next((fault for fault in self._faults if fault.matches(method, path)), None)
            if fault is None:
                return None
            if fault.skip > 0:
                fault.skip -= 1
                return None
            fault.times -= 1
            if fault.times <= 0:
                self._faults.remove(fault)
            return fault
