"""What a person with a whole user-data can do to real agents, kind by kind, in a table written by hand.

The control of every attack is the operator, for whom it succeeds: so the ACLs refused it, and nothing else. What
the default settings let a thief of a Nomad client do is here too; ``test_introduction_real.py`` has the setting
that refuses it, and docs/weaknesses.md says it.
"""

import base64
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bakery.config.model import Kind
from bakery.credentials.tokens import random_token
from bakery.observe.health import observe_cluster
from bakery.wait import Pending
from tests.helpers.nomad_rpc import RpcError
from tests.helpers.real_agents import LOOPBACK, RealCluster, free_ports, running_cluster, stop
from tests.helpers.real_client import running_runner, start_consul_client
from tests.helpers.real_jobs import allocation_of, consul, ensure, eventually, nomad, run_job, stop_jobs
from tests.helpers.thief import Thief, operator_of, robbed, thief_of

pytestmark = pytest.mark.integration

KINDS = (Kind.CONSUL_SERVER, Kind.NOMAD_SERVER, Kind.NOMAD_CLIENT, Kind.ALL_IN_ONE, Kind.INGRESS)
NOMADS = (Kind.NOMAD_SERVER, Kind.NOMAD_CLIENT, Kind.ALL_IN_ONE)
RUNS_JOBS = (Kind.NOMAD_CLIENT, Kind.ALL_IN_ONE)
SERVES = (Kind.NOMAD_SERVER, Kind.ALL_IN_ONE)
VICTIM = """
job "victim" {
  group "g" {
    task "t" {
      driver = "exec"
      env {
        DB_PASSWORD = "canary-env"
      }
      config {
        command = "/bin/sleep"
        args    = ["600"]
      }
    }
  }
}
"""
JOB = {"ID": "job-of-the-thief", "Name": "job-of-the-thief", "Type": "service", "Datacenters": ["demo"]}
TASK = {"Name": "t", "Driver": "raw_exec", "Config": {"command": "/bin/true"}}
SUBMITTED = {"Job": {**JOB, "TaskGroups": [{"Name": "g", "Count": 0, "Tasks": [TASK]}]}}


def service(name: str) -> dict[str, Any]:
    """A service on another node."""
    return {
        "Node": "demo-server-1",
        "SkipNodeUpdate": True,
        "Service": {"Service": name, "ID": f"{name}-of-the-thief", "Address": "10.6.6.6", "Port": 6666},
    }


@dataclass(frozen=True, kw_only=True)
class Attack:
    """A request to a server of the product, and the kinds whose user-data suffices for it."""

    product: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    suffices: set[Kind] = field(default_factory=set)

    def succeeds(self, who: Thief) -> bool:
        ask = who.consul if self.product == "consul" else who.nomad
        return ask(self.method, self.path, self.body)


def of_consul(method: str, path: str, body: dict[str, Any] | None = None, *kinds: Kind) -> Attack:
    return Attack(product="consul", method=method, path=path, body=body, suffices=set(kinds))


def of_nomad(method: str, path: str, body: dict[str, Any] | None = None, *kinds: Kind) -> Attack:
    return Attack(product="nomad", method=method, path=path, body=body, suffices=set(kinds))


