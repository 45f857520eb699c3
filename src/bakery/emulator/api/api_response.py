"""One answer of the API as it went out, and the port through which somebody may look at every one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ApiResponse:
    """No request bodies: those hold user-data."""

    method: str
    path: str
    query: str
    status: int
    headers: Mapping[str, str]
    """Of the answer, names in lower case."""
    body: bytes = field(repr=False)
    """Of the answer."""


Observer = Callable[[ApiResponse], None]
"""Called after every answer under ``/v2`` that no fault made; must not raise."""


def ignore_response(response: ApiResponse) -> None:
    """The observer that looks at nothing."""
