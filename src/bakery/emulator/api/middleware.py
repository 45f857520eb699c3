"""Wraps every request: request log, faults, token, rate limits, headers."""

import asyncio
import itertools
import uuid
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bakery.emulator.account.errors import ApiError, Forbidden, TooManyRequests, Unauthorized
from bakery.emulator.api.api_response import ApiResponse
from bakery.emulator.api.emulator import Emulator
from bakery.emulator.api.endpoint import refusal
from bakery.emulator.api.request_log import RequestRecord
from bakery.emulator.api.scope import ACCESS, ADMIN, PAST, RECORD
from bakery.emulator.api.tokens import ANONYMOUS, AccessToken
from bakery.emulator.faults import effects
from bakery.emulator.faults.table import Fault

OPEN = f"{ADMIN}/address"
KEY_LISTING = ("GET", "/v2/account/keys")


class ApiMiddleware:
    """ASGI middleware around the routes."""

    def __init__(self, app: ASGIApp, *, emulator: Emulator) -> None:
        self._app = app
        self._emulator = emulator
        self._numbers = itertools.count(1)
        """Of the requests, for their latency."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["path"] = scope["path"].rstrip("/") or "/"
        record = scope[RECORD] = _record(scope)
        if scope["path"].startswith(ADMIN):
            await self._serve(scope, receive, send)
            return
        await self._delay()
        fault = self._emulator.faults.take(record.method, record.path)
        try:
            await self._meet(fault, scope, receive, self._logging(record, send))
        finally:
            if not record.status:  # no answer was sent
                self._emulator.requests.add(record)

    async def _delay(self) -> None:
        latency = self._emulator.settings.latency
        if latency.request:
            await asyncio.sleep(latency.draw("request", next(self._numbers)))  # as the real API, not a wait

    def _logging(self, record: RequestRecord, send: Send) -> Send:
        """Return ``send`` that logs the request first: a client that has its answer finds it in the log."""

        async def log_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._emulator.requests.add(record)
            await send(message)

        return log_and_send

    async def _meet(self, fault: Fault | None, scope: Scope, receive: Receive, send: Send) -> None:
        """Apply the fault, if there is one, or serve the request; the fault's delay comes first."""
        record: RequestRecord = scope[RECORD]
        if fault is None:
            await self._serve(scope, receive, send)
            return
        if fault.delay_s:
            await asyncio.sleep(fault.delay_s)  # the fault's own delay, not a wait for something
        if fault.reset:
            await effects.reset(receive)
        elif "before" in (fault.hang, fault.kill):
            await self._leave_alone(fault, scope, receive)
        elif fault.status is not None:
            finish = send if fault.html else self._finishing(record, self._access(scope), send)
            record.status = fault.status
            await _fault_answer(fault, record.request_id)(scope, receive, finish)
        elif fault.lost_reply or "after" in (fault.hang, fault.kill):
            await self._serve(scope, receive, effects.swallow)
            record.status = 0
            await self._leave_alone(fault, scope, receive)
        else:
            await self._serve(scope, receive, send)

    async def _leave_alone(self, fault: Fault, scope: Scope, receive: Receive) -> None:
        """Send no answer: hang, kill the client or close the connection."""
        if fault.hang:
            await effects.hang(self._emulator.faults, receive)
        elif fault.kill:
            await effects.kill_client(scope, receive)
        else:
            await effects.hang_up(receive)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        record: RequestRecord = scope[RECORD]
        access = scope[ACCESS] = self._access(scope)
        if record.method == "GET":
            scope[PAST] = self._emulator.faults.past(record.path, self._emulator.state.clock())
        error = self._refuse(record, access)
        send = self._finishing(record, access, self._recorded(record, send))
        if error is None:
            with suppress(ClientDisconnect):
                await self._app(scope, receive, send)
        else:
            await refusal(error, record.request_id)(scope, receive, send)

    def _access(self, scope: Scope) -> AccessToken:
        """Return the request's access token, ANONYMOUS if it has none that is known."""
        scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
        return self._emulator.tokens.find(given) if scheme.lower() == "bearer" else ANONYMOUS

    def _refuse(self, record: RequestRecord, access: AccessToken) -> ApiError | None:
        if (record.method, record.path) == ("GET", OPEN):
            return None
        if access is ANONYMOUS:
            return Unauthorized()
        if record.path.startswith(ADMIN):
            return None if access.scopes is None else Forbidden()
        try:
            lists_keys = (record.method, record.path) == KEY_LISTING
            self._emulator.limits.count(access.token, self._emulator.state.clock(), lists_keys=lists_keys)
        except TooManyRequests as error:
            return error
        return None

    def _finishing(self, record: RequestRecord, access: AccessToken, send: Send) -> Send:
        """Return ``send`` that adds the headers of every answer."""

        async def finish(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = record.request_id
                headers.update(self._emulator.limits.headers(access.token, self._emulator.state.clock()))
            await send(message)

        return finish

    def _recorded(self, record: RequestRecord, send: Send) -> Send:
        """Return ``send`` that also records answers under ``/v2``; each answer is one message."""
        if record.path.startswith(ADMIN):
            return send
        headers: dict[str, str] = {}

        async def record_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers.update(Headers(raw=message["headers"]))
            else:
                self._emulator.recording(_api_response(record, headers, message.get("body", b"")))
            await send(message)

        return record_and_send


def _api_response(record: RequestRecord, headers: dict[str, str], body: bytes) -> ApiResponse:
    return ApiResponse(
        method=record.method,
        path=record.path,
        query=record.query,
        status=record.status,
        headers=headers,
        body=body,
    )


def _fault_answer(fault: Fault, request_id: str) -> Response:
    return effects.gateway_page(fault) if fault.html else refusal(effects.error_of(fault), request_id)


def _record(scope: Scope) -> RequestRecord:
    return RequestRecord(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        request_id=str(uuid.uuid4()),
    )
