"""Workload identity with real agents: a task reads Consul with a token of its own, which allows no more."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bakery.agents.model import AclRole, Target
from bakery.agents.transport import AgentHttp
from bakery.errors import AgentError
from bakery.launch.acl.ensure import AclOutcome, AclRequest, ensure_acls
from bakery.observe.health import observe_cluster
from bakery.observe.model import Condition, ConditionState
from bakery.wait import Pending, wait_until
from tests.helpers.real_agents import CLIENT, LOOPBACK, SERVER, RealCluster, running_cluster

pytestmark = pytest.mark.integration

T = TypeVar("T")
SECONDS = 60.0
RENDERS = 10.0
"""Seconds for a template with a key and a service to render."""
SAMPLE = Path(__file__).parents[2] / "examples" / "read-consul.nomad.hcl"


def _eventually(check: Callable[[], T | Pending], what: str, seconds: float = SECONDS) -> T:
    def ask() -> T | Pending:
        try:
            return check()
        except AgentError as error:
            return Pending(error.full_message)

    return wait_until(ask, what=what, seconds=seconds, every=0.2)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    with running_cluster(tmp_path_factory.mktemp("identity"), jobs=True) as running:
        _eventually(lambda: running.clients.nomad(LOOPBACK).leader() or Pending("no leader"), "Nomad's leader")
        assert _ensure(running).identity_written == 5
        # Nomad places no job with a consul block on a client that has not seen its Consul yet.
        _eventually(lambda: _node_id(running) or Pending("not ready"), "the client to be ready and to see Consul")
        try:
            yield running
        finally:
            _stop_jobs(running)


def _ensure(cluster: RealCluster) -> AclOutcome:
    request = AclRequest(
        plan=cluster.plan,
        roles=(SERVER, CLIENT),
        bundle=cluster.bundle,
        droplets=cluster.droplets,
        consul_servers=(LOOPBACK,),
        nomad_servers=(LOOPBACK,),
    )
    return ensure_acls(request, cluster.clients, seconds=SECONDS)


def _consul(cluster: RealCluster, token: str | None = None) -> AgentHttp:
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


def _nomad(cluster: RealCluster) -> AgentHttp:
    target = Target(
        address=LOOPBACK,
        port=cluster.nomad_port,
        server_name="server.global.nomad",
        tls=cluster.nomad_tls,
        token=cluster.bundle.nomad_management.secret,
        gossip_key="",
    )
    return AgentHttp(target, product="Nomad", token_header="X-Nomad-Token")


def _node_id(cluster: RealCluster) -> str:
    nodes = cluster.clients.nomad(LOOPBACK).nodes()
    return next((node.id for node in nodes if node.status == "ready" and node.consul_version), "")


def _stop_jobs(cluster: RealCluster) -> None:
    """Stop all jobs and let Nomad unmount what their tasks had."""
    nomad = _nomad(cluster)
    for job in nomad.call("GET", "/v1/jobs?namespace=*").value:
        nomad.call("DELETE", f"/v1/job/{job['ID']}?namespace={job['Namespace']}")

    def stopped() -> bool | Pending:
        left = [each for each in _allocations(cluster) if each["ClientStatus"] in ("pending", "running")]
        return Pending(str([each["ID"] for each in left])) if left else True

    _eventually(stopped, "the jobs to stop")
    nomad.call("GET", f"/v1/client/gc?node_id={_node_id(cluster)}")
    mounts = Path("/proc/self/mounts")
    _eventually(
        lambda: Pending("mounted") if str(cluster.folder) in mounts.read_text(encoding="utf-8") else True,
        "the tasks to be garbage",
    )


def _allocations(cluster: RealCluster) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _nomad(cluster).call("GET", "/v1/allocations?namespace=*").value
    return found


def _run_job(cluster: RealCluster, job: str, *, namespace: str = "default") -> None:
    """Submit a job written for the exec driver, which needs root, as one of processes of Nomad's user."""
    text = job.replace('driver = "exec"', 'driver = "raw_exec"')
    parsed = _nomad(cluster).call("POST", "/v1/jobs/parse", {"JobHCL": text}).value
    body = {"Job": parsed | {"Namespace": namespace}}
    _nomad(cluster).call("POST", f"/v1/jobs?namespace={namespace}", body)


def _allocation(cluster: RealCluster, job: str, *statuses: str, seconds: float = SECONDS) -> dict[str, Any]:
    """Wait until the job has an allocation with one of those statuses."""

    def found() -> dict[str, Any] | Pending:
        mine = [each for each in _allocations(cluster) if each["JobID"] == job]
        done = [each for each in mine if each["ClientStatus"] in statuses]
        events = [
            event.get("DisplayMessage")
            for each in mine
            for task in (each.get("TaskStates") or {}).values()
            for event in task["Events"] or ()
        ]
        return done[0] if done else Pending(f"{[each['ClientStatus'] for each in mine]} {events}")

    return _eventually(found, f"an allocation of {job}", seconds)


