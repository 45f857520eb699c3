"""Nomad's list of jobs, as hashicorp/nomad 1.11.3 writes it (nomad/structs/job.go, JobStatusesJob)."""

from typing import Any

from bakery.agents.model import JobAllocation, JobStatus
from bakery.agents.nomad import Nomad
from tests.helpers.agent_wire import answer

PATH = "GET /v1/jobs/statuses?namespace=*&per_page=500"


def _row(**change: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    return {
        "ID": "web",
        "Namespace": "shop",
        "Name": "web",
        "Type": "service",
        "Version": 3,
        "GroupCountSum": 2,
        "ChildStatuses": None,
        "Stop": False,
        "Status": "running",
        "LatestDeployment": {"ID": "d1", "IsActive": True, "Status": "running"},
        "Allocs": [
            {
                "ID": "a1",
                "Group": "front",
                "ClientStatus": "running",
                "NodeID": "n1",
                "DeploymentStatus": {"Canary": False, "Healthy": True},
                "JobVersion": 3,
                "FollowupEvalID": "",
            },
            {"ID": "a0", "ClientStatus": "failed", "NodeID": "n2", "DeploymentStatus": {}, "JobVersion": 2},
        ],
    } | change


def test_jobs_are_cut_to_what_is_read() -> None:
    assert answer(Nomad, PATH, 200, [_row()]).job_statuses() == (
        JobStatus(
            id="web",
            namespace="shop",
            type="service",
            status="running",
            stopped=False,
            version=3,
            wanted=2,
            allocations=(
                JobAllocation(node_id="n1", status="running", healthy=True, job_version=3),
                JobAllocation(node_id="n2", status="failed", healthy=None, job_version=2),
            ),
            children=None,
            deploying=True,
        ),
    )


def test_a_periodic_job_has_children_and_no_allocations() -> None:
    rows = [_row(ChildStatuses=["dead", "running"], Allocs=None, LatestDeployment=None), _row(ChildStatuses=[])]
    first, second = answer(Nomad, PATH, 200, rows).job_statuses()
    assert (first.children, first.allocations, first.deploying) == (("dead", "running"), (), False)
    assert second.children == ()


def test_no_jobs_are_an_empty_list() -> None:
    assert answer(Nomad, PATH, 200, []).job_statuses() == ()
    assert answer(Nomad, PATH, 200, None).job_statuses() == ()
