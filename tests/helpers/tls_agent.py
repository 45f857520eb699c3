"""An agent's HTTPS API on loopback that answers as a test wants: it wants our certificate and shows its own."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bakery.agents.model import Target
from bakery.credentials.authority import create_authority, issue_leaf
from bakery.credentials.model import Authority
from tests.helpers.real_agents import write_tls

NAME = "server.demo.consul"
TOKEN = "c0ffee00-0000-4000-8000-00000000ca4a"
HELD_SECONDS = 20.0


@dataclass
class TlsAgent:
    """One server: where it is, and what it was asked."""

    target: Target
    server: ThreadingHTTPServer
    asked: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    """The token of each request."""
    connections: set[int] = field(default_factory=set)
    """Ports of the clients."""
    go_on: threading.Event = field(default_factory=threading.Event)
    """Lets /stream send its second piece, and ends /hold."""
    dropped: threading.Event = field(default_factory=threading.Event)
    """Set once the client of /hold has closed the connection."""
    status: int = 200
    sockets: list[socket.socket] = field(default_factory=list)

    def stop(self) -> None:
        """Close the port and every connection, as when the process ends."""
        self.server.shutdown()
        self.server.socket.close()
        for each in self.sockets:
            with suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)
        self.server.server_close()


@dataclass(frozen=True, kw_only=True)
class Pki:
    """A CA, and the operator's files."""

    folder: Path
    ca: Authority

    @contextmanager
    def agent(self, *, name: str = NAME, token: str = TOKEN) -> Iterator[TlsAgent]:
        """Run an agent whose certificate has ``name``; its target expects :data:`NAME`."""
        now = datetime.now(UTC)
        operator = issue_leaf(self.ca, names=["cli.demo.consul"], client=True, server=False, now=now)
        leaf = issue_leaf(self.ca, names=[name], client=True, server=True, now=now)
        files = write_tls(
            self.folder / f"agent-{leaf.certificate[-40:-30].encode().hex()}", self.ca.certificate, leaf
        )
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        server.daemon_threads = False  # stop waits for their end
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        context.load_verify_locations(files.ca)
        context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        tls = write_tls(self.folder / "operator", self.ca.certificate, operator)
        target = Target(
            address="127.0.0.1", port=server.server_port, server_name=NAME, tls=tls, token=token, gossip_key=""
        )
        found = server.found = TlsAgent(target=target, server=server)  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield found
        finally:
            found.go_on.set()
            found.stop()


def make_pki(folder: Path) -> Pki:
    return Pki(folder=folder, ca=create_authority("consul", "demo", now=datetime.now(UTC)))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def agent(self) -> TlsAgent:
        found: TlsAgent = self.server.found  # type: ignore[attr-defined]
        return found

    def setup(self) -> None:
        super().setup()
        self.agent.sockets.append(self.connection)

    def do_GET(self) -> None:
        self.agent.asked.append(f"{self.command} {self.path}")
        self.agent.tokens.append(self.headers["X-Consul-Token"])
        self.agent.connections.add(self.client_address[1])
        path = self.path.partition("?")[0]
        {"/v1/stream": self._stream, "/v1/hold": self._hold, "/v1/short": self._short}.get(path, self._echo)()

    do_POST = do_PUT = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def _echo(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told = {"headers": dict(self.headers.items()), "body": body.decode(), "path": self.path}
        content = json.dumps(told).encode()
        self.send_response(self.agent.status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Consul-Index", "7")
        self.send_header("Cache-Control", "max-age=60")
        self.end_headers()
        self.wfile.write(content)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece, pause in (("one", True), ("two", False)):
            self._chunks([piece])
            if pause:
                self.agent.go_on.wait(HELD_SECONDS)
        self.wfile.write(b"0\r\n\r\n")

    def _chunks(self, pieces: Sequence[str]) -> None:
        for piece in pieces:
            self.wfile.write(f"{len(piece):x}\r\n{piece}\r\n".encode())
            self.wfile.flush()

    def _hold(self) -> None:
        """As a blocking query: nothing is sent for long, and only the connection's end shows that nobody waits."""
        self.connection.settimeout(0.05)
        for _ in range(int(HELD_SECONDS / 0.05)):
            if self.agent.go_on.is_set():
                self._echo()
                return
            try:
                if self.connection.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        self.agent.dropped.set()
        self.close_connection = True

    def _short(self) -> None:
        """As when the agent is killed in the middle of a reply."""
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"only this")
        self.close_connection = True