ATTACKS = {
    "read a key": of_consul("GET", "/v1/kv/apps/secret"),
    "write a key": of_consul("PUT", "/v1/kv/apps/secret", {}),
    "delete keys": of_consul("DELETE", "/v1/kv/none?recurse"),
    "list tokens": of_consul("GET", "/v1/acl/tokens"),
    "make a token": of_consul("PUT", "/v1/acl/token", {"Description": "a thief's"}),
    "change a policy": of_consul("PUT", "/v1/acl/policy", {"Name": "a-thiefs", "Rules": ""}),
    "read Raft": of_consul("GET", "/v1/operator/raft/configuration"),
    "read gossip keys": of_consul("GET", "/v1/operator/keyring"),
    "change autopilot": of_consul("PUT", "/v1/operator/autopilot/configuration", {"CleanupDeadServers": True}),
    "take a snapshot": of_consul("GET", "/v1/snapshot"),
    # An agent answers DNS queries.
    "read nodes and services": of_consul("GET", "/v1/catalog/service/web", None, *KINDS),
    "read a server's configuration": of_consul("GET", "/v1/agent/self", None, *SERVES),
    "register a service": of_consul("PUT", "/v1/catalog/register", service("web"), *RUNS_JOBS),
    "deregister a service": of_consul(
        "PUT", "/v1/catalog/deregister", {"Node": "demo-server-1", "ServiceID": "web-1"}, *RUNS_JOBS
    ),
    "be a Nomad server": of_consul("PUT", "/v1/catalog/register", service("nomad"), *SERVES),
    "be a Consul server": of_consul("PUT", "/v1/catalog/register", service("consul")),
    "be an ingress node": of_consul("PUT", "/v1/catalog/register", service("ingress"), *RUNS_JOBS, Kind.INGRESS),
    "change a node": of_consul("PUT", "/v1/catalog/register", {"Node": "demo-other-1", "Address": "10.6.6.6"}),
    "deregister a node": of_consul("PUT", "/v1/catalog/deregister", {"Node": "demo-other-1"}),
    "lock with a session": of_consul("PUT", "/v1/session/create", {"Node": "demo-server-1", "Checks": []}),
    "fire an event": of_consul("PUT", "/v1/event/fire/deploy"),
    "list jobs": of_nomad("GET", "/v1/jobs"),
    "read a job": of_nomad("GET", "/v1/job/victim"),
    "submit a job": of_nomad("POST", "/v1/jobs", SUBMITTED),
    "stop a job": of_nomad("DELETE", "/v1/job/job-of-the-thief"),
    "read a variable": of_nomad("GET", "/v1/var/nomad/jobs/victim"),
    "write a variable": of_nomad("PUT", "/v1/var/thief", {"Path": "thief", "Items": {"a": "b"}}),
    "list clients": of_nomad("GET", "/v1/nodes"),
    "list allocations": of_nomad("GET", "/v1/allocations"),
    "list Nomad's tokens": of_nomad("GET", "/v1/acl/tokens"),
    "introduce a client": of_nomad("PUT", "/v1/acl/identity/client-introduction-token", {"NodeName": "thief"}),
    "read Nomad's keyring": of_nomad("GET", "/v1/operator/keyring/keys"),
    "read Nomad's Raft": of_nomad("GET", "/v1/operator/raft/configuration"),
    "read Nomad's configuration": of_nomad("GET", "/v1/agent/self"),
    "take a snapshot of Nomad": of_nomad("GET", "/v1/operator/snapshot"),
    # Nomad asks for no token there (command/agent/metrics_endpoint.go); it has the names of jobs and allocations.
    "read metrics": of_nomad("GET", "/v1/metrics", None, *NOMADS),
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    more = tuple(robbed(kind) for kind in KINDS)
    folder = tmp_path_factory.mktemp("thief")
    with running_cluster(folder, more=more) as running, ExitStack() as stack:
        eventually(lambda: running.clients.nomad(LOOPBACK).leader() or Pending("no leader"), "Nomad's leader")
        ensure(running)
        run_job(running, VICTIM)
        variable = {"Path": "nomad/jobs/victim", "Items": {"password": "canary-variable"}}
        nomad(running).call("PUT", "/v1/var/nomad/jobs/victim", variable)
        stack.enter_context(running_runner(running))
        allocation_of(running, "victim", "running")
        stack.callback(stop_jobs, running)
        yield running


@pytest.fixture(scope="module")
def thieves(cluster: RealCluster) -> dict[Kind, Thief]:
    return {kind: thief_of(cluster, kind) for kind in KINDS}


def prepare(cluster: RealCluster) -> None:
    """Make what attacks read, change and delete."""
    api = consul(cluster)
    api.call("PUT", "/v1/kv/apps/secret", {"value": "hidden"})
    web = service("web") | {"Service": {"Service": "web", "ID": "web-1"}}
    for body in (web, {"Node": "demo-other-1", "Address": "10.1.1.1"}):
        api.call("PUT", "/v1/catalog/register", body)


@pytest.mark.parametrize("name", ATTACKS)
def test_what_user_data_suffices_for(cluster: RealCluster, thieves: dict[Kind, Thief], name: str) -> None:
    def succeeds(who: Thief) -> bool:
        prepare(cluster)
        return ATTACKS[name].succeeds(who)

    assert {kind for kind, thief in thieves.items() if succeeds(thief)} == ATTACKS[name].suffices
    assert succeeds(operator_of(cluster)), "control"


def test_only_the_certificates_of_servers_open_raft(thieves: dict[Kind, Thief]) -> None:
    of_consul = {kind for kind, thief in thieves.items() if thief.joins_consuls_raft()}
    assert of_consul == {Kind.CONSUL_SERVER, Kind.ALL_IN_ONE}
    assert {kind for kind, thief in thieves.items() if thief.joins_nomads_raft()} == set(SERVES)


def gossip_keys(cluster: RealCluster) -> list[str]:
    """The gossip keys of the members; an error while one of them does not answer."""
    found: list[str] = []
    for pool in consul(cluster).call("GET", "/v1/operator/keyring?local-only=true").value:
        found += pool["Keys"]
    return found


def test_the_gossip_key_of_any_node_replaces_that_of_the_cluster_and_status_names_it(
    cluster: RealCluster, tmp_path: Path
) -> None:
    """With an agent of the thief's own, which calls itself a server; the cluster's servers refuse it (above)."""
    ports, own = free_ports(), cluster.bundle.consul_gossip_key
    theirs = base64.b64encode(secrets.token_bytes(32)).decode()
    agent = start_consul_client(cluster, tmp_path, robbed(Kind.INGRESS).name, ports, rogue=True)
    stolen = thief_of(cluster, Kind.INGRESS)
    thief = replace(stolen, consul_port=ports["consul_https"], consul_name="client.demo.consul")
    try:
        joined = f"EventMemberJoin: {agent.name}"
        log = cluster.folder / "consul.log"
        eventually(lambda: joined in log.read_text(encoding="utf-8") or Pending("no member"), "the agent to join")
        assert thief.consul("POST", "/v1/operator/keyring", {"Key": theirs})
        assert thief.consul("PUT", "/v1/operator/keyring", {"Key": theirs})
        assert thief.consul("DELETE", "/v1/operator/keyring", {"Key": own})
        assert gossip_keys(cluster) == [theirs]
        report = observe_cluster(cluster.plan, cluster.droplets, cluster.clients)
        message = next(each.message for each in report.missing if each.name == "keyrings")
        assert "lack the cluster's gossip key" in message
    finally:
        for method, key in (("POST", own), ("PUT", own), ("DELETE", theirs)):
            consul(cluster).call(method, "/v1/operator/keyring", {"Key": key}, accept=frozenset({500}))
        stop(agent.process)
    eventually(lambda: gossip_keys(cluster) == [own] or Pending("not ours"), "the cluster's own key to be back")


# Nomad's RPC before a client is registered, and server-only methods.
METHODS: dict[str, dict[str, Any]] = {
    "Alloc.GetAllocs": {"AllocIDs": []},
    "Job.List": {"Namespace": "default"},
    "Variables.Read": {"Namespace": "default", "Path": "nomad/jobs/victim"},
    "Eval.Dequeue": {"Schedulers": ["service"]},
    "Plan.Submit": {},
    "Node.GetClientAllocs": {"NodeID": "00000000-0000-0000-0000-000000000000"},
}


@pytest.mark.parametrize("method", METHODS)
def test_a_certificate_of_a_client_alone_calls_no_method(thieves: dict[Kind, Thief], method: str) -> None:
    with pytest.raises(RpcError, match="Permission denied"):
        thieves[Kind.NOMAD_CLIENT].rpc(method, METHODS[method])


@pytest.mark.parametrize("method", ["Job.List", "Variables.Read"])
def test_the_same_call_with_a_token_is_answered(
    cluster: RealCluster, thieves: dict[Kind, Thief], method: str
) -> None:
    """Control: those that a token suffices for. The others are for clients and servers."""
    token = cluster.bundle.nomad_management.secret
    assert thieves[Kind.NOMAD_CLIENT].rpc(method, {**METHODS[method], "AuthToken": token})


def test_a_certificate_alone_ends_a_session_whose_id_it_knows(
    cluster: RealCluster, thieves: dict[Kind, Thief]
) -> None:
    """docs/weaknesses.md says it, and the same of intentions of the old kind. Control: a key is refused."""
    api, thief = consul(cluster), thieves[Kind.INGRESS]
    session = api.call("PUT", "/v1/session/create", {"Node": "demo-server-1", "Checks": []}).value["ID"]
    assert api.call("PUT", f"/v1/kv/apps/lock?acquire={session}", {}).value is True
    with pytest.raises(RpcError, match="Permission denied"):
        thief.consul_rpc("Session.Apply", {"Op": "destroy", "Session": {"ID": session}})
    key = {"KV": {"Verb": "delete", "DirEnt": {"Key": "apps/lock"}}}
    (refused,) = thief.consul_rpc("Txn.Apply", {"Ops": [key]})["Errors"]
    assert "Permission denied" in refused["What"]
    end = {"Session": {"Verb": "delete", "Session": {"ID": session}}}
    assert thief.consul_rpc("Txn.Apply", {"Ops": [end]})["Errors"] is None
    other = api.call("PUT", "/v1/session/create", {"Node": "demo-server-1", "Checks": []}).value["ID"]
    assert api.call("PUT", f"/v1/kv/apps/lock?acquire={other}", {}).value is False
    api.call("DELETE", "/v1/kv/apps/lock")
    assert api.call("PUT", f"/v1/kv/apps/lock?acquire={other}", {}).value is True
    names = {"SourceNS": "default", "SourceName": "a", "DestinationNS": "default", "DestinationName": "b"}
    intention = {"ID": random_token().accessor, "SourceType": "consul", "Action": "allow", **names}
    old = {"Op": "create", "Intention": intention}
    assert thief.consul_rpc("Txn.Apply", {"Ops": [{"Intention": old}]})["Errors"] is None


def test_a_certificate_alone_changes_services_by_a_transaction(
    cluster: RealCluster, thieves: dict[Kind, Thief]
) -> None:
    """Over the RPC port: docs/weaknesses.md says it. Consul finds a service by its id, and checks the name."""
    api, thief = consul(cluster), thieves[Kind.INGRESS]
    web = service("web") | {"Service": {"Service": "web", "ID": "web-9", "Port": 80}}
    api.call("PUT", "/v1/catalog/register", web)

    def ids(name: str) -> set[str]:
        return {each["ServiceID"] for each in api.call("GET", f"/v1/catalog/service/{name}").value}

    def apply(verb: str, name: str, **service: object) -> str:
        change = {"Verb": verb, "Node": "demo-server-1", "Service": {"Service": name, **service}}
        errors = thief.consul_rpc("Txn.Apply", {"Ops": [{"Service": change}]})["Errors"]
        return str(errors[0]["What"]) if errors else ""

    assert "Permission denied" in apply("delete", "web", ID="web-9"), "control"
    assert "web-9" in ids("web")
    assert apply("delete", "consul", ID="web-9") == ""
    assert "web-9" not in ids("web")
    assert apply("set", "consul", ID="web-9", Address="10.6.6.6", Port=8300) == ""
    assert "web-9" in ids("consul")
    assert apply("delete", "consul", ID="web-9") == ""


def test_a_servers_certificate_reads_the_keyring_and_a_clients_does_not(
    cluster: RealCluster, thieves: dict[Kind, Thief]
) -> None:
    """The control, and the reason why a server's user-data is as good as the keys of the cluster."""
    key = {"KeyID": next(key.id for key in cluster.clients.nomad(LOOPBACK).signing_keys() if key.active)}
    with pytest.raises(RpcError, match="Permission denied"):
        thieves[Kind.NOMAD_CLIENT].rpc("Keyring.Get", key)
    assert thieves[Kind.NOMAD_SERVER].rpc("Keyring.Get", key)["Key"]


def rogue(name: str) -> dict[str, Any]:
    """A client that exists nowhere."""
    made = random_token()
    return {
        "ID": made.accessor,
        "SecretID": made.secret,
        "Name": name,
        "Datacenter": "demo",
        "Attributes": {"kernel.name": "linux"},
        "Status": "initializing",
    }


def test_by_default_a_clients_certificate_registers_a_client_that_reads_every_jobs_secrets(
    cluster: RealCluster, thieves: dict[Kind, Thief]
) -> None:
    """docs/weaknesses.md says it; the control with "strict" is in test_introduction_real.py."""
    thief, node = thieves[Kind.NOMAD_CLIENT], rogue("demo-nomad-client-9")
    victim = allocation_of(cluster, "victim", "running")
    assert thief.rpc("Node.Register", {"Node": node})["HeartbeatTTL"]
    reply = thief.rpc("Alloc.GetAllocs", {"AllocIDs": [victim["ID"]], "AuthToken": node["SecretID"]})
    (stolen,) = reply["Allocs"]
    (task,) = stolen["Job"]["TaskGroups"][0]["Tasks"]
    assert task["Env"] == {"DB_PASSWORD": "canary-env"}
    identity = stolen["SignedIdentities"]["t"]
    assert replace(thief, nomad_tokens=[identity]).nomad("GET", "/v1/var/nomad/jobs/victim")
    other = {"Namespace": "default", "Path": "nomad/jobs/another", "AuthToken": node["SecretID"]}
    with pytest.raises(RpcError, match="Permission denied"):
        thief.rpc("Variables.Read", other)
    with pytest.raises(RpcError, match="secret ID does not match"):
        thief.rpc("Node.Register", {"Node": {**node, "SecretID": random_token().secret}})
    cluster.clients.nomad(LOOPBACK).purge(node["ID"])
