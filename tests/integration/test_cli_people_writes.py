"""Issued credentials change nothing that their role does not name: every request that would is tried."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bakery.wait import Pending
from tests.helpers import api_writes
from tests.helpers.api_writes import Request
from tests.helpers.live_cli import LiveCli, live_cli
from tests.helpers.real_jobs import eventually
from tests.integration.test_cli_people import Caller, issue

pytestmark = pytest.mark.integration

TRIES = 20
SERVICE = {"Name": "tried", "Check": {"CheckID": "tried", "Name": "tried", "TTL": "1h"}}
TASK = {"Name": "t", "Driver": "exec", "Config": {"command": "/bin/true"}}
GROUP = {"Name": "g", "Count": 1, "Update": {"MaxParallel": 1}, "Tasks": [TASK]}
JOB = {"Job": {"ID": "deployed", "Name": "deployed", "Type": "service", "TaskGroups": [GROUP]}}
NOTHING = "11111111-2222-3333-4444-555555555555"
TAKEN = {
    "nomad": {"PUT agent/join?address=127.0.0.1", f"PUT allocation/{NOTHING}/stop"},
    "consul": {f"PUT connect/intentions/{NOTHING}", f"DELETE connect/intentions/{NOTHING}"},
}
"""What is answered before the rights are looked at. Nomad's ``server join`` needs no token before 2.1
(docs/weaknesses.md, "Every certificate"); the others look for the object first, and here is none (hashicorp/nomad
command/agent/alloc_endpoint.go, allocStop; hashicorp/consul agent/consul/intention_endpoint.go)."""


@dataclass(frozen=True)
class Tried:
    """A cluster, and every request of each product that changes something."""

    live: LiveCli
    operator: Caller
    requests: dict[str, tuple[Request, ...]]


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    with live_cli(tmp_path_factory.mktemp("live"), mesh=True) as live:
        live.process("nomad", "namespace", "apply", "dev")
        operator = Caller(live.variables("--management"))
        assert operator.consul("PUT", "/v1/agent/service/register", SERVICE) == 200
        session = json.loads(operator.reply("consul", "PUT", "/v1/session/create", {"Name": "tried"})[1])["ID"]
        assert operator.nomad("PUT", "/v1/jobs", JOB) == 200
        deployment = eventually(lambda: _deployment(operator), "Nomad's deployment of the job")
        found = {each: api_writes.requests(each, session, deployment) for each in ("consul", "nomad")}
        yield Tried(live, operator, found)


def _deployment(operator: Caller) -> str | Pending:
    found = json.loads(operator.reply("nomad", "GET", "/v1/job/deployed/deployment")[1])
    return str(found["ID"]) if found else Pending("there is none")


def taken(caller: Caller, product: str, requests: tuple[Request, ...]) -> dict[str, str]:
    """Send every request and return the answers that are no refusal for lack of rights."""
    found = {}
    for method, path, body in requests:
        status, text = _answer(caller, product, method, path, body)
        # Consul answers 500 to some of them, with the reason.
        if status != 403 and "Permission denied" not in text:
            found[f"{method} {path}"] = f"{status} {text[:100]}"
    return found


def _answer(caller: Caller, product: str, method: str, path: str, body: object) -> tuple[int, str]:
    """Return the answer. Nomad refuses a snapshot while it still reads it: then its pipe may be closed."""
    answers = (caller.reply(product, method, f"/v1/{path}", body) for _ in range(TRIES))
    return next(answer for answer in answers if "closed pipe" not in answer[1])


@pytest.mark.parametrize("role", ["read", "metrics", "deploy"])
@pytest.mark.parametrize("product", ["nomad", "consul"])
def test_nothing_is_changed_outside_the_namespace_of_a_role(tried: Tried, role: str, product: str) -> None:
    """All these requests are for the namespace ``default``, or for no namespace."""
    namespace = ["--namespace", "dev"] if role == "deploy" else []
    issue(tried.live, f"{role}-{product}", "--role", role, *namespace)
    person = Caller(tried.live.variables("--as", f"{role}-{product}"))
    found = taken(person, product, tried.requests[product])
    assert set(found) == TAKEN[product], found


@pytest.mark.parametrize("product", ["nomad", "consul"])
def test_an_operator_has_the_right_to_all_of_it(tried: Tried, product: str) -> None:
    """Control. It runs last, because it changes what the others find."""
    asked = tried.requests[product]
    found = taken(tried.operator, product, asked)
    refused = {f"{method} {path}" for method, path, _ in asked} - set(found)
    # 403 is also Consul's answer for a token that does not exist ("ACL not found").
    assert refused == ({f"PUT acl/token/{NOTHING}/clone"} if product == "consul" else set())
