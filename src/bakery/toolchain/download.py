"""Download files over HTTP with time-outs and a size limit; no redirect leads to a less protected place."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from bakery.console import SILENT, Reporter
from bakery.errors import MissingToolError, UnreachableError
from bakery.loopback import is_loopback

_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class DownloadLimits:
    """Time-outs in seconds and sizes in bytes."""

    connect: float = 10
    silence: float = 30
    """Longest time between two chunks of a reply."""
    total: float = 1800
    size: int = 400 << 20
    text_size: int = 1 << 20


LIMITS = DownloadLimits()


def fetch_text(url: str, limits: DownloadLimits = LIMITS) -> bytes:
    """Return the content of a small file.

    Raises:
        UnreachableError: there is no connection, no reply in time, a 5xx reply, or the file is too large.
        MissingToolError: the site does not have the file.
    """
    return b"".join(_pieces(url, limits, limits.text_size, SILENT))


def fetch_file(url: str, target: Path, limits: DownloadLimits = LIMITS, *, reporter: Reporter = SILENT) -> str:
    """Download a large file to ``target``; return its SHA256 in hex. Raises the errors of :func:`fetch_text`."""
    digest = hashlib.sha256()
    with target.open("wb") as stream:
        for piece in _pieces(url, limits, limits.size, reporter):
            digest.update(piece)
            stream.write(piece)
    return digest.hexdigest()


def _pieces(url: str, limits: DownloadLimits, size: int, reporter: Reporter) -> Iterator[bytes]:
    end, done = time.monotonic() + limits.total, 0
    with _reply(url, limits) as response:
        total = _length(response)
        for piece in response.iter_content(_CHUNK):
            done += len(piece)
            reporter.transferred(done, total)
            if done > size:
                raise _unreachable(url, "the file is too large")
            if time.monotonic() > end:
                raise _unreachable(url, f"not done after {limits.total:.0f} s")
            yield piece


def _length(response: requests.Response) -> int | None:
    """Return the size of the file, if the site says it: that of a compressed reply is another one."""
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and "Content-Encoding" not in response.headers else None


class Protection(IntEnum):
    """What keeps others on the way from changing a reply."""

    NONE = 0
    THIS_MACHINE = 1
    TLS = 2


def protection_of(url: str) -> Protection:
    """Return how a request to ``url`` is protected."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return Protection.TLS
    return Protection.THIS_MACHINE if is_loopback(parts.hostname or "") else Protection.NONE


class _Session(requests.Session):
    """Checks every URL on the way of one download before it is asked: the last one says nothing of the others."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._least = Protection.NONE

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # noqa: ANN401 - as requests'
        """Send one request; requests calls it again for each redirect."""
        url = str(request.url)
        protection = protection_of(url)
        if protection < self._least:
            raise _unreachable(self._url, f"it redirects to {urlsplit(url).hostname}, without TLS")
        self._least = protection
        if protection is Protection.THIS_MACHINE:
            kwargs["proxies"] = {}  # a proxy would be on the way
        return super().send(request, **kwargs)


@contextmanager
def _reply(url: str, limits: DownloadLimits) -> Iterator[requests.Response]:
    try:
        with (
            _Session(url) as session,
            session.get(url, stream=True, timeout=(limits.connect, limits.silence)) as response,
        ):
            _check(url, response)
            yield response
    except (requests.RequestException, ValueError) as error:  # ValueError: urllib3, for a malformed host
        raise _unreachable(url, _reason(error)) from error


def _check(url: str, response: requests.Response) -> None:
    if 400 <= response.status_code < 500:
        message = f"{urlsplit(url).netloc} does not have {urlsplit(url).path.rpartition('/')[2]}"
        raise MissingToolError(message=message, details=f"{url} answered {response.status_code}")
    if response.status_code != 200:
        raise _unreachable(url, f"it answered {response.status_code}")


def _unreachable(url: str, reason: str) -> UnreachableError:
    message = f"{urlsplit(url).netloc} could not be reached"
    return UnreachableError(message=message, details=f"{url}: {reason}")


def _reason(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate could not be verified"
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time"
    return f"no connection ({type(error).__name__})"
