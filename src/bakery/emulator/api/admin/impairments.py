"""Impairments of droplets' networks, below ``/_emulator/``."""

from dataclasses import asdict, replace
from typing import Annotated

from pydantic import ConfigDict, Field

from bakery.emulator.account.errors import Unprocessable
from bakery.emulator.account.settings import IMPAIRMENT_MOST
from bakery.emulator.api.admin.body import Body, parse
from bakery.emulator.api.call import NO_CONTENT, Call, Reply


class ImpairmentRequest(Body):
    """The fields of ``Impairment`` (network/model.py)."""

    model_config = ConfigDict(extra="forbid")

    loss: Annotated[float, Field(ge=0, le=IMPAIRMENT_MOST["loss"])] = 0
    delay_s: Annotated[float, Field(ge=0, le=IMPAIRMENT_MOST["delay_s"])] = 0
    rate: Annotated[float, Field(ge=0, le=IMPAIRMENT_MOST["rate"])] = 0
    partition_s: Annotated[float, Field(ge=0, le=IMPAIRMENT_MOST["partition_s"])] = 0


def impair(call: Call) -> Reply:
    """Impair a droplet's network."""
    droplet = call.state.droplets.get(call.id("droplet"))
    wanted = parse(ImpairmentRequest, call.body)
    if not call.body:
        message = f"an impairment has {', '.join(IMPAIRMENT_MOST)}"
        raise Unprocessable(message)
    impairment, applied = call.work.impair(droplet.id, wanted.model_dump())
    return Reply(status=201, body={"impairment": asdict(impairment)}, after=applied)


def heal(call: Call) -> Reply:
    """Remove the impairment of a droplet's network."""
    _, applied = call.work.impair(call.state.droplets.get(call.id("droplet")).id, {})
    return replace(NO_CONTENT, after=applied)
