"""Servers that outlive a test: starting and stopping one costs 0.2 s, so the next test shows its app on the same.

Each is on a socket of its own and is lent to one test at a time.
"""

import atexit
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from bakery.emulator.daemon.server import RunningServer
from bakery.emulator.daemon.sockets import listen

EMPTY = PlainTextResponse("nothing is served here", status_code=503)


class _SharedServer:
    """An application that is whatever is put on it."""

    def __init__(self) -> None:
        self.app: ASGIApp = EMPTY
        self.server = RunningServer(Starlette(routes=[Mount("/", app=self)]), listen("127.0.0.1", 0))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


_free: list[_SharedServer] = []


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve ``app`` while the block runs; gives its base URL, without a slash at the end."""
    shared = _free.pop() if _free else _SharedServer()
    shared.app = app
    try:
        yield shared.server.url
    finally:
        shared.app = EMPTY
        _free.append(shared)


@atexit.register
def _close() -> None:
    for shared in _free:
        shared.server.stop()
