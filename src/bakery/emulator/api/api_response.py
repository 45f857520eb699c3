"""One answer of the API as it was sent, and the port for an observer of all answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ApiResponse:
    """One answer; without the request's body, because user-data is in it."""

    method: str
    path: str
    query: str
    status: int
    headers: Mapping[str, str]
    """The answer's headers, names in lower case."""
    body: bytes = field(repr=False)
    """The answer's body."""


Observer = Callable[[ApiResponse], None]
"""Called with every answer under ``/v2`` that is not a fault's; must not raise."""


def ignore_response(response: ApiResponse) -> None:
    """Ignore the answer: the observer of an emulator outside tests."""
