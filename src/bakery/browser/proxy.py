"""A proxy on loopback to the web UI and the API of one product.

It adds the certificate and the token, so that the browser has neither.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from urllib.parse import unquote

from bakery.agents.client_paths import path_of, reaches_client
from bakery.agents.passage import PassedReply, PassedRequest
from bakery.browser.callers import Callers
from bakery.browser.server import GUARDS, LARGEST_BODY, LocalHandler, LocalServer, port_errors, served
from bakery.browser.upstream import Upstream
from bakery.errors import AgentError

SENT = (
    "Accept", "Accept-Language", "Cache-Control", "Content-Type",
    "If-Match", "If-Modified-Since", "If-None-Match", "Range",
)  # fmt: skip
"""Headers of a request that the server gets. Others are about the browser's own connection, or are a token."""
STATIC = "/ui/"
"""Below it are files of the UI, which contain no token: only these may be compressed."""
NOT_KEPT = {"cache-control": "no-store"}
"""Headers of each reply from an API. Nomad and Consul say nothing about caches, so the browser would keep a reply,
and show it to the program that listens at this address next."""
HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "content-length", "server", "date"}
"""Headers of a reply that the proxy writes itself (RFC 9110, 7.6.1)."""
WITHHELD = {"/v1/acl/token/onetime", "/v1/agent/join", "/v1/operator/snapshot", "/v1/snapshot"}
"""Paths that no UI needs. The first makes a code for which any certificate gets the token of this run; the second
has a server connect to an address, and wants no right (hashicorp/nomad command/agent/http.go). Snapshots hold
tokens."""
TOKENS = "/v1/acl/"
"""Requests for paths below it may have no filter. Nomad compares a filter with the secrets of tokens too, which
are not in its reply (v1.11.3, nomad/state/paginator/paginator.go): many replies together spell the token of this
run."""
WITHHELD_PARAMETERS = {"token"}
"""Consul prefers this one to the token in the header (v1.22.5, agent/http.go, parseTokenInternal), and the rights
of the pages are those of the token of this run."""
NO_SOCKETS = "WebSockets are not passed on: exec works in a terminal only"


class ProxyServer(LocalServer):
    """The server, and where its requests are sent."""

    def __init__(
        self, port: int, upstream: Upstream, on_socket: Callable[[], None], about_clients: Upstream
    ) -> None:
        super().__init__(port, _Handler)
        self.upstream = upstream
        self.about_clients = about_clients
        self.on_socket = on_socket
        self.callers = Callers()


@contextmanager
def proxied(
    upstream: Upstream, port: int, on_socket: Callable[[], None], about_clients: Upstream
) -> Iterator[str]:
    """Serve the product's UI and API until the context ends; yield the URL, without a path.

    Port 0 is a free port. ``on_socket`` is called when a page asks for a WebSocket. Requests that Nomad's servers
    pass on to a client are sent to ``about_clients``, which may have another token.

    Raises:
        UsageError: the port cannot be had.
    """
    with port_errors(port):
        server = ProxyServer(port, upstream, on_socket, about_clients)
    server.callers.start()
    with served(server) as url:
        try:
            yield url
        finally:
            server.callers.close()
            upstream.close()
            about_clients.close()


class _Handler(LocalHandler):
    server: ProxyServer

    def answer(self) -> None:
        path, query = path_of(self.path), unquote(self.path.partition("?")[2])
        names = {each.partition("=")[0] for each in query.split("&")}
        if path in WITHHELD or WITHHELD_PARAMETERS & names or (path.startswith(TOKENS) and "filter" in query):
            self.refuse(HTTPStatus.FORBIDDEN, "this proxy does not pass it on")
            return
        body = self._body()
        if body is None:
            return
        sent = (*SENT, "Accept-Encoding") if self.path.startswith(STATIC) else SENT
        headers = {name: self.headers[name] for name in sent if name in self.headers}
        request = PassedRequest(method=self.command, path=self.path, headers=headers, body=body)
        with self.server.callers.waiting(self.connection) as caller:
            try:
                reply = self._upstream().send(request, caller)
            except AgentError as error:
                self.refuse(HTTPStatus.BAD_GATEWAY, error.full_message)
                return
            try:
                self._pass(reply)
            finally:
                reply.give_up()

    def _upstream(self) -> Upstream:
        return self.server.about_clients if reaches_client(self.path) else self.server.upstream

    def _body(self) -> bytes | None:
        """Return the body; None if the request was refused."""
        length = self.headers.get("Content-Length", "0")
        if "Upgrade" in self.headers:
            self.server.on_socket()
            self.refuse(HTTPStatus.NOT_IMPLEMENTED, NO_SOCKETS)
        elif "Transfer-Encoding" in self.headers or not length.isdecimal():
            self.refuse(HTTPStatus.LENGTH_REQUIRED, "the request has a body without a length")
        elif int(length) > LARGEST_BODY:
            self.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the request is too large")
        else:
            return self.rfile.read(int(length))
        return None

    def _pass(self, reply: PassedReply) -> None:
        given = {name.lower(): value for name, value in reply.headers}
        has_body = self.command != "HEAD" and reply.status not in (204, 304)
        self.send_response(reply.status)
        own = {} if self.path.startswith(STATIC) else NOT_KEPT
        for name, value in reply.headers:
            if name.lower() not in HOP | own.keys():
                self.send_header(name, value)
        for name, value in GUARDS.items():
            if name.lower() not in given:
                self.send_header(name, value)
        for name, value in own.items():
            self.send_header(name, value)
        chunked = "content-length" not in given and has_body and self.request_version != "HTTP/1.0"
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif "content-length" in given:
            self.send_header("Content-Length", given["content-length"])
        elif has_body:
            self.close_connection = True
        self.end_headers()
        self._pass_body(reply, chunked=chunked)

    def _pass_body(self, reply: PassedReply, *, chunked: bool) -> None:
        """Pass the body on piece by piece. If one end breaks, the other is closed: the body is not whole."""
        try:
            for piece in reply.pieces:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            if chunked:
                self.wfile.write(b"0\r\n\r\n")
        except (OSError, AgentError):
            self.close_connection = True
