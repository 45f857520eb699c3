"""What a change of nodes asks over HTTP: allocations, autopilot's settings, eligibility, sessions and locks."""

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from bakery.agents.consul import Consul
from bakery.agents.model import Allocation, LockHolder, TaskGroup
from bakery.agents.nomad import Nomad
from bakery.errors import AgentError
from tests.helpers.agent_wire import answer, client_of, put_wire

PRODUCTS = pytest.mark.parametrize("product", [Consul, Nomad])


def _group(name: str, **change: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """As Nomad 1.11 answers: durations in nanoseconds (nomad/structs/structs.go, TaskGroup)."""
    return {
        "Name": name,
        "Count": 2,
        "Migrate": {"MaxParallel": 1, "HealthCheck": "checks"},
        "ShutdownDelay": 5_000_000_000,
        "EphemeralDisk": {"Sticky": True, "SizeMB": 300, "Migrate": True},
        "Volumes": {
            "b": {"Name": "b", "Type": "host", "Source": "uploads"},
            "a": {"Name": "a", "Type": "host", "Source": "cache"},
            "c": {"Name": "c", "Type": "csi", "Source": "network"},
        },
        "Tasks": [{"Name": "web", "ShutdownDelay": 0, "Env": {"PASSWORD": "CANARY"}}],
    } | change


GROUP = TaskGroup(
    name="front", count=2, max_parallel=1, shutdown_delay_seconds=5.0, sticky_disk=True, migrates_disk=True,
    host_volumes=("cache", "uploads"),
)  # fmt: skip


def test_allocations_are_cut_to_what_is_read() -> None:
    row = {
        "ID": "a1",
        "JobID": "web",
        "Namespace": "shop",
        "TaskGroup": "front",
        "DeploymentStatus": {"Healthy": True, "Timestamp": "2026-01-01T00:00:00Z", "Canary": False},
        "Job": {"Type": "service", "TaskGroups": [_group("back", Count=9), _group("front")]},
        "ClientStatus": "running",
        "DesiredStatus": "run",
    }
    nomad = answer(Nomad, "GET /v1/node/id-1/allocations", 200, [row])
    expected = Allocation(
        id="a1", job="web", job_type="service", status="running", desired="run",
        namespace="shop", healthy=True, group=GROUP,
    )  # fmt: skip
    assert nomad.allocations("id-1") == (expected,)
    assert "CANARY" not in repr(nomad.allocations("id-1"))
    assert answer(Nomad, "GET /v1/node/id-2/allocations", 200, []).allocations("id-2") == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, GROUP),
        ({"Migrate": None, "Volumes": None}, replace(GROUP, max_parallel=None, host_volumes=())),
        (
            {"EphemeralDisk": {"Sticky": False, "Migrate": False}},
            replace(GROUP, sticky_disk=False, migrates_disk=False),
        ),
        ({"ShutdownDelay": None}, replace(GROUP, shutdown_delay_seconds=0.0)),
        (
            {"ShutdownDelay": None, "Tasks": [{"ShutdownDelay": 0}, {"ShutdownDelay": 1_500_000_000}]},
            replace(GROUP, shutdown_delay_seconds=1.5),
        ),
        ({"Name": "another"}, None),
    ],
    ids=["all", "batch", "no disk", "no delay", "a task's delay", "no such group"],
)
def test_what_a_warning_needs_of_a_group(change: dict[str, Any], expected: TaskGroup | None) -> None:
    row = {
        "ID": "a1", "JobID": "web", "Namespace": "default", "TaskGroup": "front", "DeploymentStatus": None,
        "Job": {"Type": "service", "TaskGroups": [_group("front", **change)]},
        "ClientStatus": "pending", "DesiredStatus": "run",
    }  # fmt: skip
    (found,) = answer(Nomad, "GET /v1/node/id-1/allocations", 200, [row]).allocations("id-1")
    assert (found.group, found.healthy) == (expected, None)


AUTOPILOT = "/v1/operator/autopilot/configuration"
SETTINGS = {
    "CleanupDeadServers": True, "LastContactThreshold": "200ms", "MaxTrailingLogs": 250, "MinQuorum": 0,
    "ServerStabilizationTime": "10s", "DisableUpgradeMigration": False, "CreateIndex": 4, "ModifyIndex": 7,
}  # fmt: skip


