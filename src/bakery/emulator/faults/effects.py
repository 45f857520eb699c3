"""What a fault does to a request: an error, an HTML page, no answer, or a broken connection."""

import asyncio
import contextlib
import os
import signal
import socket
import struct
from typing import Any

from starlette.responses import HTMLResponse, Response
from starlette.types import Message, Receive, Scope

from bakery.emulator.account.errors import ApiError, ServerError
from bakery.emulator.faults.client_process import processes_at
from bakery.emulator.faults.table import Fault, Faults

_POLL_S = 0.05
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: closing sends RST instead of FIN (socket(7))."""


def error_of(fault: Fault) -> ApiError:
    """Return the API error with the fault's ``status``."""
    return _FaultError(fault.status or 500, fault.retry_after)


def gateway_page(fault: Fault) -> Response:
    """Return the fault's ``status`` with an HTML page, as from a gateway in front of the API."""
    status = fault.status or 500
    page = f"<html><head><title>{status}</title></head><body><h1>{status} Bad Gateway</h1></body></html>\n"
    headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    return HTMLResponse(page, status_code=status, headers=headers)


class _FaultError(ApiError):
    """An API error with any status."""

    def __init__(self, status: int, retry_after: int | None) -> None:
        self._known = next((kind for kind in ApiError.__subclasses__() if kind.status == status), ServerError)
        super().__init__(self._known.default)
        self.status = status
        self._retry_after = retry_after

    def body(self, request_id: str) -> dict[str, Any]:
        return {"id": self._known.id, "message": self.message, "request_id": request_id}

    def headers(self) -> dict[str, str]:
        return {} if self._retry_after is None else {"retry-after": str(self._retry_after)}


async def swallow(message: Message) -> None:
    """Discard the message instead of sending it."""


async def reset(receive: Receive) -> None:
    """Reset the connection when the whole request has arrived, so that the client already waits for the answer."""
    while (await receive()).get("more_body", False):
        pass
    await hang_up(receive, with_reset=True)


async def hang_up(receive: Receive, *, with_reset: bool = False) -> None:
    """Close the connection without an answer, as a broken network does.

    ASGI has no message for that: uvicorn's ``receive`` is a method of the object that holds the transport.
    """
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is not None:
        if with_reset:
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
        await _disconnected(receive)


async def kill_client(scope: Scope, receive: Receive) -> None:
    """Kill the processes at the other end, then close the connection."""
    for process in processes_at(tuple(scope["client"]), tuple(scope["server"])):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    await hang_up(receive)


async def hang(faults: Faults, receive: Receive) -> None:
    """Send nothing until the client disconnects or the faults are cleared; then close the connection."""
    ticket = faults.hang()
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        while not gone.done() and faults.still_hangs(ticket):
            await asyncio.wait([gone], timeout=_POLL_S)
    finally:
        faults.let_go(ticket)
        gone.cancel()
    await hang_up(receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
