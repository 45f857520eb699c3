"""Whether the flags of ``bakery emulator fault add`` make sense together, said in their own names."""

import re
from collections.abc import Mapping
from typing import Any

from bakery.errors import UsageError

_ONE_OF = {
    "status": "--status",
    "reset": "--reset",
    "lost_reply": "--lost-reply",
    "hang": "--hang",
    "kill": "--kill",
}
_ONE_OF |= {"stale_s": "--stale"}
_GUESTS = {"dead", "unbootable", "unconfigured"}
_BOOTS = ("create", "power_on", "power_cycle", "reboot", "rebuild")
"""Actions after which a guest boots."""
_REQUEST = "bakery emulator fault add --path /v2/droplets --status 503"
_ACTION = "bakery emulator fault add --action snapshot --outcome errored"


def check_order(order: Mapping[str, Any]) -> None:
    """Look at the flags that were given, by the names of their fields.

    Raises:
        UsageError: they contradict each other, or say too little.
    """
    if ("path" in order) == ("action" in order):
        message = "a fault meets either requests (--path) or actions (--action)"
        raise UsageError(message=message, hint=f"for example: {_REQUEST}")
    given = [flag for field, flag in _ONE_OF.items() if field in order]
    if "action" in order:
        _check_action(order, given)
    else:
        _check_request(order, given)


def _check_action(order: Mapping[str, Any], given: list[str]) -> None:
    outcome = order.get("outcome")
    if given or (outcome is None and "delay_s" not in order):
        message = "with --action give --outcome or --delay, and nothing else that happens"
        raise UsageError(message=message, hint=f"for example: {_ACTION}")
    if outcome in _GUESTS and order["action"] not in _BOOTS:
        message = f"--outcome {outcome} is about a boot, and --action {order['action']} has none"
        raise UsageError(message=message, hint=f"give one of these actions: {', '.join(_BOOTS)}")


def _check_request(order: Mapping[str, Any], given: list[str]) -> None:
    _check_pattern(order["path"])
    if "outcome" in order:
        message = "--outcome is what becomes of an action; for requests there is --status and others"
        raise UsageError(message=message, hint=f"for example: {_ACTION}")
    if len(given) > 1:
        message = f"{' and '.join(given)} cannot both happen"
        raise UsageError(message=message, hint="give one of them")
    if not given and "delay_s" not in order:
        message = f"say what happens: {', '.join(_ONE_OF.values())} or --delay"
        raise UsageError(message=message, hint=f"for example: {_REQUEST}")
    if "status" not in order and ("html" in order or "retry_after" in order):
        message = "--html and --retry-after go with --status"
        raise UsageError(message=message, hint=f"for example: {_REQUEST}")


def _check_pattern(text: str) -> None:
    try:
        re.compile(text)
    except re.error as error:
        message = f"--path {text!r} is not a regular expression"
        raise UsageError(
            message=message, details=str(error), hint="for example: --path '/v2/droplets/.*'"
        ) from None
