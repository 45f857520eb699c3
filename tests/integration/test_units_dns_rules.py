"""dns.nft: who may answer from the ports of the forwarder and of Consul, in a network namespace of the test's."""

import errno
import os
from collections.abc import Iterator

import pytest

from bakery.assets import PACKER
from bakery.proc import run
from tests.helpers.netns import named_namespace

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

RULES = PACKER / "files/usr/local/lib/bakery/dns.nft"
FORWARDER, CONSUL, TASK = 65101, 65102, 65534
"""Users: of dnsmasq, of Consul, and of an exec task."""
# Makes the sockets of a query and of its answer, whose user may not bind the port, and becomes that user.
SOCKETS = """
import os, socket, sys, threading
kind = socket.SOCK_DGRAM if sys.argv[1] == "udp" else socket.SOCK_STREAM
port, user = int(sys.argv[2]), int(sys.argv[3])
client = socket.socket(socket.AF_INET, kind)
os.seteuid(user)
server = socket.socket(socket.AF_INET, kind)
os.seteuid(0)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", port))
half_open = [socket.socket() for _ in range(3)]
os.seteuid(user)
def ask(seconds):
    client.settimeout(seconds)
    try:
        client.connect(("127.0.0.1", port))
        client.sendall(b"query")
        print(client.recv(16).decode(), flush=True)
    except OSError as error:
        print(type(error).__name__, flush=True)
    os._exit(0)
"""
# Answers one query as a user, and prints what the client got within a second.
EXCHANGE = """
if kind == socket.SOCK_STREAM:
    server.listen()
accepted = []  # open to the end: the kernel sends what a closed one had sent again, without an owner
def answer():
    if kind == socket.SOCK_DGRAM:
        server.sendto(b"answer", server.recvfrom(16)[1])
    else:
        accepted.append(server.accept()[0])
        accepted[0].sendall(accepted[0].recv(16) and b"answer")
threading.Thread(target=answer, daemon=True).start()
ask(1)
"""
# Over TCP, by a task that fills its own queue of connections, and closes each one that it has answered: the kernel
# then sends SYN cookies, and the answer again, in packets that have no owner.
TRICK = """
server.listen(0)
for each in half_open:
    each.setblocking(False)
    each.connect_ex(("127.0.0.1", port))
def answer(connection):
    if connection.recv(16) == b"query":
        connection.sendall(b"answer")
    connection.close()
def accept():
    while True:
        threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()
threading.Thread(target=accept, daemon=True).start()
ask(4)
"""
BY_OWNER = """
table inet by_owner {
  chain output {
    type filter hook output priority filter; policy accept;
    tcp sport { 53, 8600 } meta skuid TASK drop
  }
}
""".replace("TASK", str(TASK))


@pytest.fixture
def namespace() -> Iterator[str]:
    with named_namespace(f"bk-dns-{os.getpid()}") as name:
        run(["ip", "-n", name, "link", "set", "lo", "up"])
        yield name


@pytest.fixture
def guarded(namespace: str) -> str:
    """The namespace with the node's rules; this machine has no such users, so their numbers stand for them."""
    text = RULES.read_text(encoding="utf-8")
    numbered = text.replace('"dnsmasq"', str(FORWARDER)).replace('"consul"', str(CONSUL))
    assert numbered.count(str(FORWARDER)) == numbered.count(str(CONSUL)) == 1
    run(["ip", "netns", "exec", namespace, "nft", "-f", "-"], stdin=numbered)
    return namespace


def exchange(namespace: str, protocol: str, port: int, user: int, program: str = EXCHANGE) -> str:
    words = ["ip", "netns", "exec", namespace, "python3", "-c", SOCKETS + program, protocol, str(port), str(user)]
    return run(words, seconds=30).stdout.strip()


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_nobody_but_consul_answers_from_its_port(guarded: str, protocol: str) -> None:
    assert exchange(guarded, protocol, 8600, CONSUL) == "answer"
    assert exchange(guarded, protocol, 8600, TASK) == "TimeoutError"
    assert exchange(guarded, protocol, 8600, FORWARDER) == "TimeoutError"
    assert exchange(guarded, protocol, 8000, TASK) == "answer"


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_nobody_but_the_forwarder_answers_from_its_port(guarded: str, protocol: str) -> None:
    assert exchange(guarded, protocol, 53, FORWARDER) == "answer"
    assert exchange(guarded, protocol, 53, TASK) == "TimeoutError"
    assert exchange(guarded, protocol, 53, CONSUL) == "TimeoutError"


@pytest.mark.parametrize(("protocol", "port"), [("udp", 53), ("tcp", 53), ("udp", 8600), ("tcp", 8600)])
def test_without_the_rules_a_task_answers(namespace: str, protocol: str, port: int) -> None:
    """Control."""
    assert exchange(namespace, protocol, port, TASK) == "answer"


@pytest.mark.parametrize("port", [53, 8600])
def test_nor_in_packets_without_an_owner(guarded: str, port: int) -> None:
    tries = [exchange(guarded, "tcp", port, TASK, TRICK) for _ in range(3)]
    assert tries == ["TimeoutError"] * 3


@pytest.mark.parametrize("port", [53, 8600])
def test_a_rule_that_drops_by_the_owner_lets_these_through(namespace: str, port: int) -> None:
    """Control. Which packets lose their owner depends on the kernel: one to three of four tries succeed."""
    run(["ip", "netns", "exec", namespace, "nft", "-f", "-"], stdin=BY_OWNER)
    assert exchange(namespace, "tcp", port, TASK) == "TimeoutError"
    assert any(exchange(namespace, "tcp", port, TASK, TRICK) == "answer" for _ in range(20))


def test_a_refused_connection_is_refused_at_once(guarded: str) -> None:
    """Or whoever asks a forwarder that is down over TCP waits for minutes."""
    look = "import socket; print(socket.socket().connect_ex(('127.0.0.1', 53)))"
    refused = run(["ip", "netns", "exec", guarded, "python3", "-c", look], seconds=10).stdout.strip()
    assert refused == str(errno.ECONNREFUSED)
