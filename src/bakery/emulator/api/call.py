"""One request as a handler gets it, and the handler's answer."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from bakery.emulator.account.errors import NotFound
from bakery.emulator.account.settings import EmulatorSettings
from bakery.emulator.account.state import AccountState
from bakery.emulator.api import fields
from bakery.emulator.api.recording import Recording
from bakery.emulator.api.request_log import RequestLog
from bakery.emulator.api.tokens import AccessToken, AccessTokens
from bakery.emulator.faults.table import Faults
from bakery.emulator.work.machine_actions import ActionRunner

T = TypeVar("T")

# https://docs.digitalocean.com/reference/api/digitalocean/, "Links & Pagination"
DEFAULT_PER_PAGE = 20
MAX_PER_PAGE = 200


@dataclass(frozen=True, kw_only=True)
class AdminTools:
    """What handlers under ``/_emulator/`` may use beside the account and the action runner."""

    requests: RequestLog
    faults: Faults
    tokens: AccessTokens
    recording: Recording


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, and what its handler may use."""

    today: AccountState
    """The current account, which requests change."""
    work: ActionRunner
    tools: AdminTools | None = None
    """None under ``/v2``."""
    access: AccessToken
    past: AccountState | None = None
    """The old account to show, for a GET that a stale fault affects."""
    path: str
    base_url: str
    """Scheme and host as the client sent them; links begin with it."""
    params: Mapping[str, str]
    """Parameters of the path."""
    query: Mapping[str, str]
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def state(self) -> AccountState:
        return self.past or self.today

    @property
    def settings(self) -> EmulatorSettings:
        return self.today.settings

    @property
    def admin(self) -> AdminTools:
        """Raises LookupError under ``/v2``, whose handlers do not have these tools."""
        if self.tools is None:
            message = f"{self.path} is not below /_emulator/"
            raise LookupError(message)
        return self.tools

    def id(self, name: str) -> int:
        """Return a numeric id of the path. Raises NotFound if it is not a number."""
        number = fields.number(self.params[name])
        if number is None:
            raise NotFound
        return number


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The answer of a handler. A body that is text is sent as text/plain, another one as JSON."""

    status: int = 200
    body: Mapping[str, Any] | str | None = None
    after: Future[Any] | None = field(default=None, compare=False)
    """Work of another thread that must succeed before the answer is sent; an ApiError of it is sent instead."""


Handler = Callable[[Call], Reply]


class Rule(NamedTuple):
    """One line of the table of routes."""

    method: str
    path: str
    handler: Handler
    scopes: str = ""
    """Scopes that the token needs, separated by spaces; a handler may require more."""


NO_CONTENT = Reply(status=204)


def page(call: Call, key: str, items: Sequence[T], serialise: Callable[[T], Mapping[str, Any]]) -> Reply:
    """Answer with the requested page of ``items``, absolute links and the total."""
    size = min(max(_positive(call, "per_page", DEFAULT_PER_PAGE), 1), MAX_PER_PAGE)
    number = max(_positive(call, "page", 1), 1)
    chosen = items[(number - 1) * size : number * size]
    last = max(1, -(-len(items) // size))
    return Reply(
        body={
            key: [serialise(item) for item in chosen],
            "links": _links(call, number, last),
            "meta": {"total": len(items)},
        }
    )


def _positive(call: Call, name: str, default: int) -> int:
    value = fields.number(call.query.get(name, ""))
    return default if value is None else value


def _links(call: Call, number: int, last: int) -> dict[str, Any]:
    """Return the links to other pages; none if all items are on one page."""
    pages = {}
    if number > 1:
        pages = {"first": 1, "prev": min(number - 1, last)}
    if number < last:
        pages |= {"next": number + 1, "last": last}
    return {"pages": {name: _url(call, target) for name, target in pages.items()}} if pages else {}


def _url(call: Call, number: int) -> str:
    return f"{call.base_url}{call.path}?{urlencode({**call.query, 'page': str(number)})}"