def _file(cluster: RealCluster, allocation: str, path: str) -> str:
    return (cluster.folder / "nomad-data" / "alloc" / allocation / path).read_text(encoding="utf-8")


def _put_key(cluster: RealCluster, key: str, value: str) -> None:
    _consul(cluster).call("PUT", f"/v1/kv/{key}", {"value": value})


def _register(consul: AgentHttp, service: str) -> int:
    """Register a service on the node, and return the HTTP status."""
    body = {
        "Node": "demo-server-1",
        "SkipNodeUpdate": True,
        "Service": {"Service": service, "ID": service, "Address": "10.1.2.3", "Port": 4711},
    }
    return consul.call("PUT", "/v1/catalog/register", body, accept=frozenset({403})).status


SLEEPER = """
job "JOB" {
  group "g" {
    restart { attempts = 0 }
    reschedule {
      attempts  = 0
      unlimited = false
    }
    task "t" {
      driver = "exec"
      consul {}
      config {
        command = "/bin/sleep"
        args    = ["600"]
      }
    }
  }
}
"""


@pytest.fixture(scope="module")
def token(cluster: RealCluster) -> str:
    """The Consul token of a running task."""
    _run_job(cluster, SLEEPER.replace("JOB", "holder"))
    allocation = _allocation(cluster, "holder", "running")
    return _file(cluster, allocation["ID"], "t/secrets/consul_token")


def test_the_sample_renders_a_key_and_a_service(cluster: RealCluster) -> None:
    _put_key(cluster, "apps/greeting", "hello")
    assert _register(_consul(cluster), "hello") == 200
    _run_job(cluster, SAMPLE.read_text(encoding="utf-8"))
    allocation = _allocation(cluster, "read-consul", "complete", seconds=RENDERS)
    page = _file(cluster, allocation["ID"], "alloc/logs/print.stdout.0")
    assert page.split() == ['{"value":', '"hello"}', "server", "10.1.2.3:4711"]


def test_an_identity_in_the_task_needs_no_setting_of_the_servers(cluster: RealCluster) -> None:
    """For servers of an earlier version. Without a block "consul {}" Nomad adds no identity of its own."""
    _put_key(cluster, "apps/greeting", "hello")
    sample = SAMPLE.read_text(encoding="utf-8").replace("read-consul", "explicit")
    page = (SAMPLE.parent / "README.md").read_text(encoding="utf-8")
    identity = page.partition("```hcl\nidentity {")[2].partition("```")[0]
    assert identity
    _run_job(cluster, sample.replace("consul {}", f"identity {{{identity}"))
    allocation = _allocation(cluster, "explicit", "complete", seconds=RENDERS)
    assert "hello" in _file(cluster, allocation["ID"], "alloc/logs/print.stdout.0")


def test_a_task_reads_what_the_page_says_and_nothing_else(cluster: RealCluster, token: str) -> None:
    """Each refusal has its control: the operator's token is not refused."""
    _put_key(cluster, "apps/greeting", "hello")
    _put_key(cluster, "other/secret", "hidden")
    task, operator = _consul(cluster, token), _consul(cluster)
    refused = frozenset({403})
    for path in ("/v1/kv/apps/greeting", "/v1/catalog/nodes", "/v1/health/service/nomad"):
        assert task.call("GET", path).value
    for method, path in [
        ("GET", "/v1/kv/other/secret"),
        ("PUT", "/v1/kv/apps/greeting"),
        ("PUT", "/v1/kv/other/secret"),
        ("DELETE", "/v1/kv/apps/none"),
        ("GET", "/v1/agent/self"),
        ("GET", "/v1/acl/tokens"),
        ("GET", "/v1/operator/keyring"),
    ]:
        assert task.call(method, path, {} if method == "PUT" else None, accept=refused).status == 403, path
        assert operator.call(method, path, {} if method == "PUT" else None).status == 200, path
    for service in ("web", "nomad", "anything"):
        assert _register(task, service) == 403
    assert _register(operator, "web") == 200


def test_the_token_of_a_task_goes_with_it(cluster: RealCluster) -> None:
    _run_job(cluster, SLEEPER.replace("JOB", "brief"))
    secret = _file(cluster, _allocation(cluster, "brief", "running")["ID"], "t/secrets/consul_token")
    assert _consul(cluster, secret).call("GET", "/v1/acl/token/self").value["Local"]
    assert "ExpirationTime" not in _consul(cluster, secret).call("GET", "/v1/acl/token/self").value
    _nomad(cluster).call("DELETE", "/v1/job/brief")

    def gone() -> bool | Pending:
        reply = _consul(cluster, secret).call("GET", "/v1/acl/token/self", accept=frozenset({403, 404}))
        return reply.status != 200 or Pending("Consul accepts the token")

    _eventually(gone, "the token to be deleted")


