"""One answer of the API as it was sent."""

from collections.abc import Mapping
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
