"""When the emulator logs a request: before its answer, so that a client that counts requests sees its own."""

import asyncio

import pytest
from starlette.types import Message

from bakery.emulator.daemon.app import build_app, emulator_of
from tests.helpers.emulated import SETTINGS, TOKEN
from tests.helpers.scripted_machines import ScriptedMachines

FOUND = ("/v2/account", 200)
MISSING = ("/v2/droplets/1", 404)


@pytest.mark.parametrize(("path", "status"), [FOUND, MISSING])
def test_a_request_is_in_the_log_before_its_answer_is_sent(path: str, status: int) -> None:
    app = build_app(SETTINGS, ScriptedMachines())
    emulator = emulator_of(app)
    logged: list[list[tuple[str, int]]] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        logged.append([(record.path, record.status) for record in emulator.requests.all()])

    scope = {
        "type": "http",
        "scheme": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {TOKEN}".encode())],
    }
    asyncio.run(app(scope, receive, send))
    emulator.close()
    assert logged == [[(path, status)]] * 2  # the answer's head, and its body
