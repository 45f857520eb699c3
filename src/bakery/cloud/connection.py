"""Explain why there was no reply.

The text of the library's exceptions is never quoted: it may contain addresses of objects, passwords of proxies and
parts of the request.
"""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from bakery.hints import Command, Hint, Text
from bakery.loopback import is_loopback

_AGAIN = "then run the same command again"
_NO_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}
"""OpenSSL's reasons if the reply is not a TLS record (openssl/sslerr.h)."""


@dataclass(frozen=True, kw_only=True)
class NoReply:
    """Why a request had no reply, and what to do."""

    problem: str
    hint: Text = f"check the network, {_AGAIN}"
    transient: bool = True
    """Whether a retry may succeed."""


def no_reply(error: Exception, base: str, *, read_seconds: float) -> NoReply:
    """Return what ``error``, an exception of requests, means for a request to ``base``."""
    chain = list(_chain(error))
    if isinstance(error, requests.Timeout):
        return NoReply(problem=f"no answer within {read_seconds:g} s")
    tls = next((e for e in chain if isinstance(e, ssl.SSLError)), None)
    if isinstance(error, requests.exceptions.SSLError):
        return _of_tls(tls, base)
    if isinstance(error, requests.exceptions.ProxyError):
        return NoReply(problem="the proxy refused the connection")
    if any(isinstance(e, urllib3.exceptions.NameResolutionError) for e in chain):
        return NoReply(
            problem=f"the name {urlsplit(base).hostname} cannot be resolved",
            hint=f"check the network and DIGITALOCEAN_API_URL, {_AGAIN}",
        )
    return _of_connection(error, chain, base)


def _of_tls(tls: ssl.SSLError | None, base: str) -> NoReply:
    if tls is not None and tls.reason in _NO_TLS:
        parts = urlsplit(base)
        url = f"http://{parts.netloc}"
        return NoReply(
            problem="it does not speak TLS",
            hint=f"an emulator speaks plain http: DIGITALOCEAN_API_URL={url}"
            if is_loopback(parts.hostname or "")
            else "correct the port in DIGITALOCEAN_API_URL",
            transient=False,
        )
    return NoReply(problem="its TLS certificate cannot be verified", transient=False)


def _of_connection(error: Exception, chain: list[BaseException], base: str) -> NoReply:
    if any(isinstance(e, ConnectionRefusedError) for e in chain):
        local = is_loopback(urlsplit(base).hostname or "")
        start = Hint("correct DIGITALOCEAN_API_URL, or start the emulator it names: ", Command("emulator up"))
        return NoReply(
            problem="connection refused: nothing listens there",
            hint=start if local else f"check the network and DIGITALOCEAN_API_URL, {_AGAIN}",
        )
    if any(isinstance(e, ConnectionError | urllib3.exceptions.ProtocolError) for e in chain):
        return NoReply(problem="the connection was closed")
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return NoReply(problem="the reply cannot be decoded")
    system = next((e.strerror for e in chain if isinstance(e, OSError) and e.errno is not None), None)
    return NoReply(problem=system or type(error).__name__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield ``error`` and the errors in it: requests has urllib3's errors as arguments, urllib3 as ``reason``."""
    seen: set[int] = set()
    left: list[object] = [error]
    while left:
        each = left.pop()
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            left += [*each.args, getattr(each, "reason", None), each.__cause__, each.__context__]
