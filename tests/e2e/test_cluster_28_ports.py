"""Ports that the cluster file opens for jobs, from outside and from the VPC.

The demo's cluster file opens 80/tcp and 8080/tcp to everyone and 8081/tcp to the VPC on the clients. One job
listens on 8080, on 8081, and on 8082, which the file does not name.
"""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bakery.proc import run
from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import JOBS, PATIENCE, Cluster, Droplet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

CLIENT = "demo-nomad-client-1"
OTHERS = ("demo-nomad-client-2", "demo-nomad-server-1")
# By hand: what the job listens on, and what the cluster file and the table in docs/architecture.md open there.
FROM_OUTSIDE = {8080}
FROM_THE_VPC = {8080, 8081}
# Ports of bakery's agents and of services that people leave open; a client's own API, 4646, is for the VPC.
SCANNED = (
    22,
    53,
    80,
    111,
    443,
    2375,
    4646,
    4647,
    4648,
    8080,
    8081,
    8082,
    8300,
    8301,
    8500,
    8501,
    8600,
    20000,
    25000,
)


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[Droplet]:
    """The client on which the job listens."""
    cluster.run_job(JOBS / "ports.nomad.hcl", f"node={CLIENT}")

    def running() -> bool | Pending:
        page = cluster.reads(CLIENT, "ss -Hltn | grep -c ':808[012] '")
        return True if page == "3" else Pending(f"listeners: {page}")

    wait_until(running, what="the job to listen on three ports", seconds=PATIENCE)
    yield cluster.droplet(CLIENT)
    cluster.stop_job("ports")


def opens(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=3):
            return True
    except OSError:
        return False


def test_from_outside_only_the_ports_for_everyone_are_open(client: Droplet) -> None:
    """A scan; control: 8080 is found, and 8081 and 8082 have listeners."""
    with ThreadPoolExecutor(max_workers=len(SCANNED)) as pool:
        found = dict(zip(SCANNED, pool.map(lambda port: opens(client.public, port), SCANNED), strict=True))
    assert {port for port, is_open in found.items() if is_open} == FROM_OUTSIDE


@pytest.mark.parametrize("name", OTHERS)
def test_from_the_vpc_those_for_the_vpc_are_open_too(cluster: Cluster, client: Droplet, name: str) -> None:
    """From another client and from a server, at the client's VPC address. Port 8080 is bound to the public one."""
    script = "; ".join(
        f"timeout 3 bash -c '</dev/tcp/{address}/{port}' 2>/dev/null && echo {port}"
        for address, port in ((client.public, 8080), (client.private, 8081), (client.private, 8082))
    )
    said = cluster.inside(name, f"{script}; true").stdout.split()
    assert {int(port) for port in said} == FROM_THE_VPC


def test_consul_names_the_public_address_of_the_service(cluster: Cluster, client: Droplet) -> None:
    """host_network = "public" of the job's port. DNS names only instances whose check passes."""
    server = cluster.droplet("demo-consul-server-1").public
    question = ["dig", f"@{server}", "-p", "8600", "+short", "+tries=3", "+time=2", "ports-public.service.consul"]

    def named() -> str | Pending:
        said = run(question, check=False).stdout.strip()
        return said or Pending("no address")

    assert wait_until(named, what="ports-public in DNS", seconds=PATIENCE) == client.public
