"""The log of requests, for tests that count them."""

from collections import deque
from dataclasses import dataclass


@dataclass(kw_only=True)
class RequestRecord:
    """One request, without headers and body: they contain secrets."""

    method: str
    path: str
    query: str
    request_id: str
    status: int = 0
    """0 if no answer was sent."""
    applied: bool = False
    """Whether the request had its effect, with or without an answer to the client."""


class RequestLog:
    """The newest ``size`` requests."""

    def __init__(self, size: int) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=size)

    def add(self, record: RequestRecord) -> None:
        """Add a request; the oldest one is dropped if the log is full."""
        self._records.append(record)

    def all(self) -> list[RequestRecord]:
        return list(self._records)

    def clear(self) -> None:
        self._records.clear()
