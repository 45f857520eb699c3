"""Every status and body the API or a gateway may send, as the error a user sees."""

import json

import pytest

from bakery.cloud.api_errors import api_error
from bakery.errors import (
    BakeryError,
    CloudError,
    ExitCode,
    NotFoundError,
    RateLimitedError,
    UnauthorizedError,
    UnprocessableError,
    UnreachableError,
)

# Ids and statuses: openapi specification/description.yml and shared/responses.
TABLE: list[tuple[int, str, type[BakeryError], str, ExitCode]] = [
    (401, "unauthorized", UnauthorizedError, "DigitalOcean does not accept the token", ExitCode.CREDENTIALS),
    (403, "forbidden", UnauthorizedError, "DigitalOcean does not allow POST /v2/x", ExitCode.CREDENTIALS),
    (404, "not_found", NotFoundError, "DigitalOcean answered 404 (not found) to POST /v2/x", ExitCode.CLOUD),
    (400, "bad_request", UnprocessableError, "DigitalOcean refused POST /v2/x", ExitCode.CLOUD),
    (409, "conflict", UnprocessableError, "DigitalOcean refused POST /v2/x", ExitCode.CLOUD),
    (412, "precondition_failed", UnprocessableError, "DigitalOcean refused POST /v2/x", ExitCode.CLOUD),
    (422, "unprocessable_entity", UnprocessableError, "DigitalOcean refused POST /v2/x", ExitCode.CLOUD),
    (429, "too_many_requests", RateLimitedError, "the token's request limit is used up", ExitCode.CLOUD),
    (500, "server_error", UnreachableError, "no usable reply to POST /v2/x (HTTP 500)", ExitCode.CLOUD),
    (503, "server_error", UnreachableError, "no usable reply to POST /v2/x (HTTP 503)", ExitCode.CLOUD),
    (302, "", UnreachableError, "no usable reply to POST /v2/x (HTTP 302)", ExitCode.CLOUD),
    (418, "", UnreachableError, "no usable reply to POST /v2/x (HTTP 418)", ExitCode.CLOUD),
]


@pytest.mark.parametrize(("status", "id_", "kind", "message", "code"), TABLE)
def test_each_status_has_its_error(
    status: int, id_: str, kind: type[BakeryError], message: str, code: ExitCode
) -> None:
    body = json.dumps({"id": id_, "message": "What the API says.", "request_id": "4d9d8375"})
    error = api_error("POST /v2/x", status, {}, body)
    assert type(error) is kind
    assert (error.message, error.exit_code) == (message, code)
    assert error.details == "What the API says.\nrequest id 4d9d8375"
    assert isinstance(error, CloudError | UnauthorizedError)
    assert (error.status, error.request_id) == (status, "4d9d8375")


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ("<html><body>502 Bad Gateway</body></html>", None),
        ("", None),
        ("[]", None),
        ("null", None),
        ('{"id": "server_error"}', None),
        ('{"message": null}', None),
        ('{"message": 7}', None),
        # openapi tags_create: this 400 has another form.
        ('{"error": "bad", "messages": ["name is invalid", "name is too long"], "root_causes": []}',
         "name is invalid\nname is too long"),
        ('{"error": "bad", "messages": [], "root_causes": []}', "bad"),
        ('{"message": "%s"}' % ("x" * 900), "x" * 500),
        ("[" * 200_000, None),
    ],
)  # fmt: skip
def test_bodies_without_the_usual_fields(body: str, details: str | None) -> None:
    assert api_error("GET /v2/x", 502, {}, body).details == details


def test_the_request_id_may_come_as_a_header() -> None:
    assert api_error("GET /v2/x", 500, {"x-request-id": "abc"}, "<html>").details == "request id abc"
