"""HTTP to DigitalOcean: time-outs, rate limit, a few retries, checked pages, typed errors.

It logs nothing; a :class:`bakery.cloud.watch.Watcher` is called instead.

Only GET, PUT and DELETE are retried, because the reference promises idempotency only for them; a POST never is.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from requests.auth import AuthBase

from bakery import __version__
from bakery.cloud.api_errors import api_error, as_object
from bakery.cloud.connection import no_reply
from bakery.cloud.rate_limiter import RateLimiter
from bakery.cloud.watch import UNWATCHED, Exchange, Retry, Watcher
from bakery.errors import BakeryError, RateLimitedError, UnreachableError
from bakery.loopback import is_loopback
from bakery.wait import Clock, SystemClock

PER_PAGE = 200
MOST_PAGES = 500
READINGS = 3
Query = Mapping[str, str | int]


@dataclass(frozen=True, kw_only=True)
class TransportLimits:
    """Time-outs in seconds, and the number of tries, of one call."""

    connect: float = 5
    read: float = 20
    tries: int = 5
    patience: float = 60
    """A retry starts only if it must end within this time after the first try."""
    rate_patience: float = 120
    """Longest wait for the rate limit before a call."""
    first_pause: float = 1
    """Doubles with each try."""
    per_minute: int = 240
    """Requests per minute; below DigitalOcean's limit of 250."""


class _PermanentError(Exception):
    """A retry would fail in the same way; ``error`` is what to raise."""

    def __init__(self, error: UnreachableError) -> None:
        super().__init__()
        self.error = error