SERVICE = """
job "JOB" {
  group "g" {
    restart { attempts = 0 }
    reschedule {
      attempts  = 0
      unlimited = false
    }
    network {
      port "http" {}
    }
    service {
      name = "NAME"
      port = "http"
      identity {
        aud = ["consul.io"]
        ttl = "1h"
      }
    }
    task "t" {
      driver = "exec"
      config {
        command = "/bin/sleep"
        args    = ["600"]
      }
    }
  }
}
"""


def test_a_service_may_register_itself_with_an_identity(cluster: RealCluster) -> None:
    """This node's own token may not write services of jobs, so it is the identity's that did it."""
    _run_job(cluster, SERVICE.replace("JOB", "shop").replace("NAME", "shop"))
    _allocation(cluster, "shop", "running")

    def registered() -> list[Any] | Pending:
        return _consul(cluster).call("GET", "/v1/catalog/service/shop").value or Pending("not registered")

    assert len(_eventually(registered, "the service")) == 1


@pytest.mark.parametrize("name", ["consul", "nomad", "Nomad"])
def test_no_job_gets_an_identity_for_the_servers_services(cluster: RealCluster, name: str) -> None:
    """Agents find their servers by them, in any spelling. Control: another name, above."""
    job = f"impostor-{name}"
    _run_job(cluster, SERVICE.replace("JOB", job).replace("NAME", name))
    failed = _allocation(cluster, job, "failed")
    assert "Permission denied" in json.dumps(failed["TaskStates"])


def test_a_namespace_may_have_a_role_of_its_own(cluster: RealCluster) -> None:
    """Its tasks have the rights of all tasks even without; with the role, those of the role too."""
    _nomad(cluster).call("PUT", "/v1/namespace/shop", {"Name": "shop"})
    _put_key(cluster, "other/secret", "hidden")
    _put_key(cluster, "apps/greeting", "hello")

    def may_read(job: str) -> tuple[int, int]:
        _run_job(cluster, SLEEPER.replace("JOB", job), namespace="shop")
        secret = _file(cluster, _allocation(cluster, job, "running")["ID"], "t/secrets/consul_token")
        task = _consul(cluster, secret)
        paths = ("/v1/kv/apps/greeting", "/v1/kv/other/secret")
        first, second = (task.call("GET", path, accept=frozenset({403})).status for path in paths)
        return first, second

    assert may_read("before") == (200, 403)
    policy = {"Name": "shop", "Rules": 'key_prefix "other/" { policy = "read" }'}
    _consul(cluster).call("PUT", "/v1/acl/policy", policy)
    role = AclRole(name="nomad-tasks-shop", description="the user's", policies=("shop",))
    cluster.clients.consul(LOOPBACK).put_role(role)
    assert may_read("after") == (200, 200)


def _condition(cluster: RealCluster) -> Condition:
    report = observe_cluster(cluster.plan, cluster.droplets, cluster.clients)
    return next(each for each in report.conditions if each.name == "workload-identity")


def _rotate(cluster: RealCluster) -> None:
    _nomad(cluster).call("PUT", "/v1/operator/keyring/rotate")


def test_a_rotated_key_stops_new_tasks_until_it_is_pushed(cluster: RealCluster, token: str) -> None:
    assert _condition(cluster).state is ConditionState.OK
    _rotate(cluster)
    missing = _condition(cluster)
    assert missing.state is ConditionState.MISSING
    assert missing.blocks
    assert missing.message.startswith("Consul does not know Nomad's active key ")
    _run_job(cluster, SLEEPER.replace("JOB", "stale"))
    failed = _allocation(cluster, "stale", "failed")
    assert "no known key successfully validated the token signature" in json.dumps(failed["TaskStates"])
    assert _consul(cluster, token).call("GET", "/v1/catalog/nodes").value  # running tasks keep their tokens
    assert _ensure(cluster) == AclOutcome(policies_written=0, tokens_written=0, identity_written=1)
    assert _condition(cluster).state is ConditionState.OK
    _run_job(cluster, SLEEPER.replace("JOB", "fresh"))
    _allocation(cluster, "fresh", "running")


def test_the_second_time_nothing_is_written(cluster: RealCluster) -> None:
    """Consul gives the role, the method and its rules back as they were written, or this would write again."""
    assert _ensure(cluster) == AclOutcome(policies_written=0, tokens_written=0)


def test_a_cluster_of_an_earlier_version_gets_it_on_the_next_run(cluster: RealCluster) -> None:
    """Until then it is healthy, and is told what it lacks."""
    _consul(cluster).call("DELETE", "/v1/acl/auth-method/nomad-workloads")
    condition = _condition(cluster)
    assert (condition.state, condition.blocks) == (ConditionState.MISSING, False)
    assert _ensure(cluster).identity_written == 4
    assert _condition(cluster).state is ConditionState.OK
    _run_job(cluster, SLEEPER.replace("JOB", "after-upgrade"))
    _allocation(cluster, "after-upgrade", "running")
