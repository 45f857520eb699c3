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


class _Stage:
    """An application that is whatever is put on it."""

    def __init__(self) -> None:
        self.app: ASGIApp = EMPTY
        self.server = RunningServer(Starlette(routes=[Mount("/", app=self)]), listen("127.0.0.1", 0))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


_free: list[_Stage] = []


@contextmanager
def showing(app: ASGIApp) -> Iterator[str]:
    """Serve ``app`` while the block runs; gives its base URL, without a slash at the end."""
    stage = _free.pop() if _free else _Stage()
    stage.app = app
    try:
        yield stage.server.url
    finally:
        stage.app = EMPTY
        _free.append(stage)


@atexit.register
def _close() -> None:
    for stage in _free:
        stage.server.stop()
