"""What a change of nodes asks over HTTP: allocations, autopilot's settings, eligibility, sessions and locks."""

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from bakery.agents.consul import Consul
from bakery.agents.model import Allocation, Evaluation, LockHolder, Resources, TaskGroup
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
            "d": {"Name": "d", "Type": "host", "Source": "journal", "ReadOnly": True},
        },
        "Tasks": [{"Name": "web", "ShutdownDelay": 0, "Env": {"PASSWORD": "CANARY"}}],
        "Services": [{"Name": "front", "Provider": "consul"}],
    } | change


GROUP = TaskGroup(
    name="front", count=2, max_parallel=1, shutdown_delay_seconds=5.0, sticky_disk=True, migrates_disk=True,
    host_volumes=("cache", "uploads"), has_services=True,
)  # fmt: skip


def test_allocations_are_cut_to_what_is_read() -> None:
    row = {
        "ID": "a1",
        "JobID": "web",
        "Namespace": "shop",
        "TaskGroup": "front",
        "DeploymentStatus": {"Healthy": True, "Timestamp": "2026-01-01T00:00:00Z", "Canary": False},
        "NodeName": "demo-nomad-client-1",
        "NextAllocation": "a2",
        "DesiredTransition": {"Migrate": True, "Reschedule": None},
        "AllocatedResources": {
            "Tasks": {
                "web": {"Cpu": {"CpuShares": 100}, "Memory": {"MemoryMB": 200, "MemoryMaxMB": 900}},
                "log": {"Cpu": {"CpuShares": 20}, "Memory": {"MemoryMB": 30}},
            },
            "Shared": {"DiskMB": 300},
        },
        "Job": {
            "Type": "service",
            "Datacenters": ["demo", "d*"],
            "NodePool": "gpu",
            "TaskGroups": [_group("back", Count=9), _group("front")],
        },
        "ClientStatus": "running",
        "DesiredStatus": "run",
    }
    nomad = answer(Nomad, "GET /v1/node/id-1/allocations", 200, [row])
    expected = Allocation(
        id="a1", job="web", job_type="service", status="running", desired="run",
        namespace="shop", healthy=True, group=GROUP, group_name="front", node_name="demo-nomad-client-1",
        next_id="a2", migrates=True, resources=Resources(cpu_mhz=120, memory_mb=230), datacenters=("demo", "d*"),
        pool="gpu",
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
        ({"Services": None}, replace(GROUP, has_services=False)),
        ({"Services": None, "Tasks": [{"ShutdownDelay": 0, "Services": [{"Name": "front"}]}]}, GROUP),
    ],
    ids=["all", "batch", "no disk", "no delay", "a task's delay", "no such group", "no service", "a task's"],
)
def test_what_a_warning_needs_of_a_group(change: dict[str, Any], expected: TaskGroup | None) -> None:
    row = {
        "ID": "a1", "JobID": "web", "Namespace": "default", "TaskGroup": "front", "DeploymentStatus": None,
        "Job": {"Type": "service", "TaskGroups": [_group("front", **change)]},
        "ClientStatus": "pending", "DesiredStatus": "run",
    }  # fmt: skip
    (found,) = answer(Nomad, "GET /v1/node/id-1/allocations", 200, [row]).allocations("id-1")
    assert (found.group, found.healthy) == (expected, None)


