"""Stands between a client and the emulator, and stops the client at one request of its choice."""

import asyncio
import threading
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATIENCE_S = 30.0


@dataclass
class Hold:
    """Stop at the request with this number, counted from 1."""

    number: int
    applied: bool
    """Stop after the request was applied and before its reply; else before it is applied."""
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        self.released.set()


class Gate:
    """ASGI in front of the emulator. A request held back before it was applied is never applied: as if the
    client had died before it could send it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._hold: Hold | None = None
        self.requests: list[tuple[str, str]] = []
        """Method and path, since the last :meth:`start`."""
        self.most_at_once = 0
        self.delay_s = 0.0
        """Of every request: an emulator that answers at once is never asked twice at the same time."""
        self._at_once = 0

    def start(self, hold: Hold | None = None) -> None:
        """Count from 1 again."""
        with self._lock:
            self._hold, self.requests, self.most_at_once = hold, [], 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await asyncio.sleep(self.delay_s)  # the delay is what was asked for
            await self._serve(scope, receive, send)
        finally:
            self._at_once -= 1

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        hold = self._count(scope)
        if hold is None:
            await self._app(scope, receive, send)
        elif hold.applied:
            await self._answer_late(hold, scope, receive, send)
        else:
            hold.reached.set()
            await asyncio.to_thread(hold.released.wait, PATIENCE_S)
            await refuse(send)

    def _count(self, scope: MutableMapping[str, Any]) -> Hold | None:
        if scope["type"] != "http" or not scope["path"].startswith("/v2"):
            return None
        with self._lock:
            self.requests.append((scope["method"], scope["path"]))
            reached = self._hold is not None and len(self.requests) == self._hold.number
            return self._hold if reached else None

    async def _answer_late(self, hold: Hold, scope: Scope, receive: Receive, send: Send) -> None:
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await self._app(scope, receive, keep)
        hold.reached.set()
        await asyncio.to_thread(hold.released.wait, PATIENCE_S)
        for message in answer:
            await send(message)


async def refuse(send: Send) -> None:
    """A gateway's page, for a client that is still there."""
    await send({"type": "http.response.start", "status": 502, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": b"<html>Bad Gateway</html>"})
