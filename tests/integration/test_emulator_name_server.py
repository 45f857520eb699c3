"""The emulator's name server, asked over UDP and TCP; queries and answers as bytes (RFC 1035)."""

import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from bakery.emulator.network.dns_wire import parse_query
from bakery.emulator.network.edge_servers import EdgeServers
from bakery.emulator.network.model import EdgePolicy, Zone, ZoneRecord
from bakery.emulator.network.name_server import NameServer

pytestmark = pytest.mark.integration

ADDRESS = "127.91.0.53"


def record(name: str, kind: str, data: str, **more: Any) -> ZoneRecord:  # noqa: ANN401 - its other fields
    return ZoneRecord(name=name, type=kind, ttl=60, data=data, **more)


ZONES = (
    Zone(
        name="example.com",
        records=(
            record("example.com", "A", "192.0.2.1"),
            record("www.example.com", "A", "192.0.2.7"),
            record("www.example.com", "A", "192.0.2.8"),
            record("blog.example.com", "CNAME", "www.example.com"),
            record("*.apps.example.com", "A", "192.0.2.9"),
            record("example.com", "MX", "mail.example.com", priority=10),
            record("_http._tcp.example.com", "SRV", "www.example.com", priority=1, weight=2, port=80),
            record("example.com", "TXT", "hello"),
        ),
    ),
    Zone(name="sub.example.com", records=(record("sub.example.com", "A", "192.0.2.20"),)),
)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    names = NameServer(ADDRESS, None, port=0)
    servers = EdgeServers(None, names)
    servers.apply(EdgePolicy(zones=ZONES))
    yield names.port
    servers.close()


def query(name: str, kind: int, number: int = 0xBEEF) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)


def ask(port: int, name: str, kind: int = 1) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        client.sendto(query(name, kind), (ADDRESS, port))
        return client.recv(4096)


def addresses(answer: bytes, count: int) -> list[str]:
    """The addresses of the last ``count`` A records, which end the message."""
    return [socket.inet_ntoa(answer[-16 * (count - number) :][12:16]) for number in range(count)]


def counts(answer: bytes) -> tuple[int, int, int]:
    """Status, number of answers, number of records of the authority."""
    _, flags, _, answers, authority, _ = struct.unpack_from(">HHHHHH", answer)
    return flags & 15, answers, authority


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("www.example.com", 1, (0, 2, 0)),
        ("WWW.Example.com", 1, (0, 2, 0)),
        ("blog.example.com", 1, (0, 3, 0)),  # the alias and what it leads to
        ("blog.example.com", 5, (0, 1, 0)),
        ("x.apps.example.com", 1, (0, 1, 0)),
        ("example.com", 15, (0, 1, 0)),
        ("_http._tcp.example.com", 33, (0, 1, 0)),
        ("example.com", 255, (0, 3, 0)),
        ("www.example.com", 28, (0, 0, 1)),  # it has no AAAA
        ("nothing.example.com", 1, (3, 0, 1)),
        ("nothing.sub.example.com", 1, (3, 0, 1)),
        ("example.org", 1, (2, 0, 0)),  # nobody to ask
    ],
)
def test_answers(port: int, name: str, kind: int, expected: tuple[int, int, int]) -> None:
    answer = ask(port, name, kind)
    assert struct.unpack_from(">H", answer) == (0xBEEF,)
    assert counts(answer) == expected


def test_the_records_of_an_answer(port: int) -> None:
    def named(name: str) -> bytes:
        return query(name, 1)[12:-4]

    two = ask(port, "www.example.com")
    one = named("www.example.com") + struct.pack(">HHIH", 1, 1, 60, 4)
    assert two.endswith(one + socket.inet_aton("192.0.2.7") + one + socket.inet_aton("192.0.2.8"))
    mail = named("mail.example.com")
    assert ask(port, "example.com", 15).endswith(struct.pack(">HH", len(mail) + 2, 10) + mail)
    web = named("www.example.com")
    assert ask(port, "_http._tcp.example.com", 33).endswith(struct.pack(">HHHH", len(web) + 6, 1, 2, 80) + web)
    assert ask(port, "example.com", 16).endswith(b"\x00\x06\x05hello")


def test_it_answers_over_tcp(port: int) -> None:
    message = query("www.example.com", 1)
    with socket.create_connection((ADDRESS, port), timeout=10) as client:
        client.sendall(struct.pack(">H", len(message)) + message)
        answer = client.recv(4096)
    assert struct.unpack_from(">H", answer) == (len(answer) - 2,)
    assert counts(answer[2:]) == (0, 2, 0)


def test_it_asks_another_server_for_other_names(port: int) -> None:
    """As it was asked itself, over UDP or TCP."""
    names = NameServer("127.91.0.54", (ADDRESS, port), port=0)
    servers = EdgeServers(None, names)
    servers.apply(EdgePolicy(zones=(Zone(name="example.net", records=()),)))
    message = query("www.example.com", 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        client.sendto(message, ("127.91.0.54", names.port))
        assert counts(client.recv(4096)) == (0, 2, 0)
    with socket.create_connection(("127.91.0.54", names.port), timeout=10) as connection:
        connection.sendall(struct.pack(">H", len(message)) + message)
        assert counts(connection.recv(4096)[2:]) == (0, 2, 0)
    servers.close()


def test_it_stops_with_the_last_domain() -> None:
    names = NameServer(ADDRESS, None, port=0)
    servers = EdgeServers(None, names)
    servers.apply(EdgePolicy(zones=ZONES))
    listening = names.port
    servers.apply(EdgePolicy())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((ADDRESS, listening), timeout=10)
    servers.close()


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0" * 11,
        query("a.b", 1)[:-1],
        query("a.b", 1)[:2] + b"\x81\x00" + query("a.b", 1)[4:],  # an answer
        query("a.b", 1)[:4] + b"\0\2" + query("a.b", 1)[6:],  # two questions
        query("a.b", 1)[:12] + b"\xc0\x0c\0\1\0\1",  # a pointer
        query("a.b", 1)[:-2] + b"\0\3",  # another class
    ],
)
def test_what_is_not_a_query(message: bytes) -> None:
    assert parse_query(message) is None
    assert parse_query(query("a.b", 1)) is not None  # control
