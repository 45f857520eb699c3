"""Between starlette and a handler: reads the body, holds the account's lock, saves, writes the answer."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bakery.emulator.account.errors import ApiError, BadRequest, ServerError
from bakery.emulator.api.call import Call, Reply, Rule
from bakery.emulator.api.emulator import Emulator
from bakery.emulator.api.request_log import RequestRecord
from bakery.emulator.api.scope import ACCESS, ADMIN, PAST, RECORD

log = logging.getLogger("bakery.emulator")

Endpoint = Callable[[Request], Awaitable[Response]]


def endpoint(rule: Rule, emulator: Emulator) -> Endpoint:
    """Return a starlette endpoint. A bug in a handler is logged and answers 500.

    The endpoint raises only ClientDisconnect: the client has gone before its request was read.
    """

    async def serve(request: Request) -> Response:
        record: RequestRecord = request.scope[RECORD]
        try:
            request.scope[ACCESS].require(*rule.scopes.split())
            call = _call(request, await request.body(), emulator)
            reply = _apply(rule, call, emulator)
            if reply.after is not None:
                await _end_of(reply.after)
            if rule.method != "GET" and not rule.path.startswith(ADMIN):
                await _end_of(emulator.store.start_save())
            record.applied = True
        except ApiError as error:
            return refusal(error, record.request_id)
        except ClientDisconnect:
            raise
        except Exception:
            log.exception("%s %s: a bug of the emulator", record.method, record.path)
            return refusal(ServerError(), record.request_id)
        return _response(reply)

    return serve


def refusal(error: ApiError, request_id: str) -> Response:
    """Return the answer for an API error."""
    return _response(Reply(status=error.status, body=error.body(request_id)), error.headers())


def _apply(rule: Rule, call: Call, emulator: Emulator) -> Reply:
    with call.state.lock:
        reply = rule.handler(call)
        emulator.firewall_sync.notice()
        if rule.method != "GET":
            emulator.edge_sync.notice()
        return reply


async def _end_of(work: Future[Any]) -> None:
    """Wait for ``work`` of a thread, and raise what it raises. Several requests may wait for the same work."""
    await asyncio.shield(asyncio.wrap_future(work))


def _call(request: Request, body: bytes, emulator: Emulator) -> Call:
    """Build the handler's view of the request; the body of a GET is ignored."""
    return Call(
        today=emulator.state,
        work=emulator.work,
        tools=emulator.admin_tools if request.scope["path"].startswith(ADMIN) else None,
        access=request.scope[ACCESS],
        past=request.scope.get(PAST),
        path=request.scope["path"],
        base_url=f"{request.scope['scheme']}://{request.headers.get('host', 'localhost')}",
        params=request.path_params,
        query=request.query_params,
        body={} if request.method == "GET" else _parse(body),
    )


def _parse(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest from None
    if not isinstance(value, dict):
        raise BadRequest
    return value


def _response(reply: Reply, headers: dict[str, str] | None = None) -> Response:
    if reply.body is None:
        return Response(status_code=reply.status, headers=headers)
    if isinstance(reply.body, str):
        return Response(reply.body, status_code=reply.status, headers=headers, media_type="text/plain")
    content = json.dumps(reply.body, separators=(",", ":"))
    return Response(content, status_code=reply.status, headers=headers, media_type="application/json")
