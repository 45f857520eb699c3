"""Turn an API reply with an error status into a typed error with a hint."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bakery.errors import (
    BakeryError,
    CloudError,
    NotFoundError,
    RateLimitedError,
    UnauthorizedError,
    UnprocessableError,
    UnreachableError,
)
from bakery.proc import redact

TOKENS_PAGE = "https://cloud.digitalocean.com/account/api/tokens"
LONGEST_MESSAGE = 500

# 409 and 412 are not in the reference's list of errors; DigitalOcean sends them for conflicts and preconditions.
UNPROCESSABLE = (400, 409, 412, 422)


def api_error(
    what: str, status: int, headers: Mapping[str, str], body: str, *, secrets: Sequence[str] = ()
) -> BakeryError:
    """Return the error for a reply to ``what`` ("POST /v2/droplets") whose ``status`` is not 2xx.

    Error bodies are ``{"id", "message", "request_id"}``, for tags ``{"error", "messages"}``; gateways send HTML.
    ``secrets`` are removed from the API's message, because it may quote the request.
    """
    parsed = as_object(body)
    said = redact(message_of(parsed) or "", secrets)[:LONGEST_MESSAGE]
    request_id = _text(parsed.get("request_id")) or headers.get("x-request-id")
    details = "\n".join(line for line in (said, request_id and f"request id {request_id}") if line) or None
    if status in (401, 403):
        return _unauthorized(what, status, details, request_id)
    kind, message, hint = _refused(what, status)
    return kind(message=message, details=details, hint=hint, status=status, request_id=request_id)


def as_object(body: str) -> dict[str, Any]:
    """Return ``body`` as a JSON object; empty if it is not one."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def message_of(parsed: Mapping[str, Any]) -> str | None:
    """Return the API's error message, from either of its two forms of error body."""
    several = parsed.get("messages")
    lines = [line for line in several if isinstance(line, str)] if isinstance(several, list) else []
    return _text(parsed.get("message")) or "\n".join(lines) or _text(parsed.get("error"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _unauthorized(what: str, status: int, details: str | None, request_id: str | None) -> UnauthorizedError:
    if status == 401:
        message = "DigitalOcean does not accept the token"
        hint = f"create a token at {TOKENS_PAGE} and set DIGITALOCEAN_TOKEN"
    else:
        message = f"DigitalOcean does not allow {what}"
        hint = f"the token may lack a scope: see {TOKENS_PAGE}"
    return UnauthorizedError(message=message, details=details, hint=hint, status=status, request_id=request_id)


def _refused(what: str, status: int) -> tuple[type[CloudError], str, str | None]:
    if status == 404:
        return NotFoundError, f"DigitalOcean answered 404 (not found) to {what}", None
    if status in UNPROCESSABLE:
        return UnprocessableError, f"DigitalOcean refused {what}", None
    if status == 429:
        return RateLimitedError, "the token's request limit is used up", "wait, then run the same command again"
    return UnreachableError, f"no usable reply to {what} (HTTP {status})", "run the same command again"
