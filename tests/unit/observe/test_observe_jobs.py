"""What a job does, by hand from the meaning of Nomad's fields (nomad/structs/job.go, structs.go)."""

from dataclasses import replace

import pytest

from bakery.agents.model import JobAllocation, JobStatus
from bakery.errors import AgentError
from bakery.observe.jobs import Jobs, JobState, Placement, find_jobs, report_job
from tests.helpers.fake_agents import healthy_cluster

SERVICE = JobStatus(
    id="web", namespace="default", type="service", status="running", stopped=False, version=1, wanted=2,
    allocations=(), children=None, deploying=False,
)  # fmt: skip
BATCH = replace(SERVICE, type="batch", wanted=1)
SYSTEM = replace(SERVICE, type="system", wanted=1)
PERIODIC = replace(SERVICE, type="batch", children=())


def allocation(status: str, *, healthy: bool | None = None, version: int = 1, node: str = "n1") -> JobAllocation:
    return JobAllocation(node_id=node, status=status, healthy=healthy, job_version=version)


UP, NEW, SICK, READY = (
    allocation("running"), allocation("pending"), allocation("running", healthy=False),
    allocation("running", healthy=True),
)  # fmt: skip


@pytest.mark.parametrize(
    ("job", "allocations", "state", "running"),
    [
        (SERVICE, (READY, READY), JobState.HEALTHY, 2),
        (SERVICE, (UP, UP), JobState.HEALTHY, 2),
        (replace(SERVICE, deploying=True), (READY, UP), JobState.STARTING, 2),
        (SERVICE, (READY, NEW), JobState.STARTING, 1),
        (SERVICE, (READY,), JobState.DEGRADED, 1),
        (SERVICE, (READY, SICK), JobState.DEGRADED, 2),
        (SERVICE, (READY, allocation("failed")), JobState.DEGRADED, 1),
        (SERVICE, (READY, READY, allocation("failed"), allocation("complete", version=0)), JobState.HEALTHY, 2),
        (replace(SERVICE, status="pending"), (), JobState.DEGRADED, 0),
        (replace(SERVICE, stopped=True, status="dead"), (allocation("complete"),), JobState.STOPPED, 0),
        (BATCH, (UP,), JobState.HEALTHY, 1),
        (BATCH, (NEW,), JobState.STARTING, 0),
        (replace(BATCH, status="pending"), (), JobState.DEGRADED, 0),
        (replace(BATCH, status="dead"), (allocation("complete"),), JobState.COMPLETE, 0),
        (replace(BATCH, status="dead"), (allocation("failed"), allocation("complete")), JobState.COMPLETE, 0),
        (replace(BATCH, status="dead"), (allocation("failed"),), JobState.FAILED, 0),
        (
            replace(BATCH, status="dead"),
            (allocation("failed"), allocation("complete", version=0)),
            JobState.FAILED,
            0,
        ),
        (replace(BATCH, status="dead"), (), JobState.COMPLETE, 0),
        (SYSTEM, (UP, UP, UP), JobState.HEALTHY, 3),
        (SYSTEM, (), JobState.DEGRADED, 0),
        (PERIODIC, (), JobState.IDLE, 0),
        (replace(PERIODIC, children=("dead", "running")), (), JobState.HEALTHY, 1),
    ],
)
def test_the_state_of_a_job(
    job: JobStatus, allocations: tuple[JobAllocation, ...], state: JobState, running: int
) -> None:
    report = report_job(replace(job, allocations=allocations), {})
    assert (report.state, report.running) == (state, running)


def test_only_a_job_with_a_number_wants_one() -> None:
    assert [report_job(job, {}).wanted for job in (SERVICE, BATCH, SYSTEM, PERIODIC)] == [2, 1, None, None]


def test_live_allocations_are_placed_by_the_names_of_the_clients() -> None:
    job = replace(SERVICE, allocations=(READY, allocation("pending", node="n2"), allocation("failed")))
    assert report_job(job, {"n1": "demo-nomad-client-1"}).placements == (
        Placement(node="demo-nomad-client-1", runs=True, healthy=True),
        Placement(node="n2", runs=False, healthy=None),
    )


def test_the_jobs_are_asked_of_a_server_that_sees_a_leader() -> None:
    cluster = healthy_cluster()
    cluster.nomad.jobs = (replace(SERVICE, id="web"), replace(SERVICE, id="api"))
    found = find_jobs(cluster.plan, cluster.droplets, cluster.clients)
    assert [each.name for each in found.reports] == ["api", "web"]
    cluster.nomad.leader_address = ""
    assert find_jobs(cluster.plan, cluster.droplets, cluster.clients) == Jobs(error="Nomad has no leader")


def test_why_the_jobs_are_not_known_is_said() -> None:
    cluster = healthy_cluster()
    cluster.nomad.failures = {"job_statuses": AgentError(message="Nomad refused", details="too busy", status=500)}
    found = find_jobs(cluster.plan, cluster.droplets, cluster.clients)
    assert found == Jobs(error="Nomad refused: too busy")
