"""The ports that a role opens: what they mean, and what is refused, with its exact place and words, by hand."""

from pathlib import Path

import pytest

from bakery.config.load import parse_cluster
from bakery.config.model import OpenPort
from bakery.config.ports import TAKEN
from bakery.errors import ConfigError

FILE = Path("bakery.yaml")


def role(text: str) -> str:
    """A good file with servers, and a role in line 6 whose mapping starts in column 9."""
    return f"version: 1\ncluster: demo\nroles:\n  consul-server: {{}}\n  nomad-server: {{}}\n  pool: {text}\n"


_PORTS = "such as 80/tcp, 8080/tcp from vpc, or 5000/udp from 203.0.113.0/24"
_ELSEWHERE = "let the job listen on another port"


def ports(*entries: str) -> str:
    """Ports of the role in line 6; the first entry is in column 38."""
    return role(f"{{kind: nomad-client, ports: [{', '.join(entries)}]}}")


OPENED_PORTS = {
    "no protocol": (
        ports("80"), 6, 38, "roles.pool.ports[0] must be text, not the number 80",
        "name the protocol: 80/tcp",
    ),
    "no number": (
        ports("http"), 6, 38, 'roles.pool.ports[0] "http" is not a port with its protocol', _PORTS,
    ),
    "a word that is not from": (
        ports("80/tcp to vpc"), 6, 38,
        'roles.pool.ports[0] "80/tcp to vpc" is not a port with its protocol', _PORTS,
    ),
    "from nothing": (
        ports("80/tcp from"), 6, 38, 'roles.pool.ports[0] "80/tcp from" is not a port with its protocol', _PORTS,
    ),
    "another protocol": (
        ports("80/sctp"), 6, 38, 'roles.pool.ports[0]: the protocol must be tcp or udp, not "sctp"', _PORTS,
    ),
    "a leading zero": (
        ports("0000080/tcp"), 6, 38, 'roles.pool.ports[0] "0000080/tcp" is not a port with its protocol', _PORTS,
    ),
    "zero": (ports("0/tcp"), 6, 38, "roles.pool.ports[0]: a port is from 1 to 65535", _PORTS),
    "too high": (ports("65536/tcp"), 6, 38, "roles.pool.ports[0]: a port is from 1 to 65535", _PORTS),
    "far too high": (ports("1" * 200 + "/tcp"), 6, 38, "roles.pool.ports[0]: a port is from 1 to 65535", _PORTS),
    "twice": (
        ports("80/tcp", "443/tcp", "80/tcp from vpc"), 6, 55, "roles.pool.ports[2]: 80/tcp is given twice",
        "keep one of them; several sources follow each other: 80/tcp from vpc 203.0.113.0/24",
    ),
    "SSH": (ports("22/tcp"), 6, 38, "roles.pool.ports[0]: port 22 is SSH", _ELSEWHERE),
    "Nomad's API": (ports("4646/tcp"), 6, 38, "roles.pool.ports[0]: port 4646 is Nomad's API", _ELSEWHERE),
    "Consul's API without TLS, which is off": (
        ports("8500/tcp from vpc"), 6, 38,
        "roles.pool.ports[0]: port 8500 is Consul's API without TLS", _ELSEWHERE,
    ),
    "a dynamic port": (
        ports("20000/tcp"), 6, 38,
        "roles.pool.ports[0]: port 20000 is one of the dynamic ports that Nomad gives to jobs",
        "choose one outside 20000-32000; the VPC reaches that range without this line",
    ),
    "a source that is no network": (
        ports("80/tcp from internet"), 6, 38,
        'roles.pool.ports[0]: the source must be vpc or a network in CIDR form: "internet" is not an IP address',
        'write vpc, or a network such as 203.0.113.0/24; without "from" everyone may connect',
    ),
    "a network with host bits, after one that is right": (
        ports("80/tcp from vpc 203.0.113.7/24"), 6, 38,
        "roles.pool.ports[0]: the source must be vpc or a network in CIDR form: the address has bits beyond its"
        " prefix; the network is 203.0.113.0/24",
        'write vpc, or a network such as 203.0.113.0/24; without "from" everyone may connect',
    ),
    "not a list": (
        role("{kind: nomad-client, ports: 80/tcp}"), 6, 37,
        'roles.pool.ports must be a list, not the text "80/tcp"', "put it in brackets: [80/tcp]",
    ),
    "31 ports": (
        ports(*(f"{number}/tcp" for number in range(9000, 9031))), 6, 30,
        "roles.pool.ports has 31 ports, a firewall of DigitalOcean's has room for 30",
        "put a proxy in front of the jobs",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OPENED_PORTS)
def test_what_is_refused(name: str) -> None:
    text, *expected = OPENED_PORTS[name]
    with pytest.raises(ConfigError) as caught:
        parse_cluster(str(text), FILE)
    assert [[p.line, p.column, p.message, p.hint] for p in caught.value.problems] == [expected]


@pytest.mark.parametrize("number", sorted(TAKEN))
def test_each_port_of_an_agent_is_refused(number: int) -> None:
    for source in ("", " from vpc", " from 203.0.113.0/24"):
        with pytest.raises(ConfigError) as caught:
            parse_cluster(ports(f"{number}/tcp{source}"), FILE)
        assert f": port {number} is {TAKEN[number]}" in caught.value.problems[0].message


EVERYONE = ("0.0.0.0/0", "::/0")


def test_what_is_taken() -> None:
    text = ports(
        "80/tcp", "80/udp", "8080/tcp from vpc", "5000/udp from 203.0.113.0/24",
        "'9000/tcp  from vpc 203.0.113.0/24  2001:db8::/32'", "19999/tcp", "32001/tcp",
    )  # fmt: skip
    (*_, pool) = parse_cluster(text, FILE).roles
    assert pool.settings.ports == (
        OpenPort(number=80, protocol="tcp", vpc=False, networks=EVERYONE),
        OpenPort(number=80, protocol="udp", vpc=False, networks=EVERYONE),
        OpenPort(number=8080, protocol="tcp", vpc=True, networks=()),
        OpenPort(number=5000, protocol="udp", vpc=False, networks=("203.0.113.0/24",)),
        OpenPort(number=9000, protocol="tcp", vpc=True, networks=("203.0.113.0/24", "2001:db8::/32")),
        OpenPort(number=19999, protocol="tcp", vpc=False, networks=EVERYONE),
        OpenPort(number=32001, protocol="tcp", vpc=False, networks=EVERYONE),
    )


def test_a_file_without_ports_opens_none() -> None:
    for config_role in parse_cluster("version: 1\ncluster: demo\n", FILE).roles:
        assert config_role.settings.ports == ()
