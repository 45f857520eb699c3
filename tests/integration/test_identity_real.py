"""Workload identity with real agents: a task reads Consul with a token of its own, which allows no more."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bakery.agents.model import AclRole, AclToken, TokenGrant
from bakery.agents.transport import AgentHttp
from bakery.credentials.tokens import consul_nomad_token
from bakery.launch.acl.ensure import AclOutcome
from bakery.launch.acl.identity import BINDING_RULES
from bakery.observe.gather import AUTH_METHOD
from bakery.observe.health import observe_cluster
from bakery.observe.model import Condition, ConditionState
from bakery.wait import Pending
from tests.helpers.real_agents import LOOPBACK, RealCluster, running_cluster
from tests.helpers.real_client import running_client, running_second_client
from tests.helpers.real_jobs import (
    allocation_of,
    consul,
    ensure,
    eventually,
    file_of,
    nomad,
    run_job,
    stop_jobs,
    wait_ready,
)

pytestmark = pytest.mark.integration

RENDERS = 10.0
"""Seconds for a template with a key and a service to render."""
SAMPLE = Path(__file__).parents[2] / "examples" / "read-consul.nomad.hcl"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    with running_cluster(tmp_path_factory.mktemp("identity")) as running, ExitStack() as stack:
        eventually(lambda: running.clients.nomad(LOOPBACK).leader() or Pending("no leader"), "Nomad's leader")
        assert ensure(running).identity_written == 5
        stack.enter_context(running_client(running))
        wait_ready(running)
        try:
            yield running
        finally:
            stop_jobs(running)


OF_THE_AGENT = {"Node": "demo-server-1", "SkipNodeUpdate": True}
"""The node of the Consul agent, which soon removes a service that it did not register itself:
https://developer.hashicorp.com/consul/docs/architecture/anti-entropy"""
OF_NO_AGENT = {"Node": "demo-external-1", "Address": "10.1.2.3"}
"""A node without an agent, whose services stay."""


def _put_key(cluster: RealCluster, key: str, value: str) -> None:
    consul(cluster).call("PUT", f"/v1/kv/{key}", {"value": value})


