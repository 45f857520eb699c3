"""An ACME server in front of pebble that refuses new orders: a rate limit is reached, as at Let's Encrypt."""

import http.client
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.helpers.pebble import Pebble
from tests.helpers.real_agents import LOOPBACK, write_tls
from tests.helpers.tls import forge_leaf

ORDERS = "/order-plz"
"""Pebble's path of new orders (letsencrypt/pebble wfe/wfe.go, orderPath)."""
# RFC 8555, 6.7; the text is that of https://letsencrypt.org/docs/rate-limits/.
REFUSAL = {
    "type": "urn:ietf:params:acme:error:rateLimited",
    "status": 429,
    "detail": "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s",
}


class LimitingServer:
    """Passes everything on to pebble; new orders only once ``limited`` is False."""

    def __init__(self, pebble: Pebble, folder: Path) -> None:
        self.limited = True
        self.refused = 0
        now = datetime.now(UTC)
        leaf = forge_leaf(
            pebble.authority,
            ["localhost"],
            not_before=now - timedelta(hours=1),
            not_after=now + timedelta(days=1),
            address=LOOPBACK,
        )
        files = write_tls(folder / "limit-tls", pebble.authority.certificate, leaf)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        self.server = ThreadingHTTPServer((LOOPBACK, 0), _handler(self, pebble))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    @property
    def directory(self) -> str:
        return f"https://{LOOPBACK}:{self.server.server_address[1]}/dir"


@contextmanager
def limiting(pebble: Pebble, folder: Path) -> Iterator[LimitingServer]:
    made = LimitingServer(pebble, folder)
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()


def _handler(limit: LimitingServer, pebble: Pebble) -> type[BaseHTTPRequestHandler]:
    address = pebble.directory.split("/")[2]
    trust = ssl.create_default_context(cadata=pebble.authority.certificate)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._pass_on()

        def do_HEAD(self) -> None:
            self._pass_on()

        def do_POST(self) -> None:
            if limit.limited and self.path == ORDERS:
                limit.refused += 1
                self._answer(429, {"Content-Type": "application/problem+json"}, json.dumps(REFUSAL).encode())
            else:
                self._pass_on()

        def _pass_on(self) -> None:
            """Keep the header Host: pebble makes the URLs in its answers from it."""
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            connection = http.client.HTTPSConnection(address, timeout=10, context=trust)
            try:
                connection.request(self.command, self.path, body, dict(self.headers))
                reply = connection.getresponse()
                self._answer(reply.status, dict(reply.getheaders()), reply.read())
            finally:
                connection.close()

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in {"content-length", "transfer-encoding", "connection", "date", "server"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
