"""What a change of nodes asks of real agents: autopilot's settings, sessions and locks, a client and its work."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bakery.agents.model import Allocation, LockHolder, NomadNode, Resources, TaskGroup
from bakery.config.defaults import TESTED_NOMAD_VERSION
from bakery.errors import AgentError
from bakery.wait import Pending
from tests.helpers.real_agents import tasks_below
from tests.helpers.real_servers import RealServers, close_acls, eventually, running_servers

pytestmark = pytest.mark.integration

LOCK = "bakery/lock"
ANN, BEN = "ann@laptop: bakery roll", "ben@desk: bakery scale"
CLIENT = "demo-nomad-client-1"
GROUP = TaskGroup(
    name="front",
    count=1,
    max_parallel=1,
    shutdown_delay_seconds=2.0,
    sticky_disk=True,
    migrates_disk=True,
    host_volumes=("uploads",),
    has_services=False,
)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServers]:
    with running_servers(tmp_path_factory.mktemp("change")) as running:
        yield running


@pytest.mark.parametrize("product", ["consul", "nomad"])
def test_min_quorum_changes_and_every_other_setting_stays(servers: RealServers, product: str) -> None:
    agent: Any = servers.consul(1) if product == "consul" else servers.nomad(1)
    other: Any = servers.consul(2) if product == "consul" else servers.nomad(2)
    path = "/v1/operator/autopilot/configuration"
    http = servers.http(product, 1)
    changed = http.call("GET", path).value | {"MaxTrailingLogs": 300, "ServerStabilizationTime": "7s"}
    http.call("PUT", path, changed)
    before = http.call("GET", path).value
    assert (agent.min_quorum(), before["MaxTrailingLogs"], before["ServerStabilizationTime"]) == (0, 300, "7s")

    assert agent.set_min_quorum(3)
    assert not agent.set_min_quorum(3)
    assert eventually(lambda: other.min_quorum() == 3 or Pending("not yet"), "another server to know")
    after = http.call("GET", path).value
    assert after == before | {"MinQuorum": 3, "ModifyIndex": after["ModifyIndex"]}
    assert agent.set_min_quorum(0)


def test_a_lock_has_one_holder_whom_everybody_can_read(servers: RealServers) -> None:
    consul, elsewhere = servers.consul(1), servers.consul(2)
    first = consul.create_session("bakery", node="demo-server-1", ttl_seconds=60)
    second = elsewhere.create_session("bakery", node="demo-server-2", ttl_seconds=60)
    assert consul.lock_holder(LOCK) is None
    assert consul.acquire_lock(LOCK, first, ANN)
    assert consul.acquire_lock(LOCK, first, ANN)  # a rerun of the holder
    assert not elsewhere.acquire_lock(LOCK, second, BEN)
    assert not elsewhere.release_lock(LOCK, second)
    assert elsewhere.lock_holder(LOCK) == LockHolder(session=first, holder=ANN)
    assert consul.renew_session(first)
    assert consul.release_lock(LOCK, first)
    assert elsewhere.lock_holder(LOCK) is None
    assert elsewhere.acquire_lock(LOCK, second, BEN)  # given back, not lost: no lock delay
    assert consul.lock_holder(LOCK) == LockHolder(session=second, holder=BEN)
    for session in (first, second, second):
        consul.destroy_session(session)


def test_a_session_that_has_ended_holds_nothing(servers: RealServers) -> None:
    consul = servers.consul(1)
    session = consul.create_session("bakery", node="demo-server-1", ttl_seconds=60)
    assert consul.acquire_lock("bakery/another", session, ANN)
    consul.destroy_session(session)
    assert not consul.renew_session(session)
    assert consul.lock_holder("bakery/another") is None
    other = consul.create_session("bakery", node="demo-server-2", ttl_seconds=60)
    assert not consul.acquire_lock("bakery/another", other, BEN)  # the lock delay: it was not given back
    consul.destroy_session(other)
    with pytest.raises(AgentError) as caught:
        consul.acquire_lock("bakery/third", session, ANN)
    assert "invalid session" in caught.value.full_message


def test_a_session_ends_with_its_node(servers: RealServers) -> None:
    """Why a change of nodes chooses a node that stays. Control: with another node deregistered it lives."""
    consul = servers.consul(1)
    agent: Any = consul
    for name in ("goes", "another"):
        body = {"Node": name, "Address": "127.77.0.99"}
        agent._http.call("PUT", "/v1/catalog/register", body)
    session = consul.create_session("bakery", node="goes", ttl_seconds=60)
    consul.deregister_node("another")
    assert consul.renew_session(session)
    consul.deregister_node("goes")
    assert not consul.renew_session(session)


@pytest.fixture(scope="module")
def client(servers: RealServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NomadNode]:
    """A Nomad client that runs processes of its own user and has a host volume. Nothing of its work stays."""
    close_acls(servers, [CLIENT])
    config = servers.nomad_client()
    folder = str(tmp_path_factory.mktemp("uploads"))
    config["client"] |= {"host_volume": [{"uploads": [{"path": folder, "read_only": False}]}]}
    config |= {"plugin": [{"raw_exec": [{"config": [{"enabled": True}]}]}]}
    servers.start_nomad(CLIENT, "127.77.0.9", config)

    def ready() -> NomadNode | Pending:
        found = [node for node in servers.nomad(1).nodes() if (node.name, node.status) == (CLIENT, "ready")]
        return found[0] if found else Pending("not ready")

    node = eventually(ready, "the client")
    try:
        yield node
    finally:
        stop_job(servers, node)
        servers.end("nomad", CLIENT)


def test_a_client_reports_the_version_that_runs(client: NomadNode) -> None:
    assert client.version == TESTED_NOMAD_VERSION


def stop_job(servers: RealServers, client: NomadNode) -> None:
    servers.http("nomad", 1).call("DELETE", "/v1/job/web?purge=true")

    def stopped() -> bool | Pending:
        left = [each for each in servers.nomad(1).allocations(client.id) if each.status in ("pending", "running")]
        return Pending(str(left)) if left else True

    eventually(stopped, "the job to stop")
    # A client that is killed leaves the mounts and executors of its tasks behind.
    servers.http("nomad", 1).call("GET", f"/v1/client/gc?node_id={client.id}")
    eventually(lambda: Pending("mounted") if tasks_below(servers.folder) else True, "the task to be garbage")


def run_job(servers: RealServers) -> None:
    """A job with all that a warning names, which is healthy as soon as it runs."""
    task = {"Name": "sleep", "Driver": "raw_exec", "Config": {"command": "/bin/sleep", "args": ["600"]}}
    group = {
        "Name": "front",
        "Count": 1,
        "ShutdownDelay": 2_000_000_000,
        "EphemeralDisk": {"Sticky": True, "Migrate": True, "SizeMB": 110},
        "Volumes": {"uploads": {"Name": "uploads", "Type": "host", "Source": "uploads"}},
        "Tasks": [task | {"Resources": {"CPU": 20, "MemoryMB": 10}}],
        "Networks": [],
    }
    update = {"HealthCheck": "task_states", "MinHealthyTime": 0, "MaxParallel": 1, "Stagger": 1_000_000_000}
    job = {"ID": "web", "Name": "web", "Type": "service", "Datacenters": ["demo"], "Update": update}
    servers.http("nomad", 1).call("POST", "/v1/jobs", {"Job": job | {"TaskGroups": [group]}})


def test_the_work_of_a_client_is_told_with_what_a_warning_needs(servers: RealServers, client: NomadNode) -> None:
    run_job(servers)

    def runs() -> Allocation | Pending:
        found = servers.nomad(2).allocations(client.id)
        return found[0] if found and found[0].healthy else Pending(str(found))

    allocation = eventually(runs, "the job to be healthy")
    assert replace(allocation, id="") == Allocation(
        id="",
        job="web",
        job_type="service",
        status="running",
        desired="run",
        namespace="default",
        healthy=True,
        group=GROUP,
        group_name="front",
        node_name=CLIENT,
        resources=Resources(cpu_mhz=20, memory_mb=10),
        datacenters=("demo",),
    )


def test_a_client_gets_no_new_work_and_then_gets_it_again(servers: RealServers, client: NomadNode) -> None:
    def eligible() -> bool:
        (found,) = [node for node in servers.nomad(1).nodes() if node.id == client.id]
        return found.eligible

    assert eligible()
    servers.nomad(2).set_ineligible(client.id)
    assert not eligible()
    servers.nomad(2).set_ineligible(client.id)  # twice is no error
    assert [one.desired for one in servers.nomad(1).allocations(client.id)] == ["run"]
    servers.nomad(2).set_eligible(client.id)
    assert eligible()


def test_an_unknown_client_is_an_error(servers: RealServers, tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="refused POST"):
        servers.nomad(1).set_ineligible("00000000-0000-4000-8000-000000000000")