def _register(consul: AgentHttp, service: str, *, node: dict[str, Any] = OF_THE_AGENT) -> int:
    """Register a service on that node, and return the HTTP status."""
    body = {
        **node,
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
    run_job(cluster, SLEEPER.replace("JOB", "holder"))
    allocation = allocation_of(cluster, "holder", "running")
    return file_of(cluster, allocation["ID"], "t/secrets/consul_token")


def test_the_sample_renders_a_key_and_a_service(cluster: RealCluster) -> None:
    _put_key(cluster, "apps/greeting", "hello")
    assert _register(consul(cluster), "hello", node=OF_NO_AGENT) == 200
    run_job(cluster, SAMPLE.read_text(encoding="utf-8"))
    allocation = allocation_of(cluster, "read-consul", "complete", seconds=RENDERS)
    page = file_of(cluster, allocation["ID"], "alloc/logs/print.stdout.0")
    assert page.split() == ['{"value":', '"hello"}', "server", "10.1.2.3:4711"]


def test_an_identity_in_the_task_needs_no_setting_of_the_servers(cluster: RealCluster) -> None:
    """For servers of an earlier version. Without a block "consul {}" Nomad adds no identity of its own."""
    _put_key(cluster, "apps/greeting", "hello")
    sample = SAMPLE.read_text(encoding="utf-8").replace("read-consul", "explicit")
    page = (SAMPLE.parent / "README.md").read_text(encoding="utf-8")
    identity = page.partition("```hcl\nidentity {")[2].partition("```")[0]
    assert identity
    run_job(cluster, sample.replace("consul {}", f"identity {{{identity}"))
    allocation = allocation_of(cluster, "explicit", "complete", seconds=RENDERS)
    assert "hello" in file_of(cluster, allocation["ID"], "alloc/logs/print.stdout.0")


def test_a_task_reads_what_the_page_says_and_nothing_else(cluster: RealCluster, token: str) -> None:
    """Each refusal has its control: the operator's token is not refused."""
    _put_key(cluster, "apps/greeting", "hello")
    _put_key(cluster, "other/secret", "hidden")
    task, operator = consul(cluster, token), consul(cluster)
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
    run_job(cluster, SLEEPER.replace("JOB", "brief"))
    secret = file_of(cluster, allocation_of(cluster, "brief", "running")["ID"], "t/secrets/consul_token")
    assert consul(cluster, secret).call("GET", "/v1/acl/token/self").value["Local"]
    assert "ExpirationTime" not in consul(cluster, secret).call("GET", "/v1/acl/token/self").value
    nomad(cluster).call("DELETE", "/v1/job/brief")

    def gone() -> bool | Pending:
        reply = consul(cluster, secret).call("GET", "/v1/acl/token/self", accept=frozenset({403, 404}))
        return reply.status != 200 or Pending("Consul accepts the token")

    eventually(gone, "the token to be deleted")


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
    run_job(cluster, SERVICE.replace("JOB", "shop").replace("NAME", "shop"))
    allocation_of(cluster, "shop", "running")

    def registered() -> list[Any] | Pending:
        return consul(cluster).call("GET", "/v1/catalog/service/shop").value or Pending("not registered")

    assert len(eventually(registered, "the service")) == 1


def _grant(cluster: RealCluster, *policies: str) -> None:
    """Give the node's Nomad these policies."""
    token = consul_nomad_token(cluster.bundle, "demo-server-1")
    grant = TokenGrant(description="bakery: Nomad of demo-server-1", policies=policies)
    made = AclToken(accessor=token.accessor, secret=token.secret, grant=grant)
    cluster.clients.consul(LOOPBACK).put_token(made)


def test_nomad_deregisters_it_with_its_own_token_which_therefore_writes_every_service(
    cluster: RealCluster,
) -> None:
    """Why the policy of a Nomad client is not smaller: without the right the service stays in Consul for ever."""
    run_job(cluster, SERVICE.replace("JOB", "left").replace("NAME", "left"))
    allocation_of(cluster, "left", "running")

    def listed() -> bool:
        return bool(consul(cluster).call("GET", "/v1/catalog/service/left").value)

    eventually(lambda: listed() or Pending("not registered"), "the service")
    nomad(cluster).call("DELETE", "/v1/job/left")
    allocation_of(cluster, "left", "complete")
    log = cluster.folder / "nomad-client.log"
    refused = "failed to update services in Consul"
    eventually(lambda: refused in log.read_text() or Pending("no refusal"), "Consul to refuse it")
    assert listed()
    _grant(cluster, "bakery-nomad-client")
    try:
        eventually(lambda: not listed() or Pending("still registered"), "the service to go")
    finally:
        _grant(cluster, "bakery-nomad-server")


NATIVE = SLEEPER.replace(
    'task "t"',
    """network {
      port "http" {}
    }
    service {
      name = "native"
      port = "http"
      connect {
        native = true
      }
    }
    task "t\"""",
)


def test_a_native_task_of_the_mesh_gets_no_key_of_its_node(cluster: RealCluster) -> None:
    """Nomad's default is to copy its own certificate and key for Consul into the task's folder."""
    run_job(cluster, NATIVE.replace("JOB", "native"))
    running = allocation_of(cluster, "native", "running")["ID"]
    folder = cluster.folder / "nomad-client-data" / "alloc" / running / "t" / "secrets"
    assert [file.name for file in folder.iterdir() if file.suffix == ".pem"] == []
    assert (folder / "consul_token").exists(), "control: the folder is the task's"


def test_with_nomads_default_it_would(cluster: RealCluster) -> None:
    """Control of the test above, on a second client."""
    with running_second_client(cluster, {"share_ssl": True}) as name:
        mine = f"""constraint {{
      attribute = "${{node.unique.name}}"
      value     = "{name}"
    }}
    network"""
        run_job(cluster, NATIVE.replace("JOB", "sharing").replace("network", mine, 1))
        running = allocation_of(cluster, "sharing", "running")["ID"]
        folder = cluster.folder / "second" / "nomad-client-data" / "alloc" / running / "t" / "secrets"
        copied = {file.name for file in folder.iterdir() if file.suffix == ".pem"}
        assert copied == {"consul_ca_file.pem", "consul_cert_file.pem", "consul_key_file.pem"}
        nomad(cluster).call("DELETE", "/v1/job/sharing")
        allocation_of(cluster, "sharing", "complete")


@pytest.mark.parametrize("name", ["consul", "nomad", "Nomad"])
def test_no_job_gets_an_identity_for_the_servers_services(cluster: RealCluster, name: str) -> None:
    """Agents find their servers by them, in any spelling."""
    job = f"impostor-{name}"
    run_job(cluster, SERVICE.replace("JOB", job).replace("NAME", name))
    failed = allocation_of(cluster, job, "failed")
    assert "Permission denied" in json.dumps(failed["TaskStates"])


def test_without_the_rules_exception_a_job_gets_one(cluster: RealCluster) -> None:
    """Control: with the rule of "nomad setup consul" it registers as Nomad's servers."""
    api = cluster.clients.consul(LOOPBACK)
    of_services, *others = BINDING_RULES
    api.put_binding_rules(AUTH_METHOD, (replace(of_services, selector='"nomad_service" in value'), *others))
    try:
        run_job(cluster, SERVICE.replace("JOB", "impostor").replace("NAME", "nomad"))
        running = allocation_of(cluster, "impostor", "running")["ID"]

        def registered() -> bool | Pending:
            listed = consul(cluster).call("GET", "/v1/catalog/service/nomad").value
            return any(running in each["ServiceID"] for each in listed) or Pending(str(listed))

        eventually(registered, "the impostor among Nomad's servers")
    finally:
        nomad(cluster).call("DELETE", "/v1/job/impostor?purge=true")
        api.put_binding_rules(AUTH_METHOD, BINDING_RULES)


def test_a_namespace_may_have_a_role_of_its_own(cluster: RealCluster) -> None:
    """Its tasks have the rights of all tasks even without; with the role, those of the role too."""
    nomad(cluster).call("PUT", "/v1/namespace/shop", {"Name": "shop"})
    _put_key(cluster, "other/secret", "hidden")
    _put_key(cluster, "apps/greeting", "hello")

    def may_read(job: str) -> tuple[int, int]:
        run_job(cluster, SLEEPER.replace("JOB", job), namespace="shop")
        secret = file_of(cluster, allocation_of(cluster, job, "running")["ID"], "t/secrets/consul_token")
        task = consul(cluster, secret)
        paths = ("/v1/kv/apps/greeting", "/v1/kv/other/secret")
        first, second = (task.call("GET", path, accept=frozenset({403})).status for path in paths)
        return first, second

    assert may_read("before") == (200, 403)
    policy = {"Name": "shop", "Rules": 'key_prefix "other/" { policy = "read" }'}
    consul(cluster).call("PUT", "/v1/acl/policy", policy)
    role = AclRole(name="nomad-tasks-shop", description="the user's", policies=("shop",))
    cluster.clients.consul(LOOPBACK).put_role(role)
    assert may_read("after") == (200, 200)


def _condition(cluster: RealCluster) -> Condition:
    report = observe_cluster(cluster.plan, cluster.droplets, cluster.clients)
    return next(each for each in report.conditions if each.name == "workload-identity")


def _rotate(cluster: RealCluster) -> None:
    nomad(cluster).call("PUT", "/v1/operator/keyring/rotate")


def test_a_rotated_key_stops_new_tasks_until_it_is_pushed(cluster: RealCluster, token: str) -> None:
    assert _condition(cluster).state is ConditionState.OK
    _rotate(cluster)
    missing = _condition(cluster)
    assert missing.state is ConditionState.MISSING
    assert missing.blocks
    assert missing.message.startswith("Consul does not know Nomad's active key ")
    run_job(cluster, SLEEPER.replace("JOB", "stale"))
    failed = allocation_of(cluster, "stale", "failed")
    assert "no known key successfully validated the token signature" in json.dumps(failed["TaskStates"])
    assert consul(cluster, token).call("GET", "/v1/catalog/nodes").value  # running tasks keep their tokens
    assert ensure(cluster) == AclOutcome(policies_written=0, tokens_written=0, identity_written=1)
    assert _condition(cluster).state is ConditionState.OK
    run_job(cluster, SLEEPER.replace("JOB", "fresh"))
    allocation_of(cluster, "fresh", "running")


def test_the_second_time_nothing_is_written(cluster: RealCluster) -> None:
    """Consul gives the role, the method and its rules back as they were written, or this would write again."""
    assert ensure(cluster) == AclOutcome(policies_written=0, tokens_written=0)


def test_a_cluster_of_an_earlier_version_gets_it_on_the_next_run(cluster: RealCluster) -> None:
    """Until then it is healthy, and is told what it lacks."""
    consul(cluster).call("DELETE", "/v1/acl/auth-method/nomad-workloads")
    condition = _condition(cluster)
    assert (condition.state, condition.blocks) == (ConditionState.MISSING, False)
    assert ensure(cluster).identity_written == 4
    assert _condition(cluster).state is ConditionState.OK
    run_job(cluster, SLEEPER.replace("JOB", "after-upgrade"))
    allocation_of(cluster, "after-upgrade", "running")
