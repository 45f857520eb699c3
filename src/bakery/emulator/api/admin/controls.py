"""Status, requests, faults, tokens and recording, below ``/_emulator/``."""

from dataclasses import asdict

from pydantic import Field

from bakery.emulator.account.errors import NotFound
from bakery.emulator.api.admin.body import Body, Text, parse
from bakery.emulator.api.admin.fault_request import read_fault
from bakery.emulator.api.call import NO_CONTENT, Call, Reply


class TokenRequest(Body):
    """A request for a token."""

    scopes: list[Text] = Field(default=[])


class RecordingRequest(Body):
    """A request to record all answers."""

    file: Text
    """An absolute path."""


def get_address(call: Call) -> Reply:
    """Answer with the operator's address as droplets see it. This path needs no token."""
    return Reply(body=f"{call.settings.host_address}\n")


def get_status(call: Call) -> Reply:
    droplets = call.state.droplets.all()
    known = [*droplets, *call.state.droplets.leaving()]
    failures = {str(droplet.id): droplet.failure for droplet in known if droplet.failure is not None}
    status = {
        "droplets": len(droplets),
        "running": sum(droplet.status == "active" for droplet in droplets),
        "failures": failures,
        "busy": call.work.queues.busy,
        "requests": len(call.admin.requests.all()),
        "hanging": call.admin.faults.hanging,
        "firewalls_enforced": call.work.enforces_firewalls,
        "public_network": call.settings.public_network,
    }
    return Reply(body={"status": status})


def list_requests(call: Call) -> Reply:
    return Reply(body={"requests": [asdict(record) for record in call.admin.requests.all()]})


def clear_requests(call: Call) -> Reply:
    call.admin.requests.clear()
    return NO_CONTENT


def list_faults(call: Call) -> Reply:
    """Answer with all faults; ``hanging`` is the number of requests that hang now."""
    return Reply(body={"faults": call.admin.faults.all(), "hanging": call.admin.faults.hanging})


def add_fault(call: Call) -> Reply:
    """Add a fault; the body has the fields of :class:`~bakery.emulator.faults.table.Fault`."""
    fault = read_fault(call.body)
    if fault.stale_s:
        number = call.admin.faults.add(fault, past=call.state.as_it_is(), now=call.state.clock())
    else:
        number = call.admin.faults.add(fault)
    return Reply(status=201, body={"fault": {"id": number, **asdict(fault)}})


def clear_faults(call: Call) -> Reply:
    call.admin.faults.clear()
    return NO_CONTENT


def remove_fault(call: Call) -> Reply:
    if not call.admin.faults.remove(call.id("fault")):
        raise NotFound
    return NO_CONTENT


def make_token(call: Call) -> Reply:
    """Create a token with only the given ``scopes``."""
    scopes = parse(TokenRequest, call.body).scopes
    access = call.admin.tokens.make(scopes)
    return Reply(status=201, body={"token": access.token, "scopes": scopes})


def start_recording(call: Call) -> Reply:
    """Record every answer from now on in a new ``file``."""
    call.admin.recording.start(parse(RecordingRequest, call.body).file)
    return NO_CONTENT


def stop_recording(call: Call) -> Reply:
    call.admin.recording.stop()
    return NO_CONTENT
