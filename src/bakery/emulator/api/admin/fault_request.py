"""Reads the body of an order for a fault: every field checked, and that they make sense together."""

import re
import secrets
from typing import NoReturn, TypeVar

from bakery.emulator.account.errors import Unprocessable
from bakery.emulator.api import fields
from bakery.emulator.faults.table import ENDLESS, Fault, Moment, Outcome

T = TypeVar("T")

MAX_SECONDS = 600
MOMENTS: dict[str, Moment] = {"before": "before", "after": "after"}
OUTCOMES: dict[str, Outcome] = {
    "errored": "errored",
    "endless": "endless",
    "dead": "dead",
    "unbootable": "unbootable",
    "unconfigured": "unconfigured",
}
ABOUT_GUESTS = {"dead", "unbootable", "unconfigured"}
BOOTS = {"create", "power_on", "power_cycle", "reboot", "rebuild"}
"""Actions after which a guest runs, and so can be dead."""


def read_fault(body: fields.Body) -> Fault:
    """Raises Unprocessable."""
    fault = Fault(
        method=(fields.optional_text(body, "method") or "*").upper(),
        path=_pattern(fields.optional_text(body, "path") or ""),
        action=fields.optional_text(body, "action") or "",
        times=_count(body, "times", _default_times(body)),
        skip=_count(body, "skip", 0),
        probability=_number(body, "probability", 1.0, most=1),
        seed=fields.integer(body, "seed") if body.get("seed") is not None else secrets.randbelow(2**31),
        delay_s=_number(body, "delay_s", 0.0, most=MAX_SECONDS),
        status=_status(body),
        html=fields.boolean(body, "html"),
        retry_after=_count(body, "retry_after", 0) if body.get("retry_after") is not None else None,
        reset=fields.boolean(body, "reset"),
        lost_reply=fields.boolean(body, "lost_reply"),
        hang=_one_of(body, "hang", MOMENTS),
        kill=_one_of(body, "kill", MOMENTS),
        stale_s=_number(body, "stale_s", 0.0, most=MAX_SECONDS),
        outcome=_one_of(body, "outcome", OUTCOMES),
    )
    _check(fault)
    return fault


def _default_times(body: fields.Body) -> int:
    """One; without end where dice decide."""
    return 1 if body.get("probability") is None else ENDLESS


def _check(fault: Fault) -> None:
    if bool(fault.path) == bool(fault.action):
        _refuse("a fault needs a path or an action, and not both")
    meant_for_requests = [
        fault.status,
        fault.reset or None,
        fault.lost_reply or None,
        fault.hang,
        fault.kill,
        fault.stale_s or None,
    ]
    given = sum(value is not None for value in meant_for_requests)
    if fault.action and (given or (fault.outcome is None and not fault.delay_s)):
        _refuse("a fault of an action has an outcome, or delay_s, and nothing else")
    if fault.path and fault.outcome is not None:
        _refuse("outcome is for faults of an action")
    if given > 1:
        _refuse("only one of status, reset, lost_reply, hang, kill and stale_s can happen")
    if fault.path and not given and not fault.delay_s:
        _refuse("a fault of a request has one of status, reset, lost_reply, hang, kill, stale_s and delay_s")
    if fault.outcome in ABOUT_GUESTS and fault.action not in BOOTS:
        _refuse(f"{fault.outcome} is an outcome of {', '.join(sorted(BOOTS))}")
    if fault.status is None and (fault.html or fault.retry_after is not None):
        _refuse("html and retry_after go with a status")


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error:
        _refuse("path must be a regular expression")
    return text


def _status(body: fields.Body) -> int | None:
    if body.get("status") is None:
        return None
    status = fields.integer(body, "status")
    if not 400 <= status <= 599:
        _refuse("status must be between 400 and 599")
    return status


def _count(body: fields.Body, name: str, default: int) -> int:
    value = fields.integer(body, name) if body.get(name) is not None else default
    if value < 0:
        _refuse(f"{name} must not be negative")
    return value


def _number(body: fields.Body, name: str, default: float, *, most: float) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        _refuse(f"{name} must be a number between 0 and {most}")
    return float(value)


def _one_of(body: fields.Body, name: str, known: dict[str, T]) -> T | None:
    value = fields.optional_text(body, name)
    if value is not None and value not in known:
        _refuse(f"{name} must be one of {', '.join(known)}")
    return None if value is None else known[value]


def _refuse(message: str) -> NoReturn:
    raise Unprocessable(message)
