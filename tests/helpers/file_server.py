"""Files over HTTP from one address, for droplets to fetch."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@contextmanager
def served(address: str, files: Mapping[str, bytes], *, port: int = 0) -> Iterator[str]:
    """Serve ``files`` by name, bound to ``address`` alone; yields the base URL. Port 0 is any free one."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: ANN401 - the base's signature
            """Say nothing."""

        def _answer(self, *, body: bool) -> None:
            content = files.get(urlsplit(self.path).path.lstrip("/"))
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if content and body:
                self.wfile.write(content)

    server = ThreadingHTTPServer((address, port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{address}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
