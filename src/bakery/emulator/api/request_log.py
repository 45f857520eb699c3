"""What was asked of the API, for tests that count requests."""

from collections import deque
from dataclasses import dataclass


@dataclass(kw_only=True)
class RequestRecord:
    """No headers and no bodies: those hold secrets."""

    method: str
    path: str
    query: str
    request_id: str
    status: int = 0
    """0 when no reply went out."""
    applied: bool = False
    """Whether the request had its effect, whatever the client was told."""


class RequestLog:
    """The newest ``size`` requests."""

    def __init__(self, size: int) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=size)

    def add(self, record: RequestRecord) -> None:
        self._records.append(record)

    def all(self) -> list[RequestRecord]:
        return list(self._records)

    def clear(self) -> None:
        self._records.clear()
