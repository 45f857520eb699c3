"""Jobs on the Nomad of a RealCluster, and calls to its agents with the token of a task or of the operator."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from bakery.agents.model import Target
from bakery.agents.transport import AgentHttp
from bakery.errors import AgentError
from bakery.launch.acl.ensure import AclOutcome, AclRequest, ensure_acls
from bakery.wait import Pending, wait_until
from tests.helpers.real_agents import CLIENT, LOOPBACK, SERVER, RealCluster

T = TypeVar("T")
SECONDS = 60.0


def eventually(check: Callable[[], T | Pending], what: str, seconds: float = SECONDS) -> T:
    """Wait; an agent that does not answer, or refuses, is asked again."""

    def ask() -> T | Pending:
        try:
            return check()
        except AgentError as error:
            return Pending(error.full_message)

    return wait_until(ask, what=what, seconds=seconds, every=0.2)


def ensure(cluster: RealCluster) -> AclOutcome:
    """Do to the ACLs what a launch does."""
    request = AclRequest(
        plan=cluster.plan,
        roles=(SERVER, CLIENT),
        bundle=cluster.bundle,
        droplets=cluster.droplets,
        consul_servers=(LOOPBACK,),
        nomad_servers=(LOOPBACK,),
    )
    return ensure_acls(request, cluster.clients, seconds=SECONDS)


def wait_ready(cluster: RealCluster) -> None:
    """Nomad places no job with a consul block on a client that has not seen its Consul yet."""
    eventually(lambda: node_id(cluster) or Pending("not ready"), "the client to be ready and to see Consul")


def consul(cluster: RealCluster, token: str | None = None) -> AgentHttp:
    """Consul's API with that token; the operator's by default."""
    target = Target(
        address=LOOPBACK,
        port=cluster.consul_port,
        server_name="server.demo.consul",
        tls=cluster.consul_tls,
        token=cluster.bundle.consul_management.secret if token is None else token,
        gossip_key="",
    )
    return AgentHttp(target, product="Consul", token_header="X-Consul-Token")


def nomad(cluster: RealCluster) -> AgentHttp:
    """Nomad's API as the operator."""
    target = Target(
        address=LOOPBACK,
        port=cluster.nomad_port,
        server_name="server.global.nomad",
        tls=cluster.nomad_tls,
        token=cluster.bundle.nomad_management.secret,
        gossip_key="",
    )
    return AgentHttp(target, product="Nomad", token_header="X-Nomad-Token")


def node_id(cluster: RealCluster) -> str:
    """The id of the client, if it is ready and has seen Consul."""
    nodes = cluster.clients.nomad(LOOPBACK).nodes()
    return next((node.id for node in nodes if node.status == "ready" and node.consul_version), "")


def stop_jobs(cluster: RealCluster) -> None:
    """Stop all jobs and let Nomad unmount what their tasks had."""
    api = nomad(cluster)
    for job in api.call("GET", "/v1/jobs?namespace=*").value:
        api.call("DELETE", f"/v1/job/{job['ID']}?namespace={job['Namespace']}")

    def stopped() -> bool | Pending:
        left = [each for each in allocations(cluster) if each["ClientStatus"] in ("pending", "running")]
        return Pending(str([each["ID"] for each in left])) if left else True

    eventually(stopped, "the jobs to stop")
    for node in cluster.clients.nomad(LOOPBACK).nodes():
        api.call("GET", f"/v1/client/gc?node_id={node.id}")
    mounts = Path("/proc/self/mounts")
    eventually(
        lambda: Pending("mounted") if str(cluster.folder) in mounts.read_text(encoding="utf-8") else True,
        "the tasks to be garbage",
    )


def allocations(cluster: RealCluster) -> list[dict[str, Any]]:
    """All allocations."""
    found: list[dict[str, Any]] = nomad(cluster).call("GET", "/v1/allocations?namespace=*").value
    return found


def run_job(cluster: RealCluster, job: str, *, namespace: str = "default") -> None:
    """Submit a job written for the exec driver, which needs root, as one of processes of Nomad's user."""
    text = job.replace('driver = "exec"', 'driver = "raw_exec"')
    parsed = nomad(cluster).call("POST", "/v1/jobs/parse", {"JobHCL": text}).value
    body = {"Job": parsed | {"Namespace": namespace}}
    nomad(cluster).call("POST", f"/v1/jobs?namespace={namespace}", body)


def allocation_of(cluster: RealCluster, job: str, *statuses: str, seconds: float = SECONDS) -> dict[str, Any]:
    """Wait until the job has an allocation with one of those statuses."""

    def found() -> dict[str, Any] | Pending:
        mine = [each for each in allocations(cluster) if each["JobID"] == job]
        done = [each for each in mine if each["ClientStatus"] in statuses]
        events = [
            event.get("DisplayMessage")
            for each in mine
            for task in (each.get("TaskStates") or {}).values()
            for event in task["Events"] or ()
        ]
        return done[0] if done else Pending(f"{[each['ClientStatus'] for each in mine]} {events}")

    return eventually(found, f"an allocation of {job}", seconds)


def file_of(cluster: RealCluster, allocation: str, path: str) -> str:
    """The content of a file of an allocation."""
    return (cluster.folder / "nomad-client-data" / "alloc" / allocation / path).read_text(encoding="utf-8")
