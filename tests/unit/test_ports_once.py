"""A port number, and Nomad's region, are spelled once: no other file of the source has them as a literal."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakery.config.model import Kind
from bakery.config.ports import TAKEN
from bakery.plan import ports
from bakery.plan.ports import BREAK_GLASS, MESH, PORTS, Port, Source, reserved_ports

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "bakery"
TABLE = "config/ports.py"
REGION_HOME = "credentials/names.py"
EXCEPTIONS = {
    ("config/versions.py", 22): "a minor version of Consul",
    ("emulator/daemon/checks.py", 22): "the length of a network prefix",
    ("emulator/account/settings.py", 20000): "how many requests the log keeps",
    ("emulator/network/name_server.py", 53): "the name server of the emulated account, not of a node",
}
# https://developer.hashicorp.com/consul/docs/reference/architecture/ports,
# https://developer.hashicorp.com/nomad/docs/deploy/production/requirements#ports-used,
# https://developer.hashicorp.com/nomad/docs/configuration/client#min_dynamic_port
# 80 and 443: RFC 9110, 4.2. 8082 is bakery's choice.
NUMBERS = {22, 53, 80, 443, 4646, 4647, 4648, 8300, 8082, 8301, 8501, 8503, 8600, 20000, 32000}
OF_THE_WEB = {80, 443}
"""Numbers that other code has as well: the default ports of URLs."""


# A number by itself or in a range such as 20000-32000, but not the 22 of "1.22.5", "ubuntu-22-04" and "%22".
_NUMBER = re.compile(r"(?<![\w.])\d{4,5}(?!\w|\.\d)|(?<![\w.%-])22(?![\w-]|\.\d)")


def literals(text: str) -> Iterator[str | int]:
    """Numbers and strings of Python source, parts of f-strings included; docstrings are not."""
    tree = ast.parse(text)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings and isinstance(node.value, str | int):
            yield node.value


def ports_in(text: str) -> set[int]:
    found: set[int] = set()
    for literal in literals(text):
        found |= {literal} if isinstance(literal, int) else {int(word) for word in _NUMBER.findall(literal)}
    return found & (NUMBERS - OF_THE_WEB)


def files_except(home: str) -> list[Path]:
    return [file for file in sorted(SOURCE.rglob("*.py")) if file != SOURCE / home]


def test_no_port_number_stands_outside_the_table() -> None:
    found = {
        (str(file.relative_to(SOURCE)), port)
        for file in files_except(TABLE)
        for port in ports_in(file.read_text(encoding="utf-8"))
    }
    assert found == set(EXCEPTIONS)


ALL = (*PORTS, BREAK_GLASS, MESH)


def test_the_table_has_these_numbers() -> None:
    assert {number for port in ALL for number in port.numbers} == NUMBERS


@pytest.mark.parametrize(
    "text",
    [
        "PORT = 8501",
        'f"https://{server}:4646"',
        '{"reserved": "22,8301"}',
        'RANGE = "20000-32000"',
        'say("port 22.")',
    ],
)
def test_a_port_number_elsewhere_is_found(text: str) -> None:
    """Control."""
    assert ports_in(text)


def test_nomads_region_stands_in_one_place() -> None:
    for file in files_except(REGION_HOME):
        words = [text for text in literals(file.read_text(encoding="utf-8")) if isinstance(text, str)]
        if file.name == "traefik_config.py":
            words.remove("global")  # a key of Traefik's
        assert [text for text in words if text == "global" or "global.nomad" in text] == [], file
    home = list(literals((SOURCE / REGION_HOME).read_text(encoding="utf-8")))
    assert home.count("global") == 1, "control: the literal is found where it is"


def test_files_of_the_image_connect_to_ports_of_the_table() -> None:
    """They are in the snapshot, which no plan reaches, so they spell the numbers."""
    files = ROOT / "packer" / "files"
    found = {
        str(file.relative_to(files)): {
            int(port)
            for port in re.findall(r"(?:127\.0\.0\.1[:#]|_PORT = )(\d+)", file.read_text(encoding="utf-8"))
        }
        for file in files.rglob("*")
        if file.is_file()
    }
    assert {file: numbers for file, numbers in found.items() if numbers} == {
        "etc/profile.d/bakery.sh": {ports.CONSUL_HTTPS, ports.NOMAD_HTTPS},
        "usr/local/lib/bakery/consul-peers": {ports.CONSUL_HTTPS},
        "usr/local/lib/bakery/dnsmasq.conf": {ports.CONSUL_DNS},
        "usr/local/lib/bakery/wait-for-servers": {ports.NOMAD_HTTPS},
    }


def test_the_cluster_file_cannot_open_a_port_of_the_table() -> None:
    single = {port.numbers[0] for port in ALL if port.numbers[0] == port.numbers[1]}
    of_ingress = {80, 443, 8082}
    """Ports of nodes that run no jobs; on a node with jobs they are free."""
    assert {port.kinds for port in PORTS if port.numbers[0] in of_ingress} == {frozenset({Kind.INGRESS})}
    assert single - of_ingress | {8302, 8500, 8502} == set(TAKEN)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_kind_has_a_port_in_one_line_of_the_table(kind: Kind) -> None:
    for protocol in ("tcp", "udp"):
        numbers = [port.numbers for port in ports.ports_of(kind) if protocol in port.protocols]
        assert len(numbers) == len(set(numbers))


def test_no_job_takes_a_port_of_the_agents_or_of_ssh() -> None:
    assert reserved_ports(Kind.ALL_IN_ONE) == (22, 53, 4646, 4647, 4648, 8300, 8301, 8501, 8600)
    assert reserved_ports(Kind.NOMAD_CLIENT) == (22, 53, 4646, 8301, 8501, 8600)
    assert reserved_ports(Kind.NOMAD_CLIENT, mesh=True) == (22, 53, 4646, 8301, 8501, 8503, 8600)


def row(port: Port) -> str:
    """A line of the table in docs/architecture.md."""
    kinds = (
        "every kind" if port.kinds == set(Kind) else ", ".join(f"`{kind}`" for kind in Kind if kind in port.kinds)
    )
    sources = {
        Source.LOOPBACK: "the node itself",
        Source.CONTAINERS: "its containers",
        Source.VPC: "the VPC",
        Source.ADMIN: "the operator",
    }
    who = ", ".join(text for source, text in sources.items() if port.opens_to(source)) or "everyone"
    return f"| {port.text} | {', '.join(port.protocols)} | {kinds} | {who} | {port.reason} |"


def test_the_table_of_the_docs_is_the_table_of_the_code() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    lines = text.partition("## Ports\n")[2].partition("\n## ")[0].splitlines()
    shown = [line for line in lines if line.startswith("| ")][1:]
    assert shown == [row(port) for port in ALL]
