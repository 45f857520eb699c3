"""The rendered host firewall on a host of its own, against scans from the VPC, from outside and from a container.

A program listens on every port of the table, on TCP and UDP, so that a port which does not answer is one that the
firewall closes. Control: without the table all of them answer.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bakery.config.model import Kind
from bakery.proc import run
from bakery.render.model import Join
from bakery.render.user_data import render_node
from bakery.wait import Pending, wait_until
from tests.helpers.clusters import make_credentials, make_plan, node_of
from tests.helpers.lan import Lan
from tests.helpers.rendered import files_of
from tests.helpers.tools import require_tool

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

# Each source has an address of its own; the node has one in the same network. A task behind docker's bridge is the
# second host with docker's network, on the node's interface docker0.
NETWORKS = {"vpc": ("10.100.0.5", "10.100.0.6"), "outside": ("203.0.113.5", "203.0.113.6")}
BRIDGE = ("172.17.0.1", "172.17.0.2")
# Every number of docs/architecture.md, the first and a middle one of the dynamic range, and numbers in no table.
PORTS = (22, 53, 68, 80, 443, 4646, 4647, 4648, 8082, 8300, 8301, 8302, 8500, 8501, 8503, 8600, 9090, 20000, 25000)
JOBS = {20000, 25000}
# By hand, from the table in docs/architecture.md; the same on TCP and UDP but for ONLY_TCP. From outside the host
# firewall admits what the cloud firewall admits from the operator, and 4646 of a client (see there).
VPC = {
    Kind.CONSUL_SERVER: {8300, 8301, 8501, 8600},
    Kind.NOMAD_SERVER: {4646, 4647, 4648, 8301},
    Kind.NOMAD_CLIENT: {4646, 8301} | JOBS,
    Kind.SERVER: {4646, 4647, 4648, 8300, 8301, 8501, 8600},
    Kind.ALL_IN_ONE: {4646, 4647, 4648, 8300, 8301, 8501, 8600} | JOBS,
    Kind.INGRESS: {80, 443, 8082, 8301},
}
OUTSIDE = {
    Kind.CONSUL_SERVER: {8501, 8600},
    Kind.NOMAD_SERVER: {4646},
    Kind.NOMAD_CLIENT: {4646},
    Kind.SERVER: {4646, 8501, 8600},
    Kind.ALL_IN_ONE: {4646, 8501, 8600},
    Kind.INGRESS: {80, 443},
}
CONTAINERS = {
    **OUTSIDE,
    Kind.NOMAD_CLIENT: {53, 4646, 8600} | JOBS,
    Kind.ALL_IN_ONE: {53, 4646, 8501, 8600} | JOBS,
}
ONLY_TCP = {80, 443, 4646, 4647, 8082, 8300, 8501}
FORWARDER = 53

LISTEN = """
import selectors, socket, sys
poll = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        one = socket.socket(socket.AF_INET, kind)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("0.0.0.0", port))
        if kind == socket.SOCK_STREAM:
            one.listen(64)
        poll.register(one, selectors.EVENT_READ, kind)
print("listening", flush=True)
while True:
    for key, _ in poll.select():
        if key.data == socket.SOCK_STREAM:
            key.fileobj.accept()[0].close()
        else:
            key.fileobj.sendto(*key.fileobj.recvfrom(64))
"""
SCAN = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
own, address, *ports = sys.argv[1:]
def answers(probe):
    kind, port = probe
    with socket.socket(socket.AF_INET, kind) as one:
        one.settimeout(1)
        one.bind((own, 0))
        try:
            one.connect((address, port))
            if kind == socket.SOCK_DGRAM:
                one.send(b"x")
                one.recv(64)
            return True
        except OSError:
            return False
probes = [(kind, int(port)) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM) for port in ports]
with ThreadPoolExecutor(max_workers=len(probes)) as pool:
    found = list(pool.map(answers, probes))
print(json.dumps([[port for (kind, port), is_open in zip(probes, found) if is_open and kind == wanted]
                  for wanted in (socket.SOCK_STREAM, socket.SOCK_DGRAM)]))
"""


