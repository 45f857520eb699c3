"""What every request passes on its way in and out: log, faults, token, limits, headers."""

import asyncio
import secrets
import uuid
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bakery.emulator.errors import ApiError, ServerError, TooManyRequests, Unauthorized
from bakery.emulator.handlers.call import Emulator
from bakery.emulator.handlers.faults import Fault
from bakery.emulator.handlers.requestlog import RequestRecord
from bakery.emulator.handlers.serve import RECORD, refusal

ADMIN = "/_emulator"
OPEN = f"{ADMIN}/address"
KEY_LISTING = ("GET", "/v2/account/keys")
_ANONYMOUS = ""


class Edge:
    """ASGI middleware around the routes."""

    def __init__(self, app: ASGIApp, *, emulator: Emulator) -> None:
        self._app = app
        self._emulator = emulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["path"] = scope["path"].rstrip("/") or "/"
        record = scope[RECORD] = _record(scope)
        is_admin = scope["path"].startswith(ADMIN)
        fault = None if is_admin else self._emulator.faults.take(record.method, record.path)
        try:
            await self._serve(scope, receive, send, fault)
        finally:
            if not is_admin:
                self._emulator.requests.add(record)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, fault: Fault | None) -> None:
        if fault is not None and fault.delay_s:
            await asyncio.sleep(fault.delay_s)  # the delay is what was asked for
        record: RequestRecord = scope[RECORD]
        token = self._token(scope)
        error = _asked_for(fault) or self._refuse(record, token)
        if fault is not None and fault.lost_reply and error is None:
            await self._app(scope, receive, _swallow)
            await _hang_up(receive)
            return
        send = self._finishing(record, token, send)
        if error is None:
            await self._app(scope, receive, send)
        else:
            await refusal(error, record.request_id)(scope, receive, send)

    def _token(self, scope: Scope) -> str:
        """The request's token if it is one of ours; every other is nobody."""
        scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
        known = [token for token in self._emulator.settings.tokens if _same(token, given)]
        return known[0] if known and scheme.lower() == "bearer" else _ANONYMOUS

    def _refuse(self, record: RequestRecord, token: str) -> ApiError | None:
        if (record.method, record.path) == ("GET", OPEN):
            return None
        if token == _ANONYMOUS:
            return Unauthorized()
        if record.path.startswith(ADMIN):
            return None
        try:
            lists_keys = (record.method, record.path) == KEY_LISTING
            self._emulator.limits.count(token, self._emulator.state.clock(), lists_keys=lists_keys)
        except TooManyRequests as error:
            return error
        return None

    def _finishing(self, record: RequestRecord, token: str, send: Send) -> Send:
        """``send`` with the headers that every answer carries."""

        async def finish(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = record.request_id
                headers.update(self._emulator.limits.headers(token, self._emulator.state.clock()))
            await send(message)

        return finish


def _record(scope: Scope) -> RequestRecord:
    return RequestRecord(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        request_id=str(uuid.uuid4()),
    )


def _same(token: str, given: str) -> bool:
    return secrets.compare_digest(token.encode(), given.encode())


def _asked_for(fault: Fault | None) -> ApiError | None:
    if fault is None or fault.status is None:
        return None
    return _FaultReply(fault.status, fault.retry_after)


class _FaultReply(ApiError):
    """The error of any status."""

    def __init__(self, status: int, retry_after: int | None) -> None:
        self._known = next((kind for kind in ApiError.__subclasses__() if kind.status == status), ServerError)
        super().__init__(self._known.default)
        self.status = status
        self._retry_after = retry_after

    def body(self, request_id: str) -> dict[str, Any]:
        return {"id": self._known.id, "message": self.message, "request_id": request_id}

    def headers(self) -> dict[str, str]:
        return {} if self._retry_after is None else {"retry-after": str(self._retry_after)}


async def _swallow(message: Message) -> None:
    """Send nothing."""


async def _hang_up(receive: Receive) -> None:
    """Close the connection without a reply, as a network that breaks does.

    ASGI has no word for it: uvicorn's ``receive`` is a method of the object that holds the transport.
    """
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass
