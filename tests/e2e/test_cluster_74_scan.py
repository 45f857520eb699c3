"""Scans of every kind of node from outside, from another node and from tasks, against tables written by hand.

test_cluster_28_ports has the ports that the cluster file opens for jobs.
"""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bakery.config.model import Kind
from bakery.plan.ports import Source, ports_of
from tests.helpers.cluster_e2e import Cluster
from tests.helpers.firewalls_e2e import BOTH_KEEP_CLOSED, reached_without
from tests.helpers.hostile_job import Try, outcomes

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

# One node of each kind, and one that scans them.
NODES = {
    Kind.CONSUL_SERVER: "demo-consul-server-2",
    Kind.NOMAD_SERVER: "demo-nomad-server-2",
    Kind.NOMAD_CLIENT: "demo-nomad-client-3",
}
SCANNER = "demo-nomad-client-2"
# TCP, by hand: what accepts a connection. Nothing listens on the ports that the cluster file opens for jobs.
FROM_OUTSIDE = {
    Kind.CONSUL_SERVER: {8501, 8600},
    Kind.NOMAD_SERVER: {4646},
    Kind.NOMAD_CLIENT: set[int](),
}
FROM_THE_VPC = {
    Kind.CONSUL_SERVER: {8300, 8301, 8501, 8600},
    Kind.NOMAD_SERVER: {4646, 4647, 4648, 8301},
    Kind.NOMAD_CLIENT: {4646, 8301},
}
# From a task on the node: with its network, and behind Nomad's bridge, by the node's address in the VPC.
ON_THE_OWN_NODE = {"host": {53, 4646, 8301, 8600}, "bridge": {53, 4646, 8600}}
# By 127.0.0.1: with the node's network Consul's API is there too (TLS). Behind the bridge it is the task's own.
ON_LOOPBACK = {"host": {53, 4646, 8501, 8600}, "bridge": set[int]()}
# Every port of the table, and those of services that people leave open: docker, containerd, Consul's without TLS.
SAMPLE = (
    22, 25, 53, 80, 111, 443, 2375, 2376, 4646, 4647, 4648, 5000, 6379, 8080, 8081, 8082, 8300, 8301, 8302, 8500,
    8501, 8502, 8503, 8600, 9090, 10010, 10250, 41633, 65535,
)  # fmt: skip
LOOPBACK = "127.0.0.1"
OPEN, CLOSED = 20001, 9090
"""A port of jobs, and one in no table."""
EVERY = range(1, 65536)
DYNAMIC = range(20000, 32001)
"""Ports of jobs, which other tests run."""
SCAN = """
import asyncio, json
async def opens(address, port, room):
    async with room:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 2)
        except (OSError, asyncio.TimeoutError):
            return False
        writer.close()
        return True
async def scan(address, ports):
    room = asyncio.Semaphore(1500)
    found = await asyncio.gather(*(opens(address, port, room) for port in ports))
    return [port for port, is_open in zip(ports, found) if is_open]
async def main():
    scans = [scan(address, PORTS) for address in ADDRESSES]
    print(json.dumps(dict(zip(ADDRESSES, await asyncio.gather(*scans)))))
asyncio.run(main())
"""


def script(addresses: list[str], ports: str) -> str:
    return f"ADDRESSES = {json.dumps(addresses)}\nPORTS = {ports}\n{SCAN}"


def scanned_inside(cluster: Cluster, addresses: list[str], ports: str = str(SAMPLE)) -> dict[str, set[int]]:
    """The open ports by address, as the scanning node finds them."""
    command = f"ulimit -n 65536; python3 - <<'PYTHON'\n{script(addresses, ports)}PYTHON"
    return {address: set(found) for address, found in json.loads(cluster.inside(SCANNER, command).stdout).items()}


def opens(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=2):
            return True
    except OSError:
        return False


def scanned_here(address: str) -> set[int]:
    with ThreadPoolExecutor(max_workers=len(SAMPLE)) as pool:
        found = zip(SAMPLE, pool.map(lambda port: opens(address, port), SAMPLE), strict=True)
        return {port for port, is_open in found if is_open}


