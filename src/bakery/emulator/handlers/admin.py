"""The emulator's own side, under ``/_emulator/``: no part of DigitalOcean's API."""

import re
from dataclasses import asdict

from bakery.emulator.errors import Unprocessable
from bakery.emulator.handlers import fields
from bakery.emulator.handlers.call import NO_CONTENT, Call, Reply
from bakery.emulator.handlers.faults import Fault

MAX_DELAY_S = 600


def get_address(call: Call) -> Reply:
    """The operator's address as droplets see it; the one path that needs no token."""
    return Reply(body=f"{call.emulator.settings.host_address}\n")


def get_status(call: Call) -> Reply:
    droplets = call.state.droplets.all()
    known = [*droplets, *call.state.droplets.leaving()]
    failures = {str(droplet.id): droplet.failure for droplet in known if droplet.failure is not None}
    status = {
        "droplets": len(droplets),
        "running": sum(droplet.status == "active" for droplet in droplets),
        "failures": failures,
        "busy": call.work.queues.busy,
        "requests": len(call.emulator.requests.all()),
        "public_network": call.emulator.settings.public_network,
    }
    return Reply(body={"status": status})


def list_requests(call: Call) -> Reply:
    return Reply(body={"requests": [asdict(record) for record in call.emulator.requests.all()]})


def clear_requests(call: Call) -> Reply:
    call.emulator.requests.clear()
    return NO_CONTENT


def list_faults(call: Call) -> Reply:
    return Reply(body={"faults": [asdict(fault) for fault in call.emulator.faults.all()]})


def add_fault(call: Call) -> Reply:
    """``method`` and ``path`` choose the requests, ``times`` and ``skip`` how many; the rest says what happens."""
    body = call.body
    fault = Fault(
        method=(fields.optional_text(body, "method") or "*").upper(),
        path=_pattern(fields.text(body, "path")),
        times=fields.integer(body, "times") if "times" in body else 1,
        skip=fields.integer(body, "skip") if "skip" in body else 0,
        status=_status(body),
        retry_after=fields.integer(body, "retry_after") if "retry_after" in body else None,
        lost_reply=fields.boolean(body, "lost_reply"),
        delay_s=_delay(body),
    )
    call.emulator.faults.add(fault)
    return Reply(status=201, body={"fault": asdict(fault)})


def clear_faults(call: Call) -> Reply:
    call.emulator.faults.clear()
    return NO_CONTENT


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error:
        message = "path must be a regular expression"
        raise Unprocessable(message) from None
    return text


def _status(body: fields.Body) -> int | None:
    if body.get("status") is None:
        return None
    status = fields.integer(body, "status")
    if not 400 <= status <= 599:
        message = "status must be between 400 and 599"
        raise Unprocessable(message)
    return status


def _delay(body: fields.Body) -> float:
    delay = body.get("delay_s", 0)
    if isinstance(delay, bool) or not isinstance(delay, int | float) or not 0 <= delay <= MAX_DELAY_S:
        message = f"delay_s must be a number between 0 and {MAX_DELAY_S}"
        raise Unprocessable(message)
    return float(delay)
