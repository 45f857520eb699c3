"""The API's errors, as classes (https://docs.digitalocean.com/reference/api/digitalocean/, "HTTP Statuses").

The account and the handlers raise them; ``api`` turns them into answers. They are not BakeryErrors.
"""

from typing import Any, ClassVar


class ApiError(Exception):
    """An answer with status 4xx or 5xx."""

    status: int = 500
    id: ClassVar[str] = "server_error"
    default: ClassVar[str] = "Unexpected server-side error"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.default)
        self.message = message or self.default

    def body(self, request_id: str) -> dict[str, Any]:
        """Return the JSON body."""
        return {"id": self.id, "message": self.message, "request_id": request_id}

    def headers(self) -> dict[str, str]:
        """Return headers of this error only, with names in lower case."""
        return {}


class ServerError(ApiError):
    """A bug of the emulator, or a fault that a user has added."""


class BadRequest(ApiError):
    """The body is not a JSON object, or the resource is of another type."""

    status = 400
    id = "bad_request"
    default = "unable to process your request, please ensure it is properly formatted and try again."


class InvalidTag(ApiError):
    """``POST /v2/tags`` alone answers in this form (OpenAPI: resources/tags/tags_create_new.yml, 400)."""

    status = 400
    id = "bad_request"

    def body(self, request_id: str) -> dict[str, Any]:  # noqa: ARG002 - this form has none
        """Return the JSON body of this form."""
        return {"error": self.message, "messages": [self.message], "root_causes": []}


class Unauthorized(ApiError):
    """The request has no token that is known."""

    status = 401
    id = "unauthorized"
    default = "Unable to authenticate you"


class Forbidden(ApiError):
    """The token lacks a scope, or the resource cannot be changed."""

    status = 403
    id = "forbidden"
    default = "You do not have permission to perform this action."


class NotFound(ApiError):
    """The path or the resource does not exist."""

    status = 404
    id = "not_found"
    default = "The resource you were accessing could not be found."


class Conflict(ApiError):
    """The name is taken."""

    status = 409
    id = "conflict"


class Unprocessable(ApiError):
    """A field has an invalid value, or the request is not possible now."""

    status = 422
    id = "unprocessable_entity"


class PendingEvent(Unprocessable):
    """Another action of the droplet is in progress."""

    default = "Droplet already has a pending event."


class TooManyRequests(ApiError):
    """``retry_after`` in seconds is sent on burst limits only, never on the hourly one."""

    status = 429
    id = "too_many_requests"
    default = "API Rate limit exceeded."

    def __init__(self, *, retry_after: int | None = None) -> None:
        super().__init__()
        self.retry_after = retry_after

    def headers(self) -> dict[str, str]:
        """Return ``retry-after`` in seconds, if there is one."""
        return {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