FROM_PORT_67 = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
    one.settimeout(1)
    one.bind((sys.argv[1], 67))
    one.connect((sys.argv[2], 68))
    try:
        one.send(b"x")
        print(one.recv(64).decode())
    except OSError:
        print("closed")
"""
# A TCP segment with FIN alone. A closed port answers it with RST, an open one not (RFC 9293, 3.10.7).
FIN = """
import socket, struct, sys
own, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff
ends = socket.inet_aton(own) + socket.inet_aton(address)
def segment(check):
    return struct.pack("!HHLLBBHHH", 40000, port, 1, 0, 5 << 4, 1, 1024, check, 0)
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as one:
    one.settimeout(1)
    one.bind((own, 0))
    one.sendto(segment(checksum(ends + struct.pack("!BBH", 0, 6, 20) + segment(0))), (address, 0))
    try:
        while True:
            data = one.recv(2048)
            header = (data[0] & 15) * 4
            ports = data[header:header + 4]
            if data[12:16] == socket.inet_aton(address) and ports == struct.pack("!HH", port, 40000):
                print("answered")
                break
    except OSError:
        print("silent")
"""


class Node:
    """Host 0 of two in one network: a program listens there on every port. Host 1 is the attacker."""

    def __init__(self, lan: Lan, folder: Path) -> None:
        self.lan = lan
        self.rules = folder / "firewall.nft"
        self.nft = require_tool("nft")
        for host, address in enumerate(NETWORKS["outside"]):
            run(lan.inside(host, ["ip", "address", "add", f"{address}/24", "dev", "eth1"]))
        lan.start(0, "listeners", [sys.executable, "-c", LISTEN, *map(str, PORTS)])
        wait_until(self._listens, what="the listeners", seconds=20, every=0.05)

    def _listens(self) -> bool | Pending:
        text = self.lan.log("listeners")
        return True if "listening" in text else Pending(text)

    def load(self, kind: Kind) -> None:
        rendered = render_node(
            make_plan(), node_of(make_plan(), kind), make_credentials(kind), Join(consul=("10.100.0.2",), nomad=())
        )
        self.rules.write_text(files_of(rendered)["/etc/bakery/firewall.nft"].content)
        run(self.lan.inside(0, [self.nft, "-f", self.rules]))

    def unload(self) -> None:
        run(self.lan.inside(0, [self.nft, "delete", "table", "inet", "bakery"]), check=False)

    def scan(self, address: str, own: str) -> tuple[set[int], set[int]]:
        """The ports of host 0 that answer host 1, on TCP and on UDP."""
        done = self.lan.run(1, [sys.executable, "-c", SCAN, own, address, *map(str, PORTS)])
        tcp, udp = json.loads(done.stdout)
        return set(tcp), set(udp)


@pytest.fixture(scope="module")
def lan_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("firewall")
    lan = Lan(folder)
    try:
        yield Node(lan, folder)
    finally:
        lan.close()


@pytest.fixture
def node(lan_node: Node) -> Iterator[Node]:
    """Without a firewall."""
    yield lan_node
    lan_node.unload()


@contextmanager
def behind_the_bridge(node: Node, name: str) -> Iterator[None]:
    """Let host 1 be a container: its packets come in by the bridge of that name."""
    setup = [(0, "ip link set eth1 down"), (0, f"ip link set eth1 name {name}"), (0, f"ip link set {name} up")]
    addresses = [(0, f"ip address add {BRIDGE[0]}/16 dev {name}"), (1, f"ip address add {BRIDGE[1]}/16 dev eth1")]
    undo = [(0, f"ip address del {BRIDGE[0]}/16 dev {name}"), (1, f"ip address del {BRIDGE[1]}/16 dev eth1")]
    back = [(0, f"ip link set {name} down"), (0, f"ip link set {name} name eth1"), (0, "ip link set eth1 up")]
    for host, command in (*setup, *addresses):
        run(node.lan.inside(host, command.split()))
    try:
        yield
    finally:
        for host, command in (*undo, *back):
            run(node.lan.inside(host, command.split()))


def both(ports: set[int]) -> tuple[set[int], set[int]]:
    return ports, ports - ONLY_TCP


@pytest.mark.parametrize("kind", list(Kind))
def test_from_the_network_the_ports_of_the_table_are_open_and_no_others(node: Node, kind: Kind) -> None:
    """An ingress node has 80 and 443 for everyone, and its health for the VPC."""
    node.load(kind)
    assert node.scan(*NETWORKS["vpc"]) == both(VPC[kind])
    assert node.scan(*NETWORKS["outside"]) == both(OUTSIDE[kind])


@pytest.mark.parametrize("source", list(NETWORKS))
def test_without_the_firewall_they_are_all_open(node: Node, source: str) -> None:
    """Control."""
    assert node.scan(*NETWORKS[source]) == (set(PORTS), set(PORTS))


@pytest.mark.parametrize(("kind", "bridge"), [*((kind, "docker0") for kind in Kind), (Kind.NOMAD_CLIENT, "nomad")])
def test_the_forwarder_is_open_to_containers_of_clients_only(node: Node, kind: Kind, bridge: str) -> None:
    """Control of the tests above: the rules for the bridge are the firewall's, not an accident of the network."""
    node.load(kind)
    with behind_the_bridge(node, bridge):
        assert node.scan(*BRIDGE) == both(CONTAINERS[kind])


