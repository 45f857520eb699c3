"""HTTPS to one agent: mutual TLS with a server name instead of the address, time-outs, typed errors."""

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

from bakery.agents.model import Target
from bakery.errors import AgentError
from bakery.hints import Command, Hint
from bakery.proc import redact

T = TypeVar("T")

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
JOIN_SECONDS = 15.0
"""Read time-out of a join, for each address: gossip waits 10 s for a connection (hashicorp/memberlist config.go,
TCPTimeout)."""
PARALLEL = 8
"""Parallel requests to one agent. Consul's limit is 200 per client address (limits.http_max_conns_per_client)."""
UNREADABLE = "in a form that bakery cannot read"
_NOT_KNOWN = ("ACL not found", "ACL token not found")
"""Answers to a token that the product does not have (Consul: acl/errors.go; Nomad: nomad/structs/errors.go)."""
_LONGEST_DETAILS = 600
# A log that is followed may be quiet for hours. A machine that is gone without a word is noticed after a minute.
KEEPALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
]
if hasattr(socket, "TCP_KEEPIDLE"):  # macOS has another name for the first pause
    KEEPALIVE.append((socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30))
_UNREACHED = Hint("if your address has changed: ", Command("access refresh"))
# X509_V_ERR_CERT_SIGNATURE_FAILURE, the two _SELF_SIGNED_, UNABLE_TO_GET_ISSUER_CERT_LOCALLY and
# UNABLE_TO_VERIFY_LEAF_SIGNATURE of OpenSSL's x509_vfy.h: the CA at hand did not sign it.
_OF_ANOTHER_CA = frozenset({7, 18, 19, 20, 21})
_LAYERS = 4
"""Of errors around an error of TLS: requests' SSLError, urllib3's MaxRetryError and SSLError."""
_FOREIGN = "its certificate is of another CA than the credentials here"
_BRING_BACK = "bring back the credentials bundle of this cluster (.bakery/ beside its cluster file)"


