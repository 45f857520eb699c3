"""Reads a request for a fault: checks every field, and that the fields fit together."""

import re
import secrets
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, NonNegativeInt, model_validator

from bakery.emulator.api.admin.body import Body, Text, parse
from bakery.emulator.faults.table import ENDLESS, Fault, Moment, Outcome

ABOUT_GUESTS = {"dead", "unbootable", "unconfigured"}
BOOTS = {"create", "power_on", "power_cycle", "reboot", "rebuild"}
"""Actions that boot a guest, whose boot can fail."""


def _check_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error:
        message = "it must be a regular expression"
        raise ValueError(message) from None
    return text


Seconds = Annotated[float, Field(ge=0, le=600)]


class FaultRequest(Body):
    """The fields of a :class:`~bakery.emulator.faults.table.Fault`; ``times`` and ``seed`` have other defaults."""

    method: Text = "*"
    path: Annotated[Text, AfterValidator(_check_pattern)] = ""
    action: Text = ""
    times: NonNegativeInt | None = None
    """None: 1, or without a limit if there is a probability."""
    skip: NonNegativeInt = 0
    probability: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: int = Field(default_factory=lambda: secrets.randbelow(2**31))
    delay_s: Seconds = 0.0
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    html: bool = False
    retry_after: NonNegativeInt | None = None
    reset: bool = False
    lost_reply: bool = False
    hang: Moment | None = None
    kill: Moment | None = None
    stale_s: Seconds = 0.0
    outcome: Outcome | None = None

    @model_validator(mode="after")
    def _check_together(self) -> "FaultRequest":
        problem = _problem(self)
        if problem is not None:
            raise ValueError(problem)
        return self

    def effects(self) -> int:
        """How many effects on a request it asks for, a delay apart."""
        others = self.reset + self.lost_reply + (self.stale_s > 0)
        return others + sum(value is not None for value in (self.status, self.hang, self.kill))


def read_fault(body: Mapping[str, Any]) -> Fault:
    """Return the fault that the body asks for. Raises Unprocessable."""
    request = parse(FaultRequest, body)
    changed: dict[str, Any] = {"method": request.method.upper()}
    if request.times is None:
        changed["times"] = 1 if request.probability is None else ENDLESS
    if request.probability is None:
        changed["probability"] = 1.0
    return Fault(**request.model_dump() | changed)


def _problem(request: FaultRequest) -> str | None:
    effects = request.effects()
    if bool(request.path) == bool(request.action):
        return "a fault needs a path or an action, and not both"
    if request.action and (effects or (request.outcome is None and not request.delay_s)):
        return "a fault of an action has an outcome, or delay_s, and nothing else"
    if request.path and request.outcome is not None:
        return "outcome is for faults of an action"
    if effects > 1:
        return "only one of status, reset, lost_reply, hang, kill and stale_s can happen"
    if request.path and not effects and not request.delay_s:
        return "a fault of a request has one of status, reset, lost_reply, hang, kill, stale_s and delay_s"
    if request.outcome in ABOUT_GUESTS and request.action not in BOOTS:
        return f"{request.outcome} is an outcome of {', '.join(sorted(BOOTS))}"
    if request.status is None and (request.html or request.retry_after is not None):
        return "html and retry_after need a status"
    return None