def test_a_bridge_that_a_job_made_leads_to_what_is_open_to_everyone(node: Node) -> None:
    """A docker network of a job's own. Its containers ask docker for names, and docker asks the forwarder."""
    node.load(Kind.NOMAD_CLIENT)
    with behind_the_bridge(node, "br-3f2a91c07d44"):
        assert node.scan(*BRIDGE) == both(OUTSIDE[Kind.NOMAD_CLIENT])


@pytest.mark.parametrize("kind", list(Kind))
def test_no_host_reaches_the_forwarder_by_the_address_of_a_bridge(node: Node, kind: Kind) -> None:
    """It sends its packets there by a route, and Linux takes them for each address of the node, on each interface.

    Over TCP: the answers of this listener over UDP would have another source. Control: no firewall, an answer.
    """
    address = BRIDGE[0]
    run(node.lan.inside(0, ["ip", "address", "add", f"{address}/32", "dev", "lo"]))
    run(node.lan.inside(1, ["ip", "route", "add", f"{address}/32", "via", NETWORKS["vpc"][0]]))
    try:
        own = NETWORKS["vpc"][1]
        assert FORWARDER in node.scan(address, own)[0]
        node.load(kind)
        assert FORWARDER not in node.scan(address, own)[0]
    finally:
        run(node.lan.inside(1, ["ip", "route", "del", f"{address}/32"]))
        run(node.lan.inside(0, ["ip", "address", "del", f"{address}/32", "dev", "lo"]))


# A task behind Nomad's bridge, which listens on two ports; one is published. Nomad itself admits every packet to
# the bridge (client/allocrunner/networking_bridge_linux.go, ensureForwardingRules), as a host without rules does.
TASK, TASKS = "172.26.64.2", "172.26.64.0/20"
TASK_PORTS = {8080, 25000}
PUBLISHED = 20000
UNLISTED = 9998
"""Published too, by a job; in no table."""
ANSWER = """
import selectors, socket, sys
poll = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("0.0.0.0", port))
    for one in (socket.create_server(("0.0.0.0", port)), datagrams):
        poll.register(one, selectors.EVENT_READ)
print("listening", flush=True)
while True:
    for key, _ in poll.select():
        if key.fileobj.type == socket.SOCK_DGRAM:
            key.fileobj.sendto(b"task", key.fileobj.recvfrom(16)[1])
        else:
            with key.fileobj.accept()[0] as client:
                client.sendall(b"task")
"""
ASK = """
import socket, sys
kind = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}[sys.argv[3]]
try:
    with socket.socket(socket.AF_INET, kind) as one:
        one.settimeout(1)
        one.connect((sys.argv[1], int(sys.argv[2])))
        if kind == socket.SOCK_DGRAM:
            one.send(b"x")
        print(one.recv(16).decode())
except OSError:
    print("closed")
"""
BRIDGE_SETUP = f"""
set -e
echo 1 >/proc/sys/net/ipv4/ip_forward
ip link add nomad type bridge
ip address add 172.26.64.1/20 dev nomad
ip link set nomad up
ip link add task0 type veth peer name task1
ip link set task0 master nomad up
nft add table ip portmap
nft add chain ip portmap prerouting "{{ type nat hook prerouting priority dstnat; }}"
publish() {{ nft add rule ip portmap prerouting ip daddr $1 $2 dport $3 dnat to {TASK}:8080; }}
for protocol in tcp udp; do
publish {NETWORKS["vpc"][0]} $protocol {PUBLISHED}
publish {NETWORKS["vpc"][0]} $protocol {UNLISTED}
publish {NETWORKS["outside"][0]} $protocol {PUBLISHED}
done
"""


