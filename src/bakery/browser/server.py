"""An HTTP server on loopback that only the user's browser can use: what the proxy and the dashboard share."""

import errno
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from threading import Thread

from bakery.browser.origin import refusal
from bakery.browser.peer import is_allowed, is_wsl
from bakery.errors import UsageError

ADDRESS = "127.0.0.1"
"""Where a server with a chosen port listens."""
DRAWN = ip_network("127.128.0.0/9")
"""Linux answers at all of 127.0.0.0/8. systemd-resolved and the emulator have addresses below this half."""
LARGEST_BODY = 16 * 1024 * 1024
"""Bytes of a request's body."""
GUARDS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""Headers of every reply: no other page may frame it, embed it or hold its window."""


def draw_address() -> str:
    """Return a random address of loopback, which hardly any other program has used or will use.

    A browser keeps what pages leave at an address: replies, storage, service workers. At one that is used once,
    no program gets what another one left. Outside Linux, and for browsers in Windows, it is 127.0.0.1.
    """
    if sys.platform != "linux" or is_wsl():
        return ADDRESS
    return str(DRAWN[1 + secrets.randbelow(DRAWN.num_addresses - 2)])


class LocalServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1; a thread for each connection, which ends with the process."""

    daemon_threads = True
    block_on_close = False
    ended = False
    """Whether requests of connections that are still open are refused."""

    def __init__(self, port: int, handler: type["LocalHandler"]) -> None:
        super().__init__((draw_address() if port == 0 else ADDRESS, port), handler)

    @property
    def here(self) -> tuple[str, int]:
        """Address and port."""
        return str(self.server_address[0]), self.server_port

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return f"http://{self.here[0]}:{self.here[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: a browser may close a connection at any time."""


class LocalHandler(BaseHTTPRequestHandler):
    """Refuses what another page sends, then calls :meth:`answer`."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "bakery", ""
    timeout = 120  # seconds without a request, after which the connection is closed
    server: LocalServer
    is_allowed = False

    def setup(self) -> None:
        """Find out who is at the other end, once for each connection."""
        super().setup()
        self.is_allowed = is_allowed(self.connection)

    def answer(self) -> None:
        """Answer the request. Subclasses implement it."""
        raise NotImplementedError

    def handle_one_method(self) -> None:
        """Check the request, then answer it."""
        why = refusal(self.command, self.path, self.headers, self.server.here)
        if self.server.ended:
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "it has ended")
        elif not self.is_allowed:
            self.refuse(
                HTTPStatus.FORBIDDEN, "another user of this machine opened it, or /proc/net/tcp cannot be read"
            )
        elif why is not None:
            self.refuse(HTTPStatus.FORBIDDEN, why)
        elif not self.path.startswith("/") or self.path.startswith("//"):
            self.refuse(HTTPStatus.BAD_REQUEST, "the path begins with one slash")
        elif "#" in self.path:  # RFC 9112, 3.2 has none; for a server in Go it does not end the query
            self.refuse(HTTPStatus.BAD_REQUEST, "a request has no fragment")
        else:
            self.answer()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = handle_one_method  # noqa: N815 - http.server's names

    def reply(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        """Send a whole reply."""
        self.send_response(status)
        for name, value in {**GUARDS, **headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, status: HTTPStatus, why: str) -> None:
        """Send an error as text, and close the connection: the body of the request is not read."""
        self.close_connection = True
        content = f"bakery: {why}\n".encode()
        self.reply(status, content, {"Content-Type": "text/plain; charset=utf-8", "Connection": "close"})

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@contextmanager
def served(server: LocalServer) -> Iterator[str]:
    """Serve in a thread until the context ends; yield the URL."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        server.ended = True
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def port_errors(port: int) -> Iterator[None]:
    """Turn the error of a port that cannot be had into one for the user.

    Raises:
        UsageError: another program listens there, or the port is reserved.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        used = error.errno == errno.EADDRINUSE
        message = f"port {port} is in use" if used else f"port {port} may be opened by root only"
        raise UsageError(message=message, hint="give another --port, or none: a free one is chosen") from None
