"""Drains of real Nomad clients: a disk that is copied, batch work that is killed, work that fits nowhere else."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from bakery.agents.model import Allocation, NomadNode
from bakery.config.paths import state_paths
from bakery.errors import DeadlineError
from bakery.launch.base.session import Session
from bakery.launch.teardown import moving
from bakery.launch.teardown.moving import move_work
from bakery.wait import Pending
from tests.helpers.fake_cloud import FakeCloud
from tests.helpers.real_agents import tasks_below
from tests.helpers.real_servers import RealServers, close_acls, eventually, running_servers

pytestmark = pytest.mark.integration

NAMES = ("demo-nomad-client-1", "demo-nomad-client-2")
MEGABYTES = 60
WRITES_ONCE = f"""
set -eu
data="$NOMAD_ALLOC_DIR/data"
if [ ! -e "$data/whole" ]; then
  head -c {MEGABYTES}000000 /dev/urandom >"$data/big"
  touch "$data/whole"
fi
sleep 600
"""


class Clients:
    """Two real Nomad clients, and the jobs that run on them."""

    def __init__(self, servers: RealServers, folder: Path) -> None:
        self.servers = servers
        self.nomad = servers.nomad(1)
        self.session = Session(
            cloud=FakeCloud(), cluster="demo", paths=state_paths(folder / "bakery.yaml", "demo")
        )

    def node(self, name: str) -> NomadNode:
        (found,) = [node for node in self.nomad.nodes() if node.name == name]
        return found

    def run(self, job: str, script: str, *, kind: str = "service", disk: bool = False) -> None:
        """Run a shell script as a job. It is healthy as soon as it runs."""
        task = {
            "Name": "task",
            "Driver": "raw_exec",
            "Config": {"command": "/bin/sh", "args": ["-c", script]},
            "Resources": {"CPU": 20, "MemoryMB": 30},
            "KillTimeout": 1_000_000_000,
        }
        group: dict[str, Any] = {"Name": "group", "Count": 1, "Tasks": [task], "Networks": []}
        if kind == "service":
            group["Migrate"] = {"MaxParallel": 1, "HealthCheck": "task_states", "MinHealthyTime": 500_000_000}
        if disk:
            group["EphemeralDisk"] = {"Sticky": True, "Migrate": True, "SizeMB": 2 * MEGABYTES}
        value: dict[str, Any] = {
            "ID": job,
            "Name": job,
            "Type": kind,
            "Datacenters": ["demo"],
            "TaskGroups": [group],
        }
        if kind == "service":
            value["Update"] = {"HealthCheck": "task_states", "MinHealthyTime": 500_000_000, "MaxParallel": 1}
        self.servers.http("nomad", 1).call("POST", "/v1/jobs", {"Job": value})

    def running(self, job: str) -> Allocation:
        def find() -> Allocation | Pending:
            found = [each for each in self.nomad.job_allocations(job, "default") if each.status == "running"]
            ready = [each for each in found if each.healthy or each.job_type == "batch"]
            return ready[0] if ready else Pending(str(found))

        return eventually(find, f"{job} to run")

    def file(self, allocation: Allocation, name: str) -> Path:
        data = self.servers.folder / f"nomad-data-{allocation.node_name}"
        return data / "alloc" / allocation.id / "alloc" / "data" / name

    def drain(self, name: str, seconds: int, *announced: str) -> None:
        move_work(self.session, self.nomad, (self.node(name),), seconds, announced)

    def clean_up(self) -> None:
        """A client that is killed leaves the mounts and executors of its tasks behind."""
        http = self.servers.http("nomad", 1)
        for job in ("web", "report", "disk"):
            http.call("DELETE", f"/v1/job/{job}?purge=true", accept=frozenset({404}))
        for name in NAMES:
            node = self.node(name)

            def stopped(node: NomadNode = node) -> bool | Pending:
                left = [each for each in self.nomad.allocations(node.id) if each.is_live]
                return Pending(str(left)) if left else True

            eventually(stopped, "the jobs to stop")
            self.nomad.set_eligible(node.id)
            http.call("GET", f"/v1/client/gc?node_id={node.id}")
        eventually(lambda: Pending("mounted") if tasks_below(self.servers.folder) else True, "garbage to go")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServers]:
    with running_servers(tmp_path_factory.mktemp("drain")) as running:
        close_acls(running, NAMES)
        config = running.nomad_client()
        config |= {"plugin": [{"raw_exec": [{"config": [{"enabled": True}]}]}]}
        for number, name in enumerate(NAMES, 9):
            running.start_nomad(name, f"127.77.0.{number}", config)
        try:
            yield running
        finally:
            for name in NAMES:
                running.end("nomad", name)


@pytest.fixture
def clients(servers: RealServers, tmp_path: Path) -> Iterator[Clients]:
    clients = Clients(servers, tmp_path)

    def ready() -> bool | Pending:
        found = {node.name for node in clients.nomad.nodes() if node.status == "ready" and node.eligible}
        return True if found >= set(NAMES) else Pending(str(found))

    eventually(ready, "both clients")
    yield clients
    clients.clean_up()


def test_a_disk_is_whole_on_the_other_client_when_the_drain_is_done(clients: Clients) -> None:
    clients.run("disk", WRITES_ONCE, disk=True)
    before = clients.running("disk")
    eventually(lambda: clients.file(before, "whole").exists() or Pending("not written"), "the file")
    written = sha256(clients.file(before, "big").read_bytes()).hexdigest()
    clients.drain(before.node_name, 60)
    after = clients.running("disk")
    assert after.node_name != before.node_name
    assert sha256(clients.file(after, "big").read_bytes()).hexdigest() == written
    assert [each for each in clients.nomad.allocations(clients.node(before.node_name).id) if each.is_live] == []


def test_batch_work_that_the_deadline_kills_is_named(clients: Clients) -> None:
    clients.run("report", "sleep 600", kind="batch")
    name = clients.running("report").node_name
    with pytest.raises(DeadlineError) as caught:
        clients.drain(name, 2)
    assert caught.value.details == f"report.group on {name}: batch work was killed at the deadline"
    assert clients.node(name).last_drain == "complete", "what LastDrain alone would show"
    clients.drain(name, 2)  # the rerun: nothing is left to lose


def test_batch_work_that_was_announced_is_killed_and_ends_no_drain(clients: Clients) -> None:
    clients.run("report", "sleep 600", kind="batch")
    name = clients.running("report").node_name
    clients.drain(name, 2, "report.group")
    assert not [each for each in clients.nomad.allocations(clients.node(name).id) if each.is_live]


def test_batch_work_that_ends_in_time_is_waited_for(clients: Clients) -> None:
    clients.run("report", "sleep 3", kind="batch")
    clients.drain(clients.running("report").node_name, 60)
    assert [each.status for each in clients.nomad.job_allocations("report", "default")] == ["complete"]


def test_a_cancelled_drain_kills_nothing_and_the_client_stays_ineligible(clients: Clients) -> None:
    clients.run("report", "sleep 600", kind="batch")
    node = clients.node(clients.running("report").node_name)
    clients.nomad.drain(node.id, seconds=600)
    assert clients.node(node.name).draining
    clients.nomad.cancel_drain(node.id)
    after = clients.node(node.name)
    assert (after.draining, after.eligible, after.last_drain) == (False, False, "canceled")
    assert clients.running("report").node_name == node.name


def test_work_that_fits_nowhere_else_is_named_and_comes_back(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "GRACE_SECONDS", 8)
    clients.run("web", "sleep 600")
    name = clients.running("web").node_name
    (other,) = set(NAMES) - {name}
    clients.nomad.set_ineligible(clients.node(other).id)
    with pytest.raises(DeadlineError) as caught:
        clients.drain(name, 2)
    assert caught.value.details == "web.group: its evaluation is blocked, not enough room (no eligible client)"
    assert clients.node(name).last_drain == "complete", "what LastDrain alone would show"
    clients.nomad.set_eligible(clients.node(name).id)
    assert clients.running("web").node_name == name


def test_what_a_client_has_left_shrinks_with_its_work(clients: Clients) -> None:
    before = clients.nomad.free_resources()
    clients.run("web", "sleep 600")
    node = clients.node(clients.running("web").node_name)
    left, had = clients.nomad.free_resources()[node.id], before[node.id]
    assert (had.cpu_mhz - left.cpu_mhz, had.memory_mb - left.memory_mb) == (20, 30)
    assert left.memory_mb > 100


def test_a_dynamic_host_volume_is_listed_on_its_client(clients: Clients) -> None:
    node = clients.node(NAMES[0])
    assert clients.nomad.host_volumes(node.id) == ()
    capability = {"AccessMode": "single-node-writer", "AttachmentMode": "file-system"}
    volume = {
        "Name": "uploads",
        "NodeID": node.id,
        "PluginID": "mkdir",
        "RequestedCapabilities": [capability],
    }
    http = clients.servers.http("nomad", 1)
    made = http.call("PUT", "/v1/volume/host/create", {"Volume": volume}).value
    try:
        assert clients.nomad.host_volumes(node.id) == ("uploads",)
        assert clients.nomad.host_volumes(clients.node(NAMES[1]).id) == ()
    finally:
        http.call("DELETE", f"/v1/volume/host/{made['Volume']['ID']}/delete")
