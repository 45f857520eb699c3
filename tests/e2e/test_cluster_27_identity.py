"""Workload identity on droplets that boot: what a job may read of Consul; a rotated key is seen and mended."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from bakery.errors import ExitCode
from bakery.proc import Completed
from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import JOBS, PATIENCE, ROOT, Cluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SAMPLE = ROOT / "examples" / "read-consul.nomad.hcl"
RENDERS = 10.0
"""Seconds from the submission of the sample to the end of its task."""
REFUSED = "Unexpected response code: 403"


def _submit(cluster: Cluster, job: str, file: Path, status: str, *, seconds: float = PATIENCE) -> str:
    """Run the job and return the id of its allocation with that status."""
    cluster.run_job(file)

    def found() -> str | Pending:
        allocations = cluster.nomad_json("job", "allocs", "-json", job)
        done = [each["ID"] for each in allocations if each["ClientStatus"] == status]
        return done[0] if done else Pending(json.dumps([each["TaskStates"] for each in allocations]))

    return wait_until(found, what=f"an allocation of {job} to be {status}", seconds=seconds, every=0.5)


def _healthy_instances(cluster: Cluster) -> int:
    """Wait until every running instance of the demo's service passes its check, and return how many there are."""

    def healthy() -> int | Pending:
        running = cluster.allocations("web")
        passing = [each for each in running if (each["DeploymentStatus"] or {}).get("Healthy")]
        return len(running) if running and len(passing) == len(running) else Pending(f"{len(passing)} healthy")

    return wait_until(healthy, what="web to be healthy", seconds=PATIENCE)


def test_a_template_reads_a_key_and_the_addresses_of_a_service_within_seconds(
    cluster: Cluster, tmp_path: Path
) -> None:
    """The example, with the demo's service."""
    instances = _healthy_instances(cluster)
    file = tmp_path / "job.hcl"
    file.write_text(SAMPLE.read_text(encoding="utf-8").replace('service "hello"', 'service "web"'))
    cluster.tool("consul", "kv", "put", "apps/greeting", "hello")
    try:
        allocation = _submit(cluster, "read-consul", file, "complete", seconds=RENDERS)
        said = cluster.tool("nomad", "alloc", "logs", allocation).stdout.split()
    finally:
        cluster.stop_job("read-consul")
    assert said[0] == "hello"
    assert said[1::2] == ["server"] * instances
    clients = {droplet.private for droplet in cluster.droplets("bakery:demo:role:nomad-client")}
    assert {each.split(":")[0] for each in said[2::2]} <= clients


@pytest.fixture(scope="module")
def task(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster as a task sees Consul: with the token of a running task, and the operator's certificate.

    A task itself has no certificate, so it could use its token on no API of Consul.
    """
    allocation = _submit(cluster, "holder", JOBS / "holder.nomad.hcl", "running")
    shown = cluster.nomad_json("alloc", "status", "-json", allocation)
    path = f"/opt/nomad/alloc/{allocation}/sleep/secrets/consul_token"
    token = cluster.inside(shown["NodeName"], f"cat {path}").stdout.strip()
    seen = replace(cluster)
    seen.__dict__["env"] = MappingProxyType({**cluster.env, "CONSUL_HTTP_TOKEN": token})
    yield seen
    cluster.stop_job("holder")


def _intrude(cluster: Cluster) -> Completed:
    return cluster.tool("consul", "services", "register", "-name=web", "-id=intruder", "-port=4711", check=False)


def test_a_task_reads_services_nodes_and_keys_of_apps(cluster: Cluster, task: Cluster) -> None:
    cluster.tool("consul", "kv", "put", "apps/greeting", "hello")
    assert task.tool("consul", "kv", "get", "apps/greeting").stdout.strip() == "hello"
    assert task.tool("consul", "catalog", "nodes").stdout == cluster.tool("consul", "catalog", "nodes").stdout
    assert "web" in task.tool("consul", "catalog", "services").stdout.split()


def test_a_task_writes_no_key_reads_no_other_and_registers_no_service(cluster: Cluster, task: Cluster) -> None:
    """Each refusal has its control: the same command with the operator's token."""
    commands = (
        ("kv", "put", "apps/greeting", "hello"),
        ("kv", "put", "shop/secret", "x"),
        ("kv", "get", "shop/secret"),
    )
    for words in commands:
        assert cluster.tool("consul", *words).returncode == 0
        refused = task.tool("consul", *words, check=False)
        assert REFUSED in refused.stdout + refused.stderr, words
    refused = _intrude(task)
    assert REFUSED in refused.stdout + refused.stderr
    assert _intrude(cluster).returncode == 0
    cluster.tool("consul", "services", "deregister", "-id=intruder")
    cluster.tool("consul", "kv", "delete", "shop/secret")


def test_a_key_rotated_behind_bakerys_back_is_seen_and_the_next_launch_mends_it(
    cluster: Cluster, task: Cluster
) -> None:
    cluster.tool("nomad", "operator", "root", "keyring", "rotate", "-now")
    shown = cluster.bakery("status", "--local", "--json", check=False)
    assert shown.returncode == ExitCode.CHECKS
    (unmet,) = [each for each in json.loads(shown.stdout)["conditions"] if each["state"] != "ok"]
    assert unmet["name"] == "workload-identity"
    assert unmet["help"] == "to give Consul the key: bakery launch"
    try:
        failed = _submit(cluster, "read-consul", SAMPLE, "failed")
        events = json.dumps(cluster.nomad_json("alloc", "status", "-json", failed)["TaskStates"])
        assert "no known key successfully validated the token signature" in events
        assert task.tool("consul", "catalog", "nodes").stdout  # a task that runs keeps its token
    finally:
        cluster.stop_job("read-consul")
        cluster.bakery("launch", "--local", "--yes")
    assert cluster.bakery("status", "--local").returncode == 0
    try:
        _submit(cluster, "read-consul", SAMPLE, "complete", seconds=RENDERS)
    finally:
        cluster.stop_job("read-consul")
