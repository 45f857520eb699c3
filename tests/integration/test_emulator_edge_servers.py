"""Load balancers on loopback addresses, in front of small servers: forwarding, health checks, TLS, HTTP."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from bakery.emulator.network.edge_servers import EdgeServers
from bakery.emulator.network.model import Balancer, Check, EdgePolicy, Listener, TlsCertificate
from bakery.emulator.network.name_server import NameServer
from bakery.wait import Pending, wait_until
from tests.helpers.tls import self_signed

pytestmark = pytest.mark.integration

ADDRESS = "127.91.0.1"
SOURCE = "127.91.0.2"
DROPLETS = ("127.91.0.11", "127.91.0.12")

Handler = Callable[[socket.socket, str], None]


class Droplet:
    """A server on one address; it notes what it receives first on each connection."""

    def __init__(self, address: str, port: int, handle: Handler) -> None:
        self.received: list[bytes] = []
        self.peers: list[str] = []
        self._handle = handle
        self._listener = socket.create_server((address, port))
        self.address, self.port = address, int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=10)

    def _serve(self) -> None:
        while True:
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection, peer[0]), daemon=True).start()

    def _answer(self, connection: socket.socket, peer: str) -> None:
        with connection, suppress(OSError):
            first = connection.recv(65536)
            if first:  # a health check by TCP sends nothing
                self.received.append(first)
                self.peers.append(peer)
                self._handle(connection, self.address)


def say_name(connection: socket.socket, address: str) -> None:
    connection.sendall(address.encode())


def answer_http(connection: socket.socket, address: str) -> None:
    """The address of the droplet, to every request of the connection; the first one is read already."""
    while True:
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(address)}\r\n\r\n{address}".encode())
        if not connection.recv(65536):
            return


@contextmanager
def droplets(handle: Handler, *addresses: str, port: int = 0) -> Iterator[list[Droplet]]:
    """They all listen on the same port."""
    made: list[Droplet] = []
    try:
        for address in addresses:
            made.append(Droplet(address, made[0].port if made else port, handle))
        yield made
    finally:
        for each in made:
            each.close()


def free_port() -> int:
    with closing(socket.create_server((ADDRESS, 0))) as listener:
        return int(listener.getsockname()[1])


def balancer(port: int, target_port: int, targets: tuple[str, ...] = DROPLETS, **listener: Any) -> Balancer:  # noqa: ANN401 - fields of Listener
    check = Check(
        protocol="tcp",
        port=target_port,
        path="/",
        interval_s=0.05,
        timeout_s=2,
        unhealthy_after=2,
        healthy_after=2,
    )
    values: dict[str, Any] = {"port": port, "is_http": False, "target_port": target_port} | listener
    return Balancer(
        id="b", address=ADDRESS, source=SOURCE, listeners=(Listener(**values),), targets=targets, check=check
    )


class Edge:
    """The servers, and the balancer that they serve."""

    def __init__(self, servers: EdgeServers, first: Balancer) -> None:
        self._servers = servers
        self.balancer = first

    def apply(self, **changes: Any) -> dict[str, str]:  # noqa: ANN401 - fields of Balancer
        self.balancer = replace(self.balancer, **changes)
        return self._servers.apply(EdgePolicy(balancers=(self.balancer,)))


@contextmanager
def serving(first: Balancer) -> Iterator[Edge]:
    servers = EdgeServers(None, NameServer("127.0.0.1", None))
    edge = Edge(servers, first)
    assert edge.apply() == {}
    try:
        yield edge
    finally:
        servers.close()


def ask(port: int, request: bytes = b"hello", *, tls: ssl.SSLContext | None = None) -> bytes:
    """Everything that comes back; nothing if no droplet is healthy."""
    with socket.create_connection((ADDRESS, port), timeout=10) as plain:
        connection = plain if tls is None else tls.wrap_socket(plain, server_hostname="www.example.com")
        answer = b""
        with suppress(OSError):  # it may close the connection at once
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while data := connection.recv(65536):
                answer += data
        if connection is not plain:
            connection.close()
        return answer


def wait_answers(port: int, *wanted: bytes, request: bytes = b"hello") -> None:
    """Wait until the answers of four connections in a row are exactly these."""

    def check() -> bool | Pending:
        found = {ask(port, request) for _ in range(4)}
        return True if found == set(wanted) else Pending(f"answers are {found}")

    wait_until(check, what="the droplets to answer", seconds=10, every=0.02)


def test_connections_take_turns_and_come_from_the_vpc_address() -> None:
    port = free_port()
    with droplets(say_name, *DROPLETS) as made, serving(balancer(port, made[0].port)):
        wait_answers(port, *(address.encode() for address in DROPLETS))
        assert {peer for each in made for peer in each.peers} == {SOURCE}


def test_a_droplet_gets_traffic_only_while_its_checks_pass() -> None:
    port = free_port()
    with droplets(say_name, DROPLETS[0]) as made:
        target_port = made[0].port
        with serving(balancer(port, target_port)):
            wait_answers(port, b"127.91.0.11")
            with droplets(say_name, DROPLETS[1], port=target_port):
                wait_answers(port, b"127.91.0.11", b"127.91.0.12")
            wait_answers(port, b"127.91.0.11")


def test_no_connection_is_lost_when_a_droplet_dies_before_its_check() -> None:
    port = free_port()
    with droplets(say_name, *DROPLETS) as made, serving(balancer(port, made[0].port)) as edge:
        edge.apply(check=replace(edge.balancer.check, interval_s=600, healthy_after=1))
        wait_answers(port, b"127.91.0.11", b"127.91.0.12")
        made[1].close()
        assert {ask(port) for _ in range(20)} == {b"127.91.0.11"}


def test_without_a_healthy_droplet_nothing_answers() -> None:
    port = free_port()
    with serving(balancer(port, 1, is_http=True)):
        assert ask(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 503 ")
    with serving(balancer(port, 1)):
        assert ask(port) == b""


def test_targets_and_ports_come_and_go() -> None:
    port, other = free_port(), free_port()
    with droplets(say_name, *DROPLETS) as made, serving(balancer(port, made[0].port, DROPLETS[:1])) as edge:
        wait_answers(port, b"127.91.0.11")
        edge.apply(targets=DROPLETS[1:])
        wait_answers(port, b"127.91.0.12")
        listener = replace(edge.balancer.listeners[0], port=other)
        edge.apply(listeners=(listener,))
        wait_answers(other, b"127.91.0.12")
        with pytest.raises(ConnectionRefusedError):
            ask(port)


def test_a_port_that_is_taken_is_named_and_the_rest_is_served() -> None:
    port = free_port()
    servers = EdgeServers(None, NameServer("127.0.0.1", None))
    with droplets(say_name, *DROPLETS) as made, closing(socket.create_server((ADDRESS, 0))) as holder:
        good = balancer(port, made[0].port)
        bad = replace(balancer(int(holder.getsockname()[1]), made[0].port), id="bad")
        failures = servers.apply(EdgePolicy(balancers=(bad, good)))
        assert (list(failures), "in use" in failures["bad"].lower()) == (["bad"], True)
        wait_answers(port, b"127.91.0.11", b"127.91.0.12")
        servers.close()


def test_the_proxy_header_names_the_client() -> None:
    port = free_port()
    with droplets(say_name, *DROPLETS[:1]) as made, serving(balancer(port, made[0].port)) as edge:
        edge.apply(proxy_protocol=True)
        wait_answers(port, b"127.91.0.11")
        words = made[0].received[-1].split(b" ")
        assert (words[0], words[1], words[3]) == (b"PROXY", b"TCP4", ADDRESS.encode())
        assert words[5].split(b"\r\n") == [str(port).encode(), b"hello"] or words[5].startswith(
            f"{port}\r\n".encode()
        )


def test_only_allowed_sources_may_connect() -> None:
    port = free_port()
    with droplets(say_name, *DROPLETS[:1]) as made, serving(balancer(port, made[0].port)) as edge:
        wait_answers(port, b"127.91.0.11")
        edge.apply(allow=("192.0.2.0/24",))
        assert ask(port) == b""
        edge.apply(allow=("127.0.0.0/8",))
        assert ask(port) == b"127.91.0.11"
        edge.apply(deny=("127.0.0.0/8",))
        assert ask(port) == b""


GET = b"GET /a?b HTTP/1.1\r\nHost: www.example.com:81\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n"


def test_http_requests_get_the_clients_address() -> None:
    port = free_port()
    with droplets(answer_http, *DROPLETS[:1]) as made, serving(balancer(port, made[0].port, is_http=True)):
        wait_until(
            lambda: True if ask(port, GET).endswith(b"127.91.0.11") else Pending("503"),
            what="a check",
            seconds=10,
            every=0.02,
        )
        lines = made[0].received[-1].decode().split("\r\n")
        assert lines[0] == "GET /a?b HTTP/1.1"
        assert "x-forwarded-for: 192.0.2.9, 127.0.0.1" in lines
        assert {"x-forwarded-proto: http", f"x-forwarded-port: {port}", "Host: www.example.com:81"} <= set(lines)


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 5\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: a\r\n\r\n",
        b"\r\n",
    ],
    ids=["length", "chunked", "none"],
)
def test_a_connection_carries_several_requests(body: bytes) -> None:
    """The second head is rewritten too: so the end of the first body was found."""
    port = free_port()
    request = b"POST / HTTP/1.1\r\nHost: a\r\n" + body

    def collect(connection: socket.socket, address: str) -> None:
        whole = b""
        while whole.count(b"x-forwarded-for: 127.0.0.1") < 1:
            data = connection.recv(65536)
            if not data:
                return
            whole += data
        seen.append(whole)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    seen: list[bytes] = []
    with droplets(collect, *DROPLETS[:1]) as made, serving(balancer(port, made[0].port, is_http=True)):
        wait_until(
            lambda: True if ask(port, request * 2).endswith(b"ok") else Pending("503"),
            what="both requests",
            seconds=10,
            every=0.02,
        )


def test_tls_ends_at_the_balancer() -> None:
    port = free_port()
    pem = self_signed("www.example.com")
    certificate = TlsCertificate(chain=pem.certificate, private_key=pem.key)
    trusting = ssl.create_default_context(cadata=pem.certificate)
    with (
        droplets(answer_http, *DROPLETS[:1]) as made,
        serving(balancer(port, made[0].port, is_http=True, tls=certificate)),
    ):
        wait_until(
            lambda: True if b"200 OK" in ask_tls(port, trusting) else Pending("503"),
            what="a check",
            seconds=10,
            every=0.02,
        )
        assert b"x-forwarded-proto: https" in made[0].received[-1]


def ask_tls(port: int, context: ssl.SSLContext) -> bytes:
    with (
        socket.create_connection((ADDRESS, port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="www.example.com") as connection,
    ):
        connection.sendall(GET)
        return connection.recv(65536)


def test_a_certificate_that_does_not_match_is_named() -> None:
    pem, other = self_signed("a.example.com"), self_signed("a.example.com")
    certificate = TlsCertificate(chain=pem.certificate, private_key=other.key)
    servers = EdgeServers(None, NameServer("127.0.0.1", None))
    failures = servers.apply(EdgePolicy(balancers=(balancer(free_port(), 1, tls=certificate),)))
    servers.close()
    assert "mismatch" in failures["b"].lower()


def test_http_is_sent_to_https() -> None:
    port = free_port()
    with serving(balancer(port, 1, is_http=True, redirects=True)):
        answer = ask(port, GET)
    assert answer.startswith(b"HTTP/1.1 301 ")
    assert b"\r\nLocation: https://www.example.com/a?b\r\n" in answer


def test_checks_by_http_look_at_the_status() -> None:
    port = free_port()
    status = ["500 Oops"]

    def answer(connection: socket.socket, address: str) -> None:
        connection.sendall(f"HTTP/1.0 {status[0]}\r\n\r\n".encode())

    with droplets(answer, *DROPLETS[:1]) as made, serving(balancer(port, made[0].port)) as edge:
        check = replace(edge.balancer.check, protocol="http", path="/ping")
        edge.apply(check=check)
        wait_answers(port, b"")
        status[0] = "302 Found"
        wait_answers(port, b"HTTP/1.0 302 Found\r\n\r\n")
        assert any(each.startswith(b"GET /ping HTTP/1.0\r\n") for each in made[0].received)
