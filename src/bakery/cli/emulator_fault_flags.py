"""Checks that the options of ``bakery emulator fault add`` fit together; errors name the options."""

import re
from collections.abc import Mapping
from typing import Any

from bakery.errors import UsageError
from bakery.hints import Command, Hint

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
_REQUEST = Hint("for example: ", Command("emulator fault add", "--path", "/v2/droplets", "--status", "503"))
_ACTION = Hint("for example: ", Command("emulator fault add", "--action", "snapshot", "--outcome", "errored"))


def check_request(request: Mapping[str, Any]) -> None:
    """Check a fault request, which has a field for every option that was given.

    Raises:
        UsageError: options contradict each other, or one is missing.
    """
    if ("path" in request) == ("action" in request):
        message = "a fault affects either requests (--path) or actions (--action)"
        raise UsageError(message=message, hint=_REQUEST)
    given = [flag for field, flag in _ONE_OF.items() if field in request]
    if "action" in request:
        _check_for_actions(request, given)
    else:
        _check_for_requests(request, given)


def _check_for_actions(request: Mapping[str, Any], given: list[str]) -> None:
    outcome = request.get("outcome")
    if given or (outcome is None and "delay_s" not in request):
        message = "with --action give --outcome or --delay, and no other effect"
        raise UsageError(message=message, hint=_ACTION)
    if outcome in _GUESTS and request["action"] not in _BOOTS:
        message = f"--outcome {outcome} needs an action that boots a droplet, and {request['action']} does not"
        raise UsageError(message=message, hint=f"choose an action: {', '.join(_BOOTS)}")


def _check_for_requests(request: Mapping[str, Any], given: list[str]) -> None:
    _check_pattern(request["path"])
    if "outcome" in request:
        message = "--outcome is for actions; for requests give --status or another effect"
        raise UsageError(message=message, hint=_ACTION)
    if len(given) > 1:
        message = f"{' and '.join(given)} cannot be combined"
        raise UsageError(message=message, hint="give one of them")
    if not given and "delay_s" not in request:
        message = f"the effect is missing: give {', '.join(_ONE_OF.values())} or --delay"
        raise UsageError(message=message, hint=_REQUEST)
    if "status" not in request and ("html" in request or "retry_after" in request):
        message = "--html and --retry-after need --status"
        raise UsageError(message=message, hint=_REQUEST)


def _check_pattern(text: str) -> None:
    try:
        re.compile(text)
    except re.error as error:
        message = f"--path {text!r} is not a regular expression"
        raise UsageError(
            message=message, details=str(error), hint="for example: --path '/v2/droplets/.*'"
        ) from None
