"""The host firewall, rule by rule, per kind."""

import re
from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from bakery.config.model import Kind, OpenPort, RoleSettings
from bakery.config.ports import parse_port
from bakery.render.model import Join
from bakery.render.user_data import render_node
from tests.helpers.clusters import make_credentials, make_plan, node_of
from tests.helpers.rendered import files_of

VPC = "ip saddr 10.100.0.0/20"
BOTH = "meta l4proto { tcp, udp } th dport"
SENT = "meta l4proto { tcp, udp } ct original proto-dst"
BRIDGES = 'iifname { "docker0", "nomad" }'
FORWARD = [
    'iifname != { "docker0", "nomad" } oifname { "docker0", "nomad" }'
    " ct state != { established, related } jump published"
]
# From outside, a container is reached by what was sent to a published port, and has another destination since.
PUBLISHED = ["ct status & dnat == 0 drop", f"{VPC} {SENT} 20000-32000 accept"]
ALWAYS = [
    "ct state established,related accept",
    "ct state invalid drop",
    'iifname "lo" accept',
    "meta l4proto { icmp, ipv6-icmp } accept",
]
# Ports: https://developer.hashicorp.com/consul/docs/reference/architecture/ports,
# https://developer.hashicorp.com/nomad/docs/deploy/production/requirements#ports-used
GOSSIP = f"{VPC} {BOTH} 8301 accept"
EXPECTED = {
    Kind.CONSUL_SERVER: [
        GOSSIP, f"{VPC} tcp dport 8300 accept", "tcp dport 8501 accept", f"{BOTH} 8600 accept",
    ],
    Kind.NOMAD_SERVER: [
        GOSSIP, f"{VPC} tcp dport 4647 accept", f"{VPC} {BOTH} 4648 accept", "tcp dport 4646 accept",
    ],
    Kind.NOMAD_CLIENT: [
        GOSSIP, f"{VPC} {BOTH} 20000-32000 accept", "tcp dport 4646 accept",
        f"{BRIDGES} {BOTH} 8600 accept", f"{BRIDGES} {BOTH} 53 accept", f"{BRIDGES} {BOTH} 20000-32000 accept",
    ],
    Kind.SERVER: [
        GOSSIP, f"{VPC} tcp dport 8300 accept", f"{VPC} tcp dport 4647 accept", f"{VPC} {BOTH} 4648 accept",
        "tcp dport 8501 accept", f"{BOTH} 8600 accept", "tcp dport 4646 accept",
    ],
    Kind.ALL_IN_ONE: [
        GOSSIP, f"{VPC} tcp dport 8300 accept", f"{VPC} tcp dport 4647 accept", f"{VPC} {BOTH} 4648 accept",
        f"{VPC} {BOTH} 20000-32000 accept", "tcp dport 8501 accept", f"{BOTH} 8600 accept",
        "tcp dport 4646 accept", f"{BRIDGES} {BOTH} 53 accept", f"{BRIDGES} {BOTH} 20000-32000 accept",
    ],
    Kind.INGRESS: [
        GOSSIP, f"{VPC} tcp dport 8082 accept", "tcp dport 80 accept", "tcp dport 443 accept",
    ],
}  # fmt: skip


def firewall(kind: Kind, vpc: str = "10.100.0.0/20", *ports: str) -> str:
    plan = replace(make_plan(), vpc_cidr=IPv4Network(vpc))
    opened = tuple(port for port in map(parse_port, ports) if isinstance(port, OpenPort))
    node = replace(node_of(plan, kind), settings=RoleSettings(ports=opened))
    join = Join(consul=("10.100.0.2",), nomad=())
    return files_of(render_node(plan, node, make_credentials(kind), join))["/etc/bakery/firewall.nft"].content


def chain(text: str, name: str) -> list[str]:
    match = re.search(rf"chain {name} \{{\n(.*?)\n  \}}", text, re.DOTALL)
    assert match is not None
    return [re.sub(r' comment ".*"$', "", line.strip()) for line in match[1].splitlines()]


@pytest.mark.parametrize("kind", list(Kind))
def test_what_comes_in(kind: Kind) -> None:
    lines = chain(firewall(kind), "input")
    assert lines[0] == "type filter hook input priority filter; policy drop;"
    assert lines[1:] == [*ALWAYS, *EXPECTED[kind]]


def test_the_ports_of_the_cluster_file_come_in_too() -> None:
    """Containers of the node reach what the VPC reaches; their packets have an address of the bridge."""
    ports = ("80/tcp", "8080/tcp from vpc", "5000/udp from 203.0.113.0/24 2001:db8::/32")
    added = {
        "tcp dport 80 accept",
        f"{VPC} tcp dport 8080 accept",
        f"{BRIDGES} tcp dport 8080 accept",
        "ip saddr 203.0.113.0/24 udp dport 5000 accept",
        "ip6 saddr 2001:db8::/32 udp dport 5000 accept",
    }
    lines = chain(firewall(Kind.NOMAD_CLIENT, "10.100.0.0/20", *ports), "input")
    assert sorted(lines[1:]) == sorted([*ALWAYS, *EXPECTED[Kind.NOMAD_CLIENT], *added])


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("name", ["output", "forward"])
def test_nobody_reaches_the_metadata_and_all_else_passes(kind: Kind, name: str) -> None:
    assert chain(firewall(kind), name) == [
        f"type filter hook {name} priority filter; policy accept;",
        "ip daddr 169.254.169.254 drop",
        *(FORWARD if name == "forward" and kind.is_nomad_client else []),
    ]


def test_packets_to_tasks_were_sent_to_ports_of_the_table() -> None:
    assert chain(firewall(Kind.NOMAD_CLIENT), "published") == [*PUBLISHED, "drop"]
    opened = ("80/tcp", "8080/tcp from vpc", "5000/udp from 203.0.113.0/24")
    added = [
        f"{VPC} meta l4proto tcp ct original proto-dst 8080 accept",
        "ip saddr 203.0.113.0/24 meta l4proto udp ct original proto-dst 5000 accept",
        "meta l4proto tcp ct original proto-dst 80 accept",
    ]
    lines = chain(firewall(Kind.NOMAD_CLIENT, "10.100.0.0/20", *opened), "published")
    assert lines == [*PUBLISHED, *added, "drop"]


@pytest.mark.parametrize("kind", list(Kind))
def test_no_table_but_ours_is_touched(kind: Kind) -> None:
    statements = [line for line in firewall(kind).splitlines() if line and not line.startswith((" ", "#", "}"))]
    assert statements == ["add table inet bakery", "delete table inet bakery", "table inet bakery {"]
    assert "flush" not in firewall(kind)


def test_the_vpc_is_the_plans() -> None:
    assert "ip saddr 172.30.240.0/20 tcp dport 8300 accept" in firewall(Kind.CONSUL_SERVER, "172.30.240.0/20")