class _Bearer(AuthBase):
    """Sets the token on each request. With an explicit auth, requests does not read ~/.netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Transport:
    """Sends requests below ``<endpoint>/v2/``. Safe to share between threads."""

    def __init__(
        self,
        endpoint: str,
        token: str,
        *,
        limits: TransportLimits | None = None,
        clock: Clock | None = None,
        wall: Callable[[], float] = time.time,
        watcher: Watcher = UNWATCHED,
    ) -> None:
        self._base = f"{endpoint}/v2/"
        self._token = token
        self._limits = limits or TransportLimits()
        self._clock = clock or SystemClock()
        self._watcher = watcher
        self._rate_limiter = RateLimiter(
            self._clock,
            per_minute=self._limits.per_minute,
            patience=self._limits.rate_patience,
            wall=wall,
            tell=watcher.holding,
        )
        self._session = requests.Session()
        self._session.auth = _Bearer(token)
        # A proxy from the environment could read unencrypted requests to loopback.
        self._session.trust_env = not is_loopback(urlsplit(endpoint).hostname or "")
        self._session.headers["User-Agent"] = f"bakery/{__version__}"

    def call(self, method: str, path: str, *, query: Query | None = None, body: object = None) -> dict[str, Any]:
        """Send a request, with retries; return the reply's JSON object, empty for 204.

        Raises the errors of :mod:`bakery.cloud.interface`.
        """
        tries = 1 if method == "POST" else self._limits.tries
        end = self._clock.now() + self._limits.patience
        rate_end = self._clock.now() + self._limits.rate_patience
        pause = self._limits.first_pause
        for number in range(1, tries + 1):
            try:
                return self._once(method, path, query, body)
            except RateLimitedError as error:
                if number == tries or self._clock.now() > rate_end:  # the rate limiter delays the next try
                    raise
                if (wait := self._rate_limiter.seconds_left()) <= self._limits.rate_patience:
                    self._tell_retry(error, number, wait)
            except _PermanentError as stop:
                raise stop.error from None
            except UnreachableError as error:
                if number == tries or self._clock.now() + pause + self._limits.read > end:
                    raise
                self._tell_retry(error, number, pause)
                self._clock.sleep(pause)
                pause *= 2
        raise AssertionError  # tries is at least 1

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._session.close()

    def collect(self, path: str, key: str, query: Query | None = None) -> list[dict[str, Any]]:
        """Return every element of a paged list once.

        Pages are requested by number. A ``next`` link only shows that there is another page; it is never followed,
        so that the token is sent to no other host. The count is checked against ``meta.total``; a list that
        changed while it was read is read again.

        Raises:
            UnreachableError: the count did not match ``meta.total``, three times.
        """
        message = f"the list GET /v2/{path} is not complete"
        counts = ""
        for _ in range(READINGS):
            elements, total = self._pages(path, key, query or {})
            if total is None or total == len(elements):
                return elements
            counts = f"{len(elements)} of {total}"
        raise UnreachableError(message=message, details=counts, hint="run the same command again")

    def count(self, path: str) -> int:
        """Return the number of elements of a paged list, in one short request.

        Raises:
            UnreachableError: the reply has no ``meta.total``.
        """
        total = _total(self.call("GET", path, query={"page": 1, "per_page": 1}))
        if total is None:
            message = f"the reply to GET /v2/{path} does not have the API's form"
            raise UnreachableError(message=message, details="no number meta.total in it", status=200)
        return total

    def _pages(self, path: str, key: str, query: Query) -> tuple[list[dict[str, Any]], int | None]:
        found: dict[str, dict[str, Any]] = {}
        total: int | None = None
        for page in range(1, MOST_PAGES + 1):
            reply = self.call("GET", path, query={**query, "page": page, "per_page": PER_PAGE})
            elements = _elements(reply, path, key)
            found |= {_identity(element): element for element in elements}
            total = _total(reply)
            if not elements or not _has_next(reply):
                break
        return list(found.values()), total

    def _tell_retry(self, error: RateLimitedError | UnreachableError, number: int, seconds: float) -> None:
        reason = f"the API answered {error.status}"
        if not error.status:
            reason = f"cannot reach {urlsplit(self._base).netloc} ({error.details})"
        elif error.status == 200:
            reason = error.message
        self._watcher.retrying(Retry(reason=reason, number=number, most=self._limits.tries - 1, seconds=seconds))

    def _once(self, method: str, path: str, query: Query | None, body: object) -> dict[str, Any]:
        what = f"{method} /v2/{path}"
        self._rate_limiter.acquire()
        response = self._exchange(what, method, path, query, body)
        if response.status_code == 429:
            self._rate_limiter.back_off(response.headers)
        if not 200 <= response.status_code < 300:
            raise self._api_error(what, response, body)
        if response.status_code == 204 or not response.content:
            return {}
        reply = as_object(response.text)
        if not reply:
            message = f"the reply to {what} does not have the API's form"
            raise UnreachableError(message=message, details="no JSON object in it", status=response.status_code)
        return reply

    def _exchange(self, what: str, method: str, path: str, query: Query | None, body: object) -> requests.Response:
        started, status, date = self._clock.now(), 0, ""
        try:
            response = self._session.request(
                method,
                self._base + path,
                params=dict(query or {}),
                data=None if body is None else json.dumps(body).encode(),
                headers=None if body is None else {"Content-Type": "application/json"},
                timeout=(self._limits.connect, self._limits.read),
                allow_redirects=False,
            )
            status, date = response.status_code, response.headers.get("Date", "")
            return response
        except (requests.RequestException, ValueError) as error:  # ValueError: a malformed proxy host
            why = no_reply(error, self._base, read_seconds=self._limits.read)
        finally:
            shown = f"/v2/{path}" + (f"?{urlencode(query)}" if query else "")
            spent = self._clock.now() - started
            self._watcher.answered(Exchange(method=method, path=shown, status=status, seconds=spent, date=date))
        message = f"cannot reach {urlsplit(self._base).netloc} for {what}"
        unreachable = UnreachableError(message=message, details=why.problem, hint=why.hint)
        raise unreachable if why.transient else _PermanentError(unreachable)

    def _api_error(self, what: str, response: requests.Response, body: object) -> BakeryError:
        secrets = (self._token, *_secret_parts(body))
        return api_error(what, response.status_code, response.headers, response.text, secrets=secrets)


def _secret_parts(body: object) -> tuple[str, ...]:
    """Return the user-data in a request, raw and JSON-escaped: an error body may quote the request."""
    text = body.get("user_data") if isinstance(body, dict) else None
    return (json.dumps(text)[1:-1], text, text.strip()) if isinstance(text, str) else ()


def _elements(reply: dict[str, Any], path: str, key: str) -> list[dict[str, Any]]:
    elements = reply.get(key)
    if not isinstance(elements, list) or not all(isinstance(element, dict) for element in elements):
        message = f"the reply to GET /v2/{path} does not have the API's form"
        raise UnreachableError(message=message, details=f"no list {key!r} in it", status=200)
    return elements


def _identity(element: dict[str, Any]) -> str:
    """Return what identifies an element: tags have a name, sizes and regions a slug, all others an id."""
    return str(next((element[key] for key in ("id", "slug", "name") if element.get(key) is not None), element))


def _total(reply: dict[str, Any]) -> int | None:
    meta = reply.get("meta")
    total = meta.get("total") if isinstance(meta, dict) else None
    return total if isinstance(total, int) else None


def _has_next(reply: dict[str, Any]) -> bool:
    links = reply.get("links")
    pages = links.get("pages") if isinstance(links, dict) else None
    return isinstance(pages, dict) and bool(pages.get("next"))
