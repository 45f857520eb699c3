"""Nomad's policies, tokens and namespaces over HTTP."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bakery.agents.consul import Consul
from bakery.agents.model import AclPolicy, AclToken, ListedToken, TokenGrant
from bakery.agents.nomad import Nomad
from bakery.agents.transport import read_time
from bakery.errors import AgentError
from tests.helpers.agent_wire import SECRET, answer, client_of, put_wire

GRANT = TokenGrant(description="bakery: issued to ci", policies=("bakery-deploy-dev",))


def test_a_token_is_asked_for_with_its_end() -> None:
    nomad: Any = client_of(Nomad)
    wire = put_wire(nomad, {"POST /v1/acl/token": (200, {"AccessorID": "a", "SecretID": SECRET})})
    assert nomad.create_token(GRANT, seconds=7200) == SECRET
    assert json.loads(wire.requests[0].body or b"") == {
        "Name": "bakery: issued to ci",
        "Type": "client",
        "Policies": ["bakery-deploy-dev"],
        "ExpirationTTL": "7200s",
    }


def test_listed_tokens_have_no_secret() -> None:
    rows = [
        {"AccessorID": "a", "Name": "bakery: issued to ci", "Policies": ["bakery-deploy-dev"],
         "ExpirationTime": "2026-11-29T10:00:00.123456789Z"},
        {"AccessorID": "b", "Name": "Bootstrap Token", "Policies": None, "ExpirationTime": None},
    ]  # fmt: skip
    assert answer(Nomad, "GET /v1/acl/tokens", 200, rows).list_tokens() == (
        ListedToken(accessor="a", grant=GRANT, expires=datetime(2026, 11, 29, 10, 0, 0, 123456, tzinfo=UTC)),
        ListedToken(accessor="b", grant=TokenGrant(description="Bootstrap Token")),
    )


def test_a_token_that_is_gone_is_no_error() -> None:
    body = "Cannot delete nonexistent tokens: a"
    answer(Nomad, "DELETE /v1/acl/token/a", 400, body).delete_token("a")
    with pytest.raises(AgentError):
        answer(Nomad, "DELETE /v1/acl/token/a", 403, "Permission denied").delete_token("a")


@pytest.mark.parametrize(("status", "found"), [(200, True), (404, False)])
def test_a_namespace_is_there_or_not(status: int, found: bool) -> None:  # noqa: FBT001 - a table's column
    assert answer(Nomad, "GET /v1/namespace/dev", status, {}).has_namespace("dev") is found


@pytest.mark.parametrize(("shown", "seconds"), [(0, 86_400), (360_000_000_000_000, 360_000)])
def test_the_longest_time_of_a_token_is_in_the_agents_configuration(shown: int, seconds: int) -> None:
    body = {"config": {"ACL": {"TokenMaxExpirationTTL": shown}}}
    assert answer(Nomad, "GET /v1/agent/self", 200, body).longest_token_seconds() == seconds


def test_a_policy_is_written_under_its_name() -> None:
    nomad: Any = client_of(Nomad)
    wire = put_wire(nomad, {"POST /v1/acl/policy/p": (200, {})})
    nomad.put_policy(AclPolicy(name="p", description="d", rules="r"))
    assert json.loads(wire.requests[0].body or b"") == {"Name": "p", "Description": "d", "Rules": "r"}


@pytest.mark.parametrize(("seconds", "sent"), [(None, None), (60, "60s")])
def test_consul_gets_the_end_of_a_token_if_it_has_one(seconds: int | None, sent: str | None) -> None:
    consul: Any = client_of(Consul)
    wire = put_wire(consul, {"PUT /v1/acl/token": (200, {})})
    consul.put_token(AclToken(accessor="a", secret=SECRET, grant=GRANT, seconds=seconds))
    assert json.loads(wire.requests[0].body or b"").get("ExpirationTTL") == sent


@pytest.mark.parametrize(
    ("text", "time"),
    [
        (None, None),
        ("0001-01-01T00:00:00Z", None),
        ("2026-11-29T10:00:00Z", datetime(2026, 11, 29, 10, tzinfo=UTC)),
        ("2026-11-29T12:00:00+02:00", datetime(2026, 11, 29, 10, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_go_writes_them(text: str | None, time: datetime | None) -> None:
    assert read_time(text) == time