@PRODUCTS
def test_min_quorum_is_set_and_the_other_settings_stay(product: type[Consul] | type[Nomad]) -> None:
    agent = client_of(product)
    wire = put_wire(agent, {f"GET {AUTOPILOT}": (200, SETTINGS), f"PUT {AUTOPILOT}?cas=7": (200, True)})
    assert agent.min_quorum() == 0
    assert agent.set_min_quorum(3)
    assert json.loads(wire.requests[-1].body or b"") == SETTINGS | {"MinQuorum": 3}
    assert not agent.set_min_quorum(0)
    assert wire.asked.count(f"PUT {AUTOPILOT}?cas=7") == 1


@PRODUCTS
def test_settings_that_others_change_all_the_time_are_an_error(product: type[Consul] | type[Nomad]) -> None:
    agent = client_of(product)
    wire = put_wire(agent, {f"GET {AUTOPILOT}": (200, SETTINGS), f"PUT {AUTOPILOT}?cas=7": (200, False)})
    with pytest.raises(AgentError, match="another client changed them 3 times"):
        agent.set_min_quorum(3)
    assert len(wire.asked) == 6


def test_a_client_gets_no_new_work() -> None:
    nomad = client_of(Nomad)
    assert isinstance(nomad, Nomad)
    wire = put_wire(nomad, {"POST /v1/node/id-1/eligibility": (200, {"EvalIDs": None})})
    nomad.set_ineligible("id-1")
    assert json.loads(wire.requests[0].body or b"") == {"NodeID": "id-1", "Eligibility": "ineligible"}


def test_a_session_has_no_checks_and_belongs_to_the_node_that_was_named() -> None:
    consul = client_of(Consul)
    assert isinstance(consul, Consul)
    wire = put_wire(consul, {"PUT /v1/session/create": (200, {"ID": "s1"})})
    assert consul.create_session("bakery roll", node="demo-consul-server-2", ttl_seconds=60) == "s1"
    assert json.loads(wire.requests[0].body or b"") == {
        "Name": "bakery roll", "Node": "demo-consul-server-2", "TTL": "60s", "Behavior": "release", "Checks": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "lives"), [(200, [{"ID": "s1"}], True), (404, "Session id 's1' not found", False)]
)
def test_a_session_is_renewed_or_has_ended(status: int, body: Any, lives: bool) -> None:  # noqa: ANN401, FBT001
    assert answer(Consul, "PUT /v1/session/renew/s1", status, body).renew_session("s1") is lives


@pytest.mark.parametrize("got", [True, False])
def test_a_lock_is_taken_or_not_and_says_who_holds_it(got: bool) -> None:  # noqa: FBT001
    consul = client_of(Consul)
    assert isinstance(consul, Consul)
    wire = put_wire(
        consul,
        {
            "PUT /v1/kv/bakery/lock?acquire=s1": (200, got),
            "PUT /v1/kv/bakery/lock?release=s1": (200, got),
        },
    )
    assert consul.acquire_lock("bakery/lock", "s1", "ann@laptop") is got
    assert json.loads(wire.requests[0].body or b"") == {"holder": "ann@laptop"}
    assert consul.release_lock("bakery/lock", "s1") is got


def _encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("status", "body", "holder"),
    [
        (404, "", None),
        (200, [{"Key": "bakery/lock", "Value": _encoded("{}")}], None),
        (
            200,
            [{"Session": "s1", "Value": _encoded('{"holder": "ann@laptop"}')}],
            LockHolder(session="s1", holder="ann@laptop"),
        ),
        (200, [{"Session": "s1", "Value": None}], LockHolder(session="s1", holder="")),
        (200, [{"Session": "s1", "Value": _encoded("[]")}], LockHolder(session="s1", holder="")),
        (200, [{"Session": "s1", "Value": _encoded("not JSON")}], LockHolder(session="s1", holder="")),
    ],
    ids=["never taken", "given back", "held", "no value", "another shape", "another program's"],
)
def test_who_holds_a_lock(status: int, body: Any, holder: LockHolder | None) -> None:  # noqa: ANN401
    assert answer(Consul, "GET /v1/kv/bakery/lock", status, body).lock_holder("bakery/lock") == holder
