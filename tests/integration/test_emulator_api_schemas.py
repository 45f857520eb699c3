"""The schemas of tests/schemas: that they cover everything, find what is wrong, and can be used on a recording."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from bakery.emulator.api.api_response import ApiResponse
from bakery.emulator.api.routes import ROUTES
from tests.helpers.emulated import emulated
from tests.helpers.schemas import SchemaChecker, check_recording, operations, problems

pytestmark = pytest.mark.integration

LIMITS = {"ratelimit-limit": "5000", "ratelimit-remaining": "4999", "ratelimit-reset": "1700000000"}
HEADERS = {
    **LIMITS,
    "x-request-id": "515850a0-a812-50bf-aa3c-d0d21d287e40",
    "content-type": "application/json",
}
KEY = {"id": 1, "fingerprint": ":".join(["0a"] * 16), "public_key": "ssh-ed25519 AAAA", "name": "k"}


BALANCE = dict.fromkeys(("month_to_date_balance", "account_balance", "month_to_date_usage"), "0.00")
VPC = {
    "id": "515850a0-a812-50bf-aa3c-d0d21d287e40",
    "urn": "do:vpc:515850a0-a812-50bf-aa3c-d0d21d287e40",
    "name": "v",
    "description": "",
    "region": "fra1",
    "ip_range": "10.0.0.0/20",
    "default": True,
    "created_at": "2026-01-01T00:00:00Z",
}
PAGE = {
    "tags": [],
    "links": {"pages": {"next": "/v2/tags?page=2", "last": "http://a/v2/tags?page=2"}},
    "meta": {"total": 21},
}


def test_every_path_of_the_api_has_its_answers_written_down() -> None:
    served = [f"{rule.method} {rule.path}" for rule in ROUTES if rule.path.startswith("/v2/")]
    missing = [name for name in served if not any(pattern.fullmatch(name) for pattern in operations().values())]

    assert missing == []
    assert len(served) > 60  # control


def response(
    body: object,
    *,
    status: int = 200,
    path: str = "/v2/account/keys/1",
    headers: dict[str, str] | None = None,
) -> ApiResponse:
    content = b"" if body is None else json.dumps(body).encode()
    return ApiResponse(
        method="GET", path=path, query="", status=status, headers=HEADERS | (headers or {}), body=content
    )


def test_a_good_answer_passes() -> None:
    """Control of the table below."""
    assert problems(response({"ssh_key": KEY})) == []
    assert problems(response({"vpc": VPC}, path="/v2/vpcs/1")) == []


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (response({"ssh_key": {**KEY, "id": "1"}}), "'1' is not of type 'integer'"),
        (response({"ssh_key": {**KEY, "colour": "red"}}), "'colour' was unexpected"),
        (response({"ssh_key": {"id": 1}}), "'fingerprint' is a required property"),
        (response({"key": KEY}), "'ssh_key' is a required property"),
        (response({"ssh_key": KEY}, status=201), "this status is not documented for it"),
        (response({"id": "server_error", "message": "m"}, status=500), "this status is not documented for it"),
        (response({"error": "no"}, status=404), "'id' is a required property"),
        (response({**BALANCE, "generated_at": "now"}, path="/v2/customers/my/balance"), "is not a 'date-time'"),
        (response({"vpc": {**VPC, "id": "12"}}, path="/v2/vpcs/1"), "is not a 'uuid'"),
        (response(PAGE, path="/v2/tags"), "is not a 'uri'"),
        (response({"ssh_key": KEY}, headers={"x-request-id": "1"}), "no x-request-id"),
        (response({"ssh_key": KEY}, headers={"ratelimit-reset": "soon"}), "no ratelimit-reset"),
        (response({"ssh_key": KEY}, headers={"content-type": "text/html"}), "content-type is text/html"),
        (response({"tags": [], "meta": {"total": 0}}, path="/v2/tags"), "'links' is a required property"),
        (
            response({"volumes": [{}], "links": {}, "meta": {"total": 1}}, path="/v2/volumes"),
            "should not be valid",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_answer_is_found(bad: ApiResponse, complaint: str) -> None:
    assert any(complaint in problem for problem in problems(bad)), problems(bad)


def test_an_emulator_that_answers_wrongly_fails_the_test_that_used_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of ``emulated`` itself: the answers are really checked."""
    monkeypatch.setattr("bakery.emulator.api.resources.keys.key_view", lambda key: {"id": str(key.id)})
    with pytest.raises(AssertionError, match="is not of type 'integer'"), emulated() as api:
        api.post("/v2/account/keys", {"name": "k", "public_key": _public_key()})


def _public_key() -> str:
    from tests.helpers.emulated import public_key

    return public_key(1)


def test_a_recording_can_be_checked_later(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    with emulated() as api:
        assert api.post("/_emulator/recording", {"file": str(file)}).status_code == 204
        api.active(user_data="#cloud-config canary-user-data")
        api.get("/v2/droplets")
        api.get("/v2/nothing")
        assert api.delete("/_emulator/recording").status_code == 204
        api.get("/v2/regions")

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "canary-user-data" not in file.read_text(encoding="utf-8")
    assert check_recording(file) == {
        "POST /v2/droplets 202": 1,
        "GET /v2/droplets/{droplet} 200": 1,
        "GET /v2/droplets 200": 1,
        " 404": 1,
    }


def test_a_bad_recording_fails(tmp_path: Path) -> None:
    line: dict[str, Any] = {
        "method": "GET",
        "path": "/v2/droplets",
        "query": "",
        "status": 200,
        "headers": HEADERS,
        "body": "{}",
    }
    file = tmp_path / "answers.jsonl"
    file.write_text(json.dumps(line) + "\n", encoding="utf-8")

    with pytest.raises(AssertionError, match="'droplets' is a required property"):
        check_recording(file)


@pytest.mark.parametrize("name", ["relative.jsonl", "there.jsonl", "no-folder/x.jsonl", "\x00", "link.jsonl"])
def test_a_recording_never_writes_over_anything(tmp_path: Path, name: str) -> None:
    (tmp_path / "there.jsonl").write_text("kept", encoding="utf-8")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "elsewhere")
    with emulated() as api:
        path = name if name == "relative.jsonl" else f"{tmp_path}/{name}"
        assert api.post("/_emulator/recording", {"file": path}).status_code == 422

    assert (tmp_path / "there.jsonl").read_text(encoding="utf-8") == "kept"
    assert not (tmp_path / "elsewhere").exists()


def test_long_pages_are_checked_at_both_ends() -> None:
    checker = SchemaChecker()
    tags = [{"name": f"t{number}", "resources": {}} for number in range(50)]
    checker(response({"tags": tags, "links": {}, "meta": {"total": 50}}, path="/v2/tags"))

    assert any("$.tags[19]" in problem for problem in checker.problems)
