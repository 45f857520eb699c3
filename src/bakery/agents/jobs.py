"""Parse Nomad's list of jobs with their allocations (hashicorp/nomad nomad/structs/job.go, JobStatusesJob)."""

from collections.abc import Mapping
from typing import Any

from bakery.agents.model import JobAllocation, JobStatus


def read_job_status(row: Mapping[str, Any]) -> JobStatus:
    """Return the job in a row of ``/v1/jobs/statuses``, which Nomad has since 1.8.1.

    Raise KeyError or TypeError for another form.
    """
    children = row.get("ChildStatuses")
    return JobStatus(
        id=row["ID"],
        namespace=row["Namespace"],
        type=row["Type"],
        status=row["Status"],
        stopped=bool(row["Stop"]),
        version=row["Version"],
        wanted=row["GroupCountSum"],
        allocations=tuple(map(_allocation, row["Allocs"] or ())),
        children=None if children is None else tuple(children),
        deploying=bool((row.get("LatestDeployment") or {}).get("IsActive")),
    )


def _allocation(row: Mapping[str, Any]) -> JobAllocation:
    return JobAllocation(
        node_id=row["NodeID"],
        status=row["ClientStatus"],
        healthy=(row.get("DeploymentStatus") or {}).get("Healthy"),
        job_version=row["JobVersion"],
    )
