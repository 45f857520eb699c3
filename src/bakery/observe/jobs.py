"""What Nomad's jobs do: how many of their allocations run, where, and whether that is as wanted."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bakery.agents.interface import AgentClients
from bakery.agents.model import JobAllocation, JobStatus
from bakery.cloud.model import Droplet
from bakery.errors import AgentError
from bakery.observe.gather import reach
from bakery.plan.model import ClusterPlan

_BATCH = ("batch", "sysbatch")


class JobState(StrEnum):
    """What a job does."""

    HEALTHY = "healthy"
    """All its allocations run; none is unhealthy."""
    STARTING = "starting"
    """All its allocations are placed; some do not run yet, or are not known to be healthy."""
    DEGRADED = "degraded"
    """Fewer allocations are placed than wanted, or one is unhealthy."""
    COMPLETE = "complete"
    """A batch job that has ended well."""
    FAILED = "failed"
    """A batch job that has ended otherwise."""
    IDLE = "idle"
    """A periodic or parameterized job, none of whose jobs runs."""
    STOPPED = "stopped"
    """A user stopped it."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A live allocation, and where it is."""

    node: str
    """Name of the Nomad client; its id if Nomad no longer lists the client."""
    runs: bool
    """False while it is pending."""
    healthy: bool | None


@dataclass(frozen=True, kw_only=True)
class JobReport:
    """One job."""

    name: str
    """Its id, which is unique in its namespace."""
    namespace: str
    type: str
    state: JobState
    running: int
    """Allocations that run; of a periodic or parameterized job the number of its jobs."""
    wanted: int | None
    """None if the job does not have a number: system jobs run where they can."""
    placements: tuple[Placement, ...]


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """All jobs of the cluster, by name, or why they are not known."""

    reports: tuple[JobReport, ...] = ()
    error: str = ""


def find_jobs(plan: ClusterPlan, droplets: Sequence[Droplet], clients: AgentClients) -> Jobs:
    """Ask a Nomad server that sees a leader. Reads only, raises no AgentError.

    The nodes of ``plan`` have the names of the droplets.
    """
    if not plan.nomad_servers:
        return Jobs()
    reached = reach("Nomad", plan.nomad_servers, droplets, clients.nomad)
    if reached.api is None:
        return Jobs(error=reached.leader.error or "Nomad has no leader")
    try:
        jobs, nodes = reached.api.job_statuses(), reached.api.nodes()
    except AgentError as error:
        return Jobs(error=error.full_message)
    names = {node.id: node.name for node in nodes}
    reports = (report_job(job, names) for job in jobs)
    return Jobs(reports=tuple(sorted(reports, key=lambda each: (each.namespace, each.name))))


def report_job(job: JobStatus, names: dict[str, str]) -> JobReport:
    """Return what the job does; ``names`` are those of Nomad's clients by id."""
    live = [each for each in job.allocations if each.is_live]
    running = sum(each.status == "running" for each in live)
    if job.children is not None:
        running = sum(status == "running" for status in job.children)
    return JobReport(
        name=job.id,
        namespace=job.namespace,
        type=job.type,
        state=_state(job, live),
        running=running,
        wanted=None if job.type in ("system", "sysbatch") or job.children is not None else job.wanted,
        placements=tuple(
            Placement(
                node=names.get(each.node_id, each.node_id), runs=each.status == "running", healthy=each.healthy
            )
            for each in live
        ),
    )


def _state(job: JobStatus, live: Sequence[JobAllocation]) -> JobState:
    if job.stopped:
        return JobState.STOPPED
    if job.children is not None:
        return JobState.HEALTHY if "running" in job.children else JobState.IDLE
    if job.type in _BATCH and job.status == "dead":
        return _end(job)
    wanted = job.wanted if job.type == "service" else 1
    if len(live) < wanted or any(each.healthy is False for each in live):
        return JobState.DEGRADED
    known = all(each.status == "running" and (each.healthy or not job.deploying) for each in live)
    return JobState.HEALTHY if known else JobState.STARTING


def _end(job: JobStatus) -> JobState:
    """Return how a batch job has ended. Nomad forgets its allocations after some hours, and then the job."""
    mine = [each.status for each in job.allocations if each.job_version == job.version]
    wanted = job.wanted if job.type == "batch" else 1
    ended_well = mine.count("complete") >= wanted or not mine
    return JobState.COMPLETE if ended_well else JobState.FAILED
