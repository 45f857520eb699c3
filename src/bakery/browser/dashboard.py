"""The dashboard: a page on loopback, and the report that it polls."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from bakery.browser.looker import Looker
from bakery.browser.server import LocalHandler, LocalServer, port_errors, served

FOLDER = Path(__file__).parents[1] / "dashboard"
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/dashboard.css": ("dashboard.css", "text/css; charset=utf-8"),
    "/dashboard.js": ("dashboard.js", "text/javascript; charset=utf-8"),
}
REPORT = "/report.json"
SCHEMA_VERSION = 1
# The page loads nothing from elsewhere and runs its own script only, even if a job's name is a script.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
}


class DashboardServer(LocalServer):
    """The server and what it shows."""

    def __init__(self, port: int, looker: Looker) -> None:
        super().__init__(port, _Handler)
        self.looker = looker
        self.files = {path: ((FOLDER / name).read_bytes(), kind) for path, (name, kind) in FILES.items()}


@contextmanager
def serve_dashboard(looker: Looker, port: int) -> Iterator[str]:
    """Serve the page until the context ends; yield its URL. Port 0 is a free port.

    Raises:
        UsageError: the port cannot be had.
    """
    with port_errors(port):
        server = DashboardServer(port, looker)
    with served(server) as url:
        yield f"{url}/"


def report(looker: Looker) -> Mapping[str, Any]:
    """Return the document of ``/report.json``, without waiting for a look. It has no secret."""
    seen = looker.seen()
    age = looker.age(seen)
    return {
        "schema": "dashboard",
        "schema_version": SCHEMA_VERSION,
        "every_seconds": looker.every,
        "looking": seen.looking,
        "age_seconds": None if age is None else round(age, 1),
        "error": seen.error,
        "state": seen.state,
    }


class _Handler(LocalHandler):
    server: DashboardServer

    def answer(self) -> None:
        path = self.path.partition("?")[0]
        if self.command not in ("GET", "HEAD"):
            self.refuse(HTTPStatus.METHOD_NOT_ALLOWED, "this page is only read")
        elif path == REPORT:
            content = json.dumps(report(self.server.looker)).encode()
            self.reply(HTTPStatus.OK, content, {**HEADERS, "Content-Type": "application/json"})
        elif path in self.server.files:
            content, kind = self.server.files[path]
            self.reply(HTTPStatus.OK, content, {**HEADERS, "Content-Type": kind})
        else:
            self.refuse(HTTPStatus.NOT_FOUND, "there is no page of that name")