def test_the_allocations_of_a_job_have_no_job() -> None:
    row = {
        "ID": "a2", "JobID": "report/periodic-1", "JobType": "batch", "Namespace": "my shop", "TaskGroup": "front",
        "NodeName": "demo-nomad-client-1", "NextAllocation": "", "DesiredTransition": {"Migrate": None},
        "DeploymentStatus": None, "ClientStatus": "failed", "DesiredStatus": "stop",
    }  # fmt: skip
    path = "/v1/job/report%2Fperiodic-1/allocations?namespace=my%20shop"
    nomad = answer(Nomad, f"GET {path}", 200, [row])
    expected = Allocation(
        id="a2", job="report/periodic-1", job_type="batch", status="failed", desired="stop", namespace="my shop",
        group_name="front", node_name="demo-nomad-client-1",
    )  # fmt: skip
    assert nomad.job_allocations("report/periodic-1", "my shop") == (expected,)


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        ({"NodesEvaluated": 2, "DimensionExhausted": {"memory": 2}}, "memory exhausted on 2 clients"),
        (
            {"NodesEvaluated": 3, "DimensionExhausted": {"cpu": 1}, "ConstraintFiltered": {"${meta.x} = y": 2}},
            "cpu exhausted on 1 client, constraint ${meta.x} = y excludes 2 clients",
        ),
        ({"NodesEvaluated": 0, "DimensionExhausted": None}, "no eligible client"),
        ({"NodesEvaluated": 2}, "no client fits"),
    ],
)
def test_an_evaluation_says_why_nothing_was_placed(metric: dict[str, Any], reason: str) -> None:
    row = {"ID": "e1", "Status": "blocked", "FailedTGAllocs": {"front": metric}}
    nomad = answer(Nomad, "GET /v1/job/web/evaluations?namespace=default", 200, [row])
    assert nomad.evaluations("web", "default") == (Evaluation(status="blocked", unplaced={"front": reason}),)
    row = {"ID": "e1", "Status": "complete"}
    nomad = answer(Nomad, "GET /v1/job/web/evaluations?namespace=default", 200, [row])
    assert nomad.evaluations("web", "default") == (Evaluation(status="complete", unplaced={}),)


def test_what_a_client_has_left() -> None:
    nodes = [
        {
            "ID": "id-1",
            "NodeResources": {"Cpu": {"CpuShares": 4000}, "Memory": {"MemoryMB": 2000}},
            "ReservedResources": {"Cpu": {"CpuShares": 100}, "Memory": {"MemoryMB": 256}},
        },
        {"ID": "id-2", "NodeResources": {"Cpu": {"CpuShares": 1000}, "Memory": {"MemoryMB": 900}}},
    ]
    used = {"Tasks": {"web": {"Cpu": {"CpuShares": 500}, "Memory": {"MemoryMB": 300}}}}
    allocations = [
        {"NodeID": "id-1", "ClientStatus": "running", "AllocatedResources": used},
        {"NodeID": "id-1", "ClientStatus": "pending", "AllocatedResources": used},
        {"NodeID": "id-1", "ClientStatus": "complete", "AllocatedResources": used},
        {"NodeID": "gone", "ClientStatus": "running", "AllocatedResources": used},
    ]
    nomad = client_of(Nomad)
    assert isinstance(nomad, Nomad)
    answers = {
        "GET /v1/nodes?resources=true": (200, nodes),
        "GET /v1/allocations?resources=true&namespace=*": (200, allocations),
    }
    put_wire(nomad, answers)
    assert nomad.free_resources() == {
        "id-1": Resources(cpu_mhz=2900, memory_mb=1144),
        "id-2": Resources(cpu_mhz=1000, memory_mb=900),
    }


@pytest.mark.parametrize(
    ("body", "names"), [(None, ()), ([{"Name": "b", "NodeID": "id-1"}, {"Name": "a"}], ("a", "b"))]
)
def test_dynamic_host_volumes(body: Any, names: tuple[str, ...]) -> None:  # noqa: ANN401 - any JSON value
    """Nomad before 1.10 has none, and answers null."""
    nomad = answer(Nomad, "GET /v1/volumes?type=host&namespace=*&node_id=id-1", 200, body)
    assert nomad.host_volumes("id-1") == names


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


@pytest.mark.parametrize("eligible", [True, False])
def test_a_drain_is_cancelled_and_the_client_becomes_eligible_or_not(eligible: bool) -> None:  # noqa: FBT001
    nomad = client_of(Nomad)
    assert isinstance(nomad, Nomad)
    wire = put_wire(nomad, {"POST /v1/node/id-1/drain": (200, {"EvalIDs": None})})
    (nomad.set_eligible if eligible else nomad.cancel_drain)("id-1")
    assert json.loads(wire.requests[0].body or b"") == {"DrainSpec": None, "MarkEligible": eligible}


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
