"""Pass an HTTP request on to an agent as it is, and the agent's reply back piece by piece: for the web UIs."""

import socket
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from threading import Lock

from bakery.agents.handshake import client_context
from bakery.agents.model import Target
from bakery.agents.transport import CONNECT_SECONDS, KEEPALIVE
from bakery.errors import AgentError

_IDLE = 8
"""Open connections that wait for the next request."""
_PIECE = 65_536
_UNACKNOWLEDGED_MS = 10_000
"""Milliseconds for which what was sent may stay without an acknowledgement (tcp(7), TCP_USER_TIMEOUT)."""

FindSecrets = Callable[[], Collection[str]]
"""Returns the tokens of the run, which are removed from replies. It is called while a reply arrives."""


@dataclass(frozen=True, kw_only=True)
class PassedRequest:
    """A request of a browser."""

    method: str
    path: str
    """With the query."""
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def is_safe(self) -> bool:
        """Whether it may be sent twice (RFC 9110, 9.2.1)."""
        return self.method in ("GET", "HEAD")


@dataclass(frozen=True, kw_only=True)
class PassedReply:
    """A reply whose body is still to be read, or to be given up."""

    status: int
    headers: tuple[tuple[str, str], ...]
    pieces: Iterator[bytes]
    """The body, as it arrives and as it is encoded. Raises AgentError if the connection breaks."""
    give_up: Callable[[], None]
    """Closes the connection, unless the body has been read to its end."""


class Connection(HTTPConnection):
    """A connection to the agent, over mutual TLS with its server name."""

    def __init__(self, target: Target) -> None:
        super().__init__(target.address, target.port, timeout=CONNECT_SECONDS)
        self._target = target

    def connect(self) -> None:
        """Connect, and wait for the handshake. From then on there is no time-out: Consul may answer after minutes.

        A blocking query may take ten minutes and a sixteenth (Consul docs, "Blocking queries"). A server that is
        gone without a word acknowledges neither requests nor keepalives.
        """
        super().connect()
        for option in KEEPALIVE:
            self.sock.setsockopt(*option)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux only
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)
        context = client_context(self._target)
        self.sock = context.wrap_socket(self.sock, server_hostname=self._target.server_name)
        self.sock.settimeout(None)

    def abort(self) -> None:
        """End a read that another thread waits for. TLS is not closed in order: the reader is inside it."""
        connected = self.sock  # None once it is closed
        if connected is not None:
            with suppress(OSError):
                socket.socket.shutdown(connected, socket.SHUT_RDWR)


class Passage:
    """Connections to one agent. The token is added here, and no other token is passed on.

    Consul and Nomad show to each token its own secret (``/v1/acl/token/self``), and to a management token those of
    others. The token of the target and those that ``hidden`` returns are removed from replies.
    """

    def __init__(self, target: Target, *, product: str, hidden: FindSecrets) -> None:
        self.target = target
        self._hidden = hidden
        self.name = f"{product} at {target.address}:{target.port}"
        self._token_header = f"X-{product}-Token"
        self._idle: list[Connection] = []
        self._closed = False
        self._lock = Lock()

    def connect(self, *, fresh: bool) -> Connection:
        """Return a connection. Unless it must be ``fresh``, an idle one, which the agent may have closed.

        Raises:
            AgentError: the agent cannot be reached, or its certificate is not the expected one.
        """
        with self._lock:
            if self._idle and not fresh:
                return self._idle.pop()
        connection = Connection(self.target)
        try:
            connection.connect()
        except (OSError, ValueError) as error:
            connection.close()
            raise self.unreached(error) from None
        return connection

    def exchange(self, connection: Connection, request: PassedRequest) -> PassedReply:
        """Send the request and return the reply as soon as its headers are here.

        Raises:
            AgentError: the connection broke.
        """
        headers = {**request.headers, self._token_header: self.target.token}
        try:
            connection.request(request.method, request.path, body=request.body or None, headers=headers)
            response = connection.getresponse()
        except (OSError, ValueError, HTTPException) as error:
            connection.close()
            raise self.unreached(error) from None
        body = _Body(connection, response, self)
        return PassedReply(
            status=response.status,
            headers=tuple(response.getheaders()),
            pieces=mask(body.pieces(), lambda: {self.target.token, *self._hidden()}),
            give_up=body.give_up,
        )

    def close(self) -> None:
        """Close the idle connections, and each other one when its reply is read."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def keep(self, connection: Connection) -> bool:
        """Keep the connection for another request; return False if that is not wanted."""
        with self._lock:
            if len(self._idle) < _IDLE and not self._closed:
                self._idle.append(connection)
                return True
        return False

    def unreached(self, error: Exception) -> AgentError:
        """Return the error for a connection that cannot be made, or broke."""
        message = f"{self.name} cannot be reached"
        return AgentError(message=message, details=str(error) or type(error).__name__, status=0)


def mask(pieces: Iterable[bytes], hidden: FindSecrets) -> Iterator[bytes]:
    """Yield the pieces with as many ``x`` in place of each secret, also where it is spread over pieces.

    Only bytes with which a secret may begin are held back until the next piece. Empty secrets are left out.
    """
    held = b""
    for piece in pieces:
        secrets = [secret.encode() for secret in hidden() if secret]
        text = held + piece
        for secret in secrets:
            text = text.replace(secret, b"x" * len(secret))
        end = len(text) - max((_begun(text, secret) for secret in secrets), default=0)
        held = text[end:]
        if end:
            yield text[:end]
    if held:
        yield held


def _begun(text: bytes, secret: bytes) -> int:
    """Return the length of the longest beginning of the secret with which the text ends."""
    longest = min(len(text), len(secret) - 1)
    return next((length for length in range(longest, 0, -1) if text.endswith(secret[:length])), 0)


class _Body:
    """The body of one reply."""

    def __init__(self, connection: Connection, response: HTTPResponse, passage: Passage) -> None:
        self._connection, self._response, self._passage = connection, response, passage
        self._is_ours = True
        """Whether the connection serves this reply."""

    def pieces(self) -> Iterator[bytes]:
        """Yield what has arrived. Raise AgentError if the body is not whole."""
        has_length, complete = self._response.length is not None, False
        try:
            while piece := self._response.read1(_PIECE):
                yield piece
            # http.client raises for chunks that are cut off, and not for a body that is shorter than its length.
            complete = self._response.length == 0 if has_length else self._response.isclosed()
            self._response.close()  # until then http.client accepts no other request on the connection
        except (OSError, ValueError, HTTPException) as error:
            raise self._passage.unreached(error) from None
        if not complete:
            raise self._passage.unreached(EOFError("the connection broke"))
        self._is_ours = self._response.will_close or not self._passage.keep(self._connection)

    def give_up(self) -> None:
        """Close the connection, unless it serves another reply."""
        if self._is_ours:
            self._connection.close()
