"""What a droplet gives to jobs beside its programs: networks behind Nomad's bridge, and its own name."""

from collections.abc import Iterator
from typing import Any

import pytest

from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import JOBS, PATIENCE, Cluster
from tests.helpers.firewalls_e2e import without_host_firewall

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

OTHER = "demo-nomad-server-1"
INSIDE, OUTSIDE = "10.100.15.99", "192.0.2.2"
"""Addresses of the neighbour: one of the VPC, in which no droplet has it, and one of no network of the node's."""


@pytest.fixture(scope="module")
def bridged(cluster: Cluster) -> Iterator[dict[str, Any]]:
    """The one allocation of the job, running."""
    cluster.run_job(JOBS / "bridge.nomad.hcl")

    def running() -> dict[str, Any] | Pending:
        found = cluster.allocations("bridge")
        if not found:
            return Pending(cluster.tool("nomad", "job", "status", "bridge").stdout)
        allocation: dict[str, Any] = cluster.nomad_json("alloc", "status", "-json", found[0]["ID"])
        return allocation

    yield wait_until(running, what="the job bridge to run", seconds=PATIENCE)
    cluster.stop_job("bridge")


def test_every_client_offers_bridge_mode(cluster: Cluster) -> None:
    for node in cluster.nomad_json("node", "status", "-json"):
        shown = cluster.nomad_json("node", "status", "-json", node["ID"])
        assert {network["Mode"] for network in shown["NodeResources"]["Networks"]} == {"bridge", "host"}


def test_a_job_behind_the_bridge_is_placed_and_answers(cluster: Cluster, bridged: dict[str, Any]) -> None:
    """From another droplet, by the port of the node. The test below tries the task's own address."""
    (port,) = bridged["AllocatedResources"]["Shared"]["Ports"]
    assert port["To"] == 8080
    node = cluster.droplet(bridged["NodeName"])

    def page() -> str | Pending:
        return cluster.reads(OTHER, f"curl -sS -m 5 http://{node.private}:{port['Value']}/")

    said = wait_until(page, what="an answer from behind the bridge", seconds=PATIENCE)
    assert said == f"behind the bridge of {node.name}"
    refused = cluster.inside(OTHER, f"curl -sS -m 5 http://{node.private}:8080/", check=False)
    assert refused.returncode in {7, 28}, "control: 8080 is the port inside"


@pytest.fixture
def neighbour(cluster: Cluster, bridged: dict[str, Any]) -> Iterator[str]:
    """A host beside the node that sends packets through it; yields the command that runs a program there.

    It has an address of the VPC and another one. It is a namespace on the node, with a link of its own: the
    emulated network routes each packet by its destination, so another droplet cannot send one through a node.
    """
    node = bridged["NodeName"]
    cluster.inside(node, _NEIGHBOUR)
    yield "ip netns exec neighbour"
    cluster.inside(node, "ip netns delete neighbour")


_NEIGHBOUR = f"""set -e
ip netns add neighbour
ip link add neighbour type veth peer name eth0 netns neighbour
ip address add 192.0.2.1/30 dev neighbour
ip link set neighbour up
ip -n neighbour address add {OUTSIDE}/30 dev eth0
ip -n neighbour link set eth0 up
ip -n neighbour address add {INSIDE}/32 dev eth0
ip route add {INSIDE}/32 dev neighbour
ip -n neighbour route add default via 192.0.2.1"""


def test_another_host_does_not_reach_it_at_its_own_address(
    cluster: Cluster, bridged: dict[str, Any], neighbour: str
) -> None:
    """By a route through the node: Nomad accepts every packet to its bridge (networking_bridge_linux.go)."""
    node, address = cluster.droplet(bridged["NodeName"]), bridged["NetworkStatus"]["Address"]
    (port,) = bridged["AllocatedResources"]["Shared"]["Ports"]

    def reaches(where: str, source: str = INSIDE) -> bool:
        fetch = f"{neighbour} curl -sS -m 3 -o /dev/null --interface {source} http://{where}/"
        return cluster.inside(node.name, fetch, check=False).returncode == 0

    published = f"{node.private}:{port['Value']}"
    assert reaches(published), "control: the published port"
    assert not reaches(published, OUTSIDE), "a dynamic port is open to the VPC"
    assert not reaches(f"{address}:8080")
    with without_host_firewall(cluster, node.name):
        assert reaches(f"{address}:8080"), "control: without the firewall"
        assert reaches(published, OUTSIDE), "control: without the firewall"
    assert not reaches(f"{address}:8080")


def test_consul_sees_it_pass_its_check(cluster: Cluster, bridged: dict[str, Any]) -> None:
    """Its agent asks from the node itself, by the mapped port."""

    def passing() -> str | Pending:
        said = cluster.tool("consul", "catalog", "nodes", "-service=bridge").stdout
        nodes = [line.split()[0] for line in said.splitlines()[1:]]
        healthy = cluster.reads(bridged["NodeName"], _RESOLVES)
        return "yes" if nodes == [bridged["NodeName"]] and healthy == "1" else Pending(f"{nodes}, {healthy}")

    wait_until(passing, what="the service bridge to pass", seconds=PATIENCE)


# An A question to the node's own agent counts the instances that pass.
_RESOLVES = r"""python3 - <<'PYTHON'
import socket, struct
query = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0)
query += b"".join(bytes([len(part)]) + part.encode() for part in "bridge.service.consul".split("."))
query += b"\0" + struct.pack(">2H", 1, 1)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
    udp.settimeout(10)
    udp.sendto(query, ("127.0.0.1", 8600))
    print(struct.unpack(">H", udp.recv(4096)[6:8])[0])
PYTHON"""


def test_a_droplet_knows_its_own_name_also_after_the_seal(cluster: Cluster) -> None:
    """As at DigitalOcean, whose vendor-data has cloud-init write /etc/hosts: it stays on disk."""
    for droplet in cluster.droplets("bakery:demo"):
        done = cluster.inside(
            droplet.name, "test -e /etc/cloud/cloud-init.disabled && hostname -f && getent hosts $(hostname)"
        )
        name, address = done.stdout.splitlines()
        assert (name, address.split()[0]) == (droplet.name, "127.0.1.1")
