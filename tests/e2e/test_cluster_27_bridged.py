"""Tasks behind Nomad's bridge stay reachable when docker and the firewall restart; no registry is needed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import pytest

from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import JOBS, PATIENCE, Cluster
from tests.helpers.file_server import served
from tests.helpers.image_tar import fetch_busybox, image_tar

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

CLIENT = "demo-nomad-client-1"
OTHER = "demo-nomad-server-1"
PAGE = b"from behind the bridge\n"
PAUSE = "bakery.invalid/pause:1"


@dataclass(frozen=True, kw_only=True)
class Task:
    """An allocation of one group, and its endpoint on the node."""

    allocation: str
    endpoint: str


@pytest.fixture(scope="module")
def tasks(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Task]]:
    """Both groups of the job, by name, once they run."""
    files = {"/bin/busybox": fetch_busybox(tmp_path_factory.mktemp("busybox")), "/www/index.html": PAGE}
    command = ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]

    def running() -> list[str] | Pending:
        found = cluster.allocations("bridged")
        return [each["ID"] for each in found] if len(found) == 2 else Pending(f"{len(found)} of 2 groups run")

    with served(cluster.operator, {"bridged.tar": image_tar("bakery/bridged:1", files, command=command)}) as base:
        cluster.run_job(JOBS / "bridged.nomad.hcl", f"image_url={base}/bridged.tar", f"node={CLIENT}")
        found = wait_until(running, what="both groups of the job bridged to run", seconds=PATIENCE)
    yield dict(_task(cluster, allocation) for allocation in found)
    cluster.stop_job("bridged")


def _task(cluster: Cluster, allocation: str) -> tuple[str, Task]:
    shown = cluster.nomad_json("alloc", "status", "-json", allocation)
    (port,) = shown["AllocatedResources"]["Shared"]["Ports"]
    return shown["TaskGroup"], Task(allocation=allocation, endpoint=f"{port['HostIP']}:{port['Value']}")


def wait_reached(cluster: Cluster, tasks: Mapping[str, Task], *, after: str) -> None:
    """Wait until another droplet gets the page of each task."""
    for group, task in tasks.items():
        fetch = f"curl --silent --fail --max-time 5 http://{task.endpoint}/"
        look = partial(cluster.reads, OTHER, fetch)
        page = wait_until(look, what=f"{group} to answer after {after}", seconds=PATIENCE)
        assert page.encode() + b"\n" == PAGE


def test_a_container_behind_the_bridge_needs_no_registry(cluster: Cluster, tasks: Mapping[str, Task]) -> None:
    """The image that holds its network comes from the snapshot."""
    wait_reached(cluster, tasks, after="its start")
    held = cluster.inside(CLIENT, "docker ps --filter name=nomad_init --format '{{.Image}}'").stdout.split()
    assert held == [PAUSE]


def test_a_task_reaches_itself_by_the_address_of_its_service(cluster: Cluster, tasks: Mapping[str, Task]) -> None:
    looks = {"exec": ("/usr/bin/curl", "-sSf", "-m", "5"), "docker": ("/bin/busybox", "wget", "-T", "5", "-qO-")}
    for group, task in tasks.items():
        page = cluster.tool(
            "nomad",
            "alloc",
            "exec",
            "-t=false",
            "-i=false",
            task.allocation,
            *looks[group],
            f"http://{task.endpoint}/",
        ).stdout
        assert page.encode() == PAGE, group


def test_the_firewalls_reload_cuts_nothing_off(cluster: Cluster, tasks: Mapping[str, Task]) -> None:
    cluster.inside(CLIENT, "systemctl reload bakery-firewall")
    wait_reached(cluster, tasks, after="a reload of the firewall")


def test_a_restart_of_docker_cuts_nothing_off(cluster: Cluster, tasks: Mapping[str, Task]) -> None:
    cluster.inside(CLIENT, "systemctl restart docker")
    wait_reached(cluster, tasks, after="a restart of docker")


def test_nomads_clean_up_cannot_remove_the_image(cluster: Cluster, tasks: Mapping[str, Task]) -> None:
    """It calls docker with the image's id and force, three minutes after the last use."""
    cluster.stop_job("bridged")
    images = "docker images --no-trunc --quiet"
    wait_until(
        lambda: (
            True
            if not cluster.inside(CLIENT, "docker ps --all --quiet --filter name=nomad_init").stdout
            else Pending("the container that held its network is left")
        ),
        what="the job to end",
        seconds=PATIENCE,
    )
    refused = cluster.inside(CLIENT, f"docker rmi --force $({images} {PAUSE})", check=False)
    assert "dependent child" in refused.stderr
    cluster.inside(CLIENT, f"docker rmi --force $({images} bakery/bridged:1)")  # control: another image
    # The same for the weekly clean-up.
    cluster.inside(CLIENT, "systemctl start bakery-images")
    assert cluster.inside(CLIENT, f"{images} {PAUSE}").stdout