@pytest.fixture(scope="module")
def task(lan_node: Node) -> int:
    """The host that is the task. The attacker has a route to it, by way of the node."""
    lan = lan_node.lan
    number = lan.add_host()
    run(lan.inside(0, ["sh", "-c", BRIDGE_SETUP]))
    lan.move("task1", number)
    for command in (f"address add {TASK}/20 dev task1", "link set task1 up", "route add default via 172.26.64.1"):
        run(lan.inside(number, ["ip", *command.split()]))
    run(lan.inside(1, ["ip", "route", "add", TASKS, "via", NETWORKS["vpc"][0]]))
    lan.start(number, "task", [sys.executable, "-c", ANSWER, *map(str, TASK_PORTS)])
    lan.start(1, "outside", [sys.executable, "-c", ANSWER, "9999"])

    def listens() -> bool | Pending:
        texts = lan.log("task"), lan.log("outside")
        return True if all("listening" in text for text in texts) else Pending(str(texts))

    wait_until(listens, what="the task to listen", seconds=20, every=0.05)
    return number


@pytest.mark.parametrize("kind", [Kind.NOMAD_CLIENT, Kind.ALL_IN_ONE])
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_port_of_a_task_is_reached_only_where_it_is_published(
    node: Node, task: int, kind: Kind, protocol: str
) -> None:
    """Control: without the firewall another droplet reaches each port of the task, by a route."""

    def asked(host: int, address: str, port: int) -> str:
        words = [sys.executable, "-c", ASK, address, str(port), protocol]
        return node.lan.run(host, words).stdout.strip()

    assert {asked(1, TASK, port) for port in TASK_PORTS} == {"task"}
    assert asked(1, NETWORKS["vpc"][0], UNLISTED) == "task"
    assert asked(1, NETWORKS["outside"][0], PUBLISHED) == "task"
    node.load(kind)
    assert {asked(1, TASK, port) for port in TASK_PORTS} == {"closed"}
    assert asked(1, NETWORKS["vpc"][0], PUBLISHED) == "task"
    assert asked(1, NETWORKS["vpc"][0], UNLISTED) == "closed"
    assert asked(1, NETWORKS["outside"][0], PUBLISHED) == "closed", "a dynamic port is open to the VPC"
    assert asked(task, NETWORKS["vpc"][1], 9999) == "task", "the task reaches other hosts"


@pytest.mark.parametrize("source", list(NETWORKS))
def test_the_port_of_dhcp_is_closed_to_its_servers_port(node: Node, source: str) -> None:
    """A task may listen there. Control, afterwards, since an answer makes a connection: without the firewall."""
    address, own = NETWORKS[source]
    words = [sys.executable, "-c", FROM_PORT_67, own, address]
    node.load(Kind.NOMAD_CLIENT)
    assert node.lan.run(1, words).stdout == "closed\n"
    node.unload()
    assert node.lan.run(1, words).stdout == "x\n"


@pytest.mark.usefixtures("task")
def test_a_packet_of_no_connection_does_not_tell_which_port_of_a_task_is_open(node: Node) -> None:
    """Control: without the firewall a closed port answers, and an open one does not."""

    def answer(port: int) -> str:
        return node.lan.run(1, [sys.executable, "-c", FIN, NETWORKS["vpc"][1], TASK, str(port)]).stdout.strip()

    closed, opened = 1234, min(TASK_PORTS)
    assert (answer(closed), answer(opened)) == ("answered", "silent")
    node.load(Kind.NOMAD_CLIENT)
    assert (answer(closed), answer(opened)) == ("silent", "silent")