class ServerNameAdapter(HTTPAdapter):
    """Sends ``server_name`` as SNI and checks the certificate against it.

    urllib3 does both for pools with a ``server_hostname`` (urllib3/connection.py, HTTPSConnection.connect).
    """

    def __init__(self, server_name: str) -> None:
        self._server_name = server_name
        # Twice, because one of the caller's parallel requests may be a list that needs a request for each row.
        super().__init__(pool_maxsize=2 * PARALLEL, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - requests' signature
        """Add the server's name and the keepalives to the connections that requests makes."""
        kwargs["server_hostname"] = self._server_name
        kwargs["socket_options"] = [*HTTPConnection.default_socket_options, *KEEPALIVE]
        super().init_poolmanager(*args, **kwargs)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A reply with status 2xx, or with a status that the caller accepts."""

    status: int
    error_text: str
    """The start of an error's body, without secrets. Empty for a 2xx, whose body may contain secrets."""
    value: Any = field(repr=False)
    """The JSON value; None if the body is not JSON (errors are plain text)."""


class AgentHttp:
    """One agent's API.

    ``product`` is "Consul" or "Nomad". The token is sent only in the header ``token_header``.
    """

    def __init__(self, target: Target, *, product: str, token_header: str) -> None:
        self._product = product
        self.name = f"{product} at {target.address}:{target.port}"
        host = f"[{target.address}]" if ":" in target.address else target.address
        self._base = f"https://{host}:{target.port}"
        self._token_header = token_header
        self._token = target.token
        self._hidden = (target.token, target.gossip_key)
        self._session = requests.Session()
        self._session.trust_env = False  # neither proxies nor REQUESTS_CA_BUNDLE nor .netrc may reroute this
        self._session.verify = str(target.tls.ca)
        self._session.cert = (str(target.tls.certificate), str(target.tls.key))
        self._session.mount("https://", ServerNameAdapter(target.server_name))

    def error(
        self,
        *,
        what: str,
        details: str = "",
        status: int = 0,
        hint: Hint | None = None,
        of_another_ca: bool = False,
    ) -> AgentError:
        """Return the error that says ``what`` this agent did, for example "cannot be reached"."""
        return AgentError(
            message=f"{self.name} {what}",
            cause=f"{self._product} {what}",
            details=details or None,
            hint=hint,
            status=status,
            of_another_ca=of_another_ca,
        )

    def refusal(self, path: str, details: str, *, status: int, method: str = "GET") -> AgentError:
        """Return the error for a request that the agent refused; the query of ``path`` is left out."""
        if any(answer in details for answer in _NOT_KNOWN):
            details = (
                f"{details}. It does not know this token: it has ended, or the ACLs belong to other credentials"
            )
        what = f"refused {method} {path.partition('?')[0]} ({status})"
        return self.error(what=what, details=details, status=status)

    def read(self, path: str, parse: Callable[[Any], T], *, accept: frozenset[int] = frozenset()) -> T:
        """Return ``parse`` of the JSON at ``path``; its lookup errors become an AgentError."""
        return self.parse(self.call("GET", path, accept=accept), f"GET {path}", parse)

    def parse(self, reply: Reply, asked: str, parse: Callable[[Any], T]) -> T:
        """Return ``parse`` of the reply's JSON; its lookup errors become an AgentError that names ``asked``."""
        try:
            return parse(reply.value)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            details = f"{type(error).__name__}: {error}"
            raise self.error(what=f"answered {asked} {UNREADABLE}", details=details, status=reply.status) from None

    def call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        anonymous: bool = False,
        accept: frozenset[int] = frozenset(),
        secrets: tuple[str, ...] = (),
        read_seconds: float | None = None,
    ) -> Reply:
        """Send one request, without retries. ``secrets`` are removed from errors, as is the token.

        ``read_seconds`` is the read time-out of a slow call; default :data:`READ_SECONDS`.

        Raises:
            AgentError: there was no reply (status 0), or its status is neither 2xx nor in ``accept``. A redirect
            is an error too.
        """
        hidden = (*self._hidden, *secrets)
        headers = {self._token_header: self._token} if self._token and not anonymous else {}
        try:
            response = self._session.request(
                method,
                self._base + path,
                json=body,
                headers=headers,
                timeout=(CONNECT_SECONDS, read_seconds or READ_SECONDS),
                allow_redirects=False,
            )
            body_text = response.text
        # OSError: requests' exceptions and unreadable certificate files. ValueError: urllib3, of a malformed
        # address.
        except (OSError, ValueError) as error:
            raise self._unreached(error, hidden) from None
        status = response.status_code
        if 200 <= status < 300:
            return Reply(status=status, error_text="", value=_json(response))
        error_text = redact(body_text.strip(), hidden)[:_LONGEST_DETAILS]
        if status not in accept:
            raise self.refusal(path, error_text, status=status, method=method)
        return Reply(status=status, error_text=error_text, value=_json(response))

    def stream(self, path: str) -> Iterator[bytes]:
        """Yield the body of a GET piece by piece for as long as the agent sends it; first an empty piece.

        The empty piece comes when the agent has answered. There is no read time-out: an agent may have nothing to
        send for hours.

        Raises:
            AgentError: the agent cannot be reached, refuses, or the connection broke.
        """
        headers = {self._token_header: self._token} if self._token else {}
        try:
            with self._session.get(
                self._base + path,
                headers=headers,
                timeout=(CONNECT_SECONDS, None),
                allow_redirects=False,
                stream=True,
            ) as response:
                if response.status_code != 200:
                    details = redact(response.text.strip(), self._hidden)[:_LONGEST_DETAILS]
                    raise self.refusal(path, details, status=response.status_code)
                yield b""
                yield from response.iter_content(chunk_size=None)
        except (OSError, ValueError) as error:  # as in `call`
            raise self._unreached(error, self._hidden) from None

    def call_unless_done(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, refused: int, already: str
    ) -> bool:
        """Send a request that deletes; return False if the resource did not exist.

        ``refused`` is the HTTP status of a refused request; ``already`` is the text in its body that means "does
        not exist".

        Raises:
            AgentError: the request was refused for another reason.
        """
        reply = self.call(method, path, body, accept=frozenset({refused}))
        if reply.status != refused:
            return True
        if already in reply.error_text:
            return False
        raise self.refusal(path, reply.error_text, status=refused, method=method)

    def _unreached(self, error: Exception, hidden: tuple[str, ...]) -> AgentError:
        details = redact(_reason(error), hidden)
        if _is_of_another_ca(error):
            foreign = f"{_FOREIGN} ({details})"
            return self.error(
                what="cannot be reached", details=foreign, hint=Hint(_BRING_BACK), of_another_ca=True
            )
        return self.error(what="cannot be reached", details=details, hint=_UNREACHED)


def text(value: object) -> str:
    """Return ``value`` if it is a string, else raise TypeError. A parser for :meth:`AgentHttp.read`."""
    if isinstance(value, str):
        return value
    message = f"{type(value).__name__} instead of a string"
    raise TypeError(message)


def read_time(value: object) -> datetime | None:
    """Return a time as Go writes it, with up to nine digits of a second; None for null and Go's zero time."""
    if value is None:
        return None
    found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", text(value)))
    return None if found.year == 1 else found.astimezone(UTC)


def _json(response: requests.Response) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return response.json()
    except ValueError:
        return None


def _is_of_another_ca(error: Exception) -> bool:
    """Return whether the agent's certificate was refused because the CA of the credentials did not sign it."""
    inner: object = error
    for _ in range(_LAYERS):
        if isinstance(inner, ssl.SSLCertVerificationError):
            return inner.verify_code in _OF_ANOTHER_CA
        inner = getattr(inner, "reason", None) or next(iter(getattr(inner, "args", ())), None)
    return False


def _reason(error: Exception) -> str:
    """Return the cause without urllib3's wrapping, for example "Connection refused"."""
    inner = error.args[0] if error.args else error
    text = str(getattr(inner, "reason", inner))
    text = re.sub(r"^.*?HTTPSConnection(Pool)?\([^)]*\): ", "", text)
    text = re.sub(r"^Failed to establish a new connection: (\[Errno \d+\] )?", "", text)
    return text[:_LONGEST_DETAILS]
