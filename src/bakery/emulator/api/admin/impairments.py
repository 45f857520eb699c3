"""Impairments of droplets' networks, below ``/_emulator/``."""

from dataclasses import asdict, replace

from bakery.emulator.account.errors import Unprocessable
from bakery.emulator.account.settings import IMPAIRMENT_MOST
from bakery.emulator.api import fields
from bakery.emulator.api.call import NO_CONTENT, Call, Reply


def impair(call: Call) -> Reply:
    """Impair a droplet's network; the body has the fields of ``Impairment`` (network/model.py)."""
    droplet = call.state.droplets.get(call.id("droplet"))
    unknown = sorted(set(call.body) - set(IMPAIRMENT_MOST))
    if unknown or not call.body:
        message = f"an impairment has {', '.join(IMPAIRMENT_MOST)}"
        raise Unprocessable(message)
    wanted = {name: _number(call.body, name) for name in IMPAIRMENT_MOST}
    impairment, applied = call.work.impair(droplet.id, wanted)
    return Reply(status=201, body={"impairment": asdict(impairment)}, after=applied)


def heal(call: Call) -> Reply:
    _, applied = call.work.impair(call.state.droplets.get(call.id("droplet")).id, {})
    return replace(NO_CONTENT, after=applied)


def _number(body: fields.Body, name: str) -> float:
    value = body.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= IMPAIRMENT_MOST[name]:
        message = f"{name} must be a number between 0 and {IMPAIRMENT_MOST[name]}"
        raise Unprocessable(message)
    return value