@pytest.mark.parametrize("kind", NODES)
def test_the_tables_are_those_of_the_plan(kind: Kind) -> None:
    """Of a client's DNS port in the VPC see test_from_tasks: it is for containers of its own node only."""
    tcp = [port for port in ports_of(kind) if "tcp" in port.protocols and port.numbers[0] not in DYNAMIC]
    assert {port.numbers[0] for port in tcp if port.opens_to(Source.ADMIN)} == FROM_OUTSIDE[kind]
    assert {port.numbers[0] for port in tcp if port.opens_to(Source.VPC)} == FROM_THE_VPC[kind]


@pytest.mark.parametrize("kind", NODES)
def test_from_outside(cluster: Cluster, kind: Kind) -> None:
    """This machine is the operator's: docs/security.md says which ports the internet reaches (none)."""
    assert scanned_here(cluster.droplet(NODES[kind]).public) == FROM_OUTSIDE[kind]


@pytest.fixture
def listeners(cluster: Cluster) -> Iterator[None]:
    """Programs on the client that listen on two more ports, at all its addresses."""
    name = NODES[Kind.NOMAD_CLIENT]
    serve = "systemd-run --quiet --unit=probe{port} python3 -m http.server --bind 0.0.0.0 {port}"
    cluster.inside(name, "; ".join(serve.format(port=port) for port in (OPEN, CLOSED)))
    try:
        listening = " && ".join(f"ss -Hltn | grep -q 0.0.0.0:{port}" for port in (OPEN, CLOSED))
        cluster.inside(name, f"until {listening}; do sleep 0.1; done", seconds=20)
        yield
    finally:
        cluster.inside(name, f"systemctl stop probe{OPEN} probe{CLOSED}")


@pytest.mark.usefixtures("listeners")
def test_from_another_node(cluster: Cluster) -> None:
    """Control: a program on a port that is open is found, and one on a port that no table has is not."""
    droplets = {kind: cluster.droplet(name) for kind, name in NODES.items()}
    addresses = [address for each in droplets.values() for address in (each.private, each.public)]
    found = scanned_inside(cluster, addresses, str((*SAMPLE, OPEN)))
    assert OPEN in found[droplets[Kind.NOMAD_CLIENT].private]
    assert {kind: found[each.private] - {OPEN} for kind, each in droplets.items()} == FROM_THE_VPC
    assert [found[each.public] for each in droplets.values()] == [set(), set(), set()]


@pytest.mark.usefixtures("listeners")
def test_either_firewall_closes_what_no_table_has(cluster: Cluster) -> None:
    """Control: without both, the program is reached from outside and from another node."""
    name = NODES[Kind.NOMAD_CLIENT]
    client = cluster.droplet(name)

    def from_outside() -> bool:
        return opens(client.public, CLOSED)

    def from_a_node() -> bool:
        return CLOSED in scanned_inside(cluster, [client.private], f"[{CLOSED}]")[client.private]

    assert reached_without(cluster, name, from_outside) == BOTH_KEEP_CLOSED
    assert reached_without(cluster, name, from_a_node) == BOTH_KEEP_CLOSED


def task(network: str, addresses: list[str]) -> Try:
    command = {"command": "/usr/bin/python3", "args": ["-c", script(addresses, str(SAMPLE))]}
    resources = {"Resources": {"CPU": 100, "MemoryMB": 64}}
    return Try(name=network, driver="exec", config=command, task=resources, network=network)


def test_from_tasks(cluster: Cluster, tmp_path: Path) -> None:
    own = cluster.droplet(SCANNER).private
    others = {cluster.droplet(name).private: FROM_THE_VPC[kind] for kind, name in NODES.items()}
    tries = [task(network, [LOOPBACK, own, *others]) for network in ON_THE_OWN_NODE]
    for network, outcome in outcomes(cluster, tmp_path, tries, image_url="", node=SCANNER).items():
        found = {address: set(ports) for address, ports in json.loads(outcome.output).items()}
        assert found == {LOOPBACK: ON_LOOPBACK[network], own: ON_THE_OWN_NODE[network], **others}


@pytest.mark.e2e_sweep
def test_every_port_from_another_node(cluster: Cluster) -> None:
    addresses = {kind: cluster.droplet(name).private for kind, name in NODES.items()}
    found = scanned_inside(cluster, list(addresses.values()), str(EVERY))
    assert {kind: found[address] - set(DYNAMIC) for kind, address in addresses.items()} == FROM_THE_VPC
