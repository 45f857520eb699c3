"""The firewall of every kind of node, port by port.

Ports: https://developer.hashicorp.com/consul/docs/reference/architecture/ports and
https://developer.hashicorp.com/nomad/docs/deploy/production/requirements#ports-used.
"""

from pathlib import Path

import pytest

from bakery.config.load import parse_cluster
from bakery.config.ports import MAX_PORTS
from bakery.plan.build import build_plan
from bakery.plan.firewall import MAX_RULES
from bakery.plan.model import Firewall

VPC = "vpc"
ADMIN = "admin"
BOTH = "vpc+admin"

EVERY_NODE = {("icmp", "0"): VPC, ("tcp", "8301"): VPC, ("udp", "8301"): VPC}
CONSUL_SERVER = {("tcp", "8300"): VPC, ("tcp", "8501"): BOTH, ("tcp", "8600"): BOTH, ("udp", "8600"): BOTH}
NOMAD_SERVER = {("tcp", "4646"): BOTH, ("tcp", "4647"): VPC, ("tcp", "4648"): VPC, ("udp", "4648"): VPC}
NOMAD_CLIENT = {("tcp", "4646"): VPC, ("tcp", "20000-32000"): VPC, ("udp", "20000-32000"): VPC}

EXPECTED = {
    "demo-consul-server": EVERY_NODE | CONSUL_SERVER,
    "demo-nomad-server": EVERY_NODE | NOMAD_SERVER,
    "demo-nomad-client": EVERY_NODE | NOMAD_CLIENT,
    "demo-server": EVERY_NODE | CONSUL_SERVER | NOMAD_SERVER,
    "demo-all-in-one": EVERY_NODE | CONSUL_SERVER | NOMAD_CLIENT | NOMAD_SERVER,
    "demo-gpu": EVERY_NODE | NOMAD_CLIENT,
}
ROLES = """\
roles:
  {consul-server: {}, nomad-server: {}, nomad-client: {}, server: {}, all-in-one: {}, gpu: {kind: nomad-client}}
"""


def firewalls(text: str = "") -> tuple[Firewall, ...]:
    config = parse_cluster(f"version: 1\ncluster: demo\n{ROLES}{text}", Path("bakery.yaml"))
    return build_plan(config).firewalls


def table(firewall: Firewall) -> dict[tuple[str, str], str]:
    found = {}
    for rule in firewall.inbound:
        sources = [VPC] if rule.sources == ("10.100.0.0/20",) else list(rule.sources)
        found[rule.protocol, rule.ports] = "+".join([*sources, *([ADMIN] if rule.admin else [])])
    assert len(found) == len(firewall.inbound), "a protocol and port stands in two rules"
    return found


def test_every_role_has_its_table() -> None:
    assert {firewall.name: table(firewall) for firewall in firewalls()} == EXPECTED


def test_a_firewall_is_bound_to_its_roles_tag() -> None:
    assert [(firewall.name, firewall.tag) for firewall in firewalls()] == [
        ("demo-consul-server", "bakery:demo:role:consul-server"),
        ("demo-nomad-server", "bakery:demo:role:nomad-server"),
        ("demo-nomad-client", "bakery:demo:role:nomad-client"),
        ("demo-server", "bakery:demo:role:server"),
        ("demo-all-in-one", "bakery:demo:role:all-in-one"),
        ("demo-gpu", "bakery:demo:role:gpu"),
    ]


def test_every_node_carries_the_tag_that_a_firewall_is_bound_to() -> None:
    plan = build_plan(parse_cluster(f"version: 1\ncluster: demo\n{ROLES}", Path("bakery.yaml")))
    bound = {firewall.tag for firewall in plan.firewalls}
    assert [node.name for node in plan.nodes if len(bound & set(node.tags)) != 1] == []


@pytest.mark.parametrize(
    ("ingress", "ports"),
    [
        ("{}", set()),
        ("{domains: [a.example.com], load_balancer: {certificate: lets-encrypt}}", {"80", "443"}),
        ("{domains: [a.example.com], load_balancer: {certificate: lets-encrypt, direct_access: true}}", set()),
    ],
)
def test_behind_a_load_balancer_it_alone_connects(ingress: str, ports: set[str]) -> None:
    """Not to the ports that only the VPC reaches, such as that of Traefik's health."""
    text = f"version: 1\ncluster: demo\nroles: {{consul-server: {{}}, ingress: {{}}}}\ningress: {ingress}\n"
    servers, nodes = build_plan(parse_cluster(text, Path("bakery.yaml"))).firewalls
    assert {rule.ports for rule in nodes.inbound if rule.balancer_only} == ports
    assert [rule for rule in servers.inbound if rule.balancer_only] == []


def test_break_glass_keys_open_ssh_to_the_admin_networks_only() -> None:
    opened = {firewall.name: table(firewall) for firewall in firewalls("access: {ssh_keys: [me]}\n")}
    assert opened == {name: ports | {("tcp", "22"): ADMIN} for name, ports in EXPECTED.items()}


def test_a_role_opens_the_ports_that_the_file_names_and_no_others() -> None:
    """The other roles' tables, and the rest of this one's, stay as they are."""
    wider = "5000/udp from 203.0.113.0/24 2001:db8::/32, 5001/tcp from vpc 198.51.100.7/32"
    ports = f"[80/tcp, 8080/tcp from vpc, {wider}]"
    text = f"version: 1\ncluster: demo\n{ROLES}".replace("nomad-client: {}", f"nomad-client: {{ports: {ports}}}")
    opened = build_plan(parse_cluster(text, Path("bakery.yaml"))).firewalls
    added = {
        ("tcp", "80"): "0.0.0.0/0+::/0",
        ("tcp", "8080"): VPC,
        ("udp", "5000"): "203.0.113.0/24+2001:db8::/32",
        ("tcp", "5001"): "10.100.0.0/20+198.51.100.7/32",
    }
    assert {firewall.name: table(firewall) for firewall in opened} == EXPECTED | {
        "demo-nomad-client": EVERY_NODE | NOMAD_CLIENT | added
    }


def test_the_vpc_of_the_file_is_the_source() -> None:
    (firewall, *_) = firewalls("vpc: {cidr: 10.120.0.0/24}\n")
    assert {source for rule in firewall.inbound for source in rule.sources} == {"10.120.0.0/24"}


@pytest.mark.parametrize("port", ["8302", "8500", "8502", "8503"])
def test_no_firewall_admits_what_nothing_listens_on(port: str) -> None:
    assert [f.name for f in firewalls() for rule in f.inbound if rule.ports == port] == []


def test_firewalls_stay_within_digitaloceans_limits() -> None:
    """50 rules with outbound (three: tcp, udp, icmp), port numbers as text, every rule explained."""
    most = ", ".join(f"{number}/tcp" for number in range(9000, 9000 + MAX_PORTS))
    roles = ROLES
    for kind in ("nomad-client", "all-in-one"):
        roles = roles.replace(f"{kind}: {{}}", f"{kind}: {{ports: [{most}]}}")
    text = f"version: 1\ncluster: demo\n{roles}access: {{ssh_keys: [me]}}\n"
    for firewall in build_plan(parse_cluster(text, Path("bakery.yaml"))).firewalls:
        assert len(firewall.inbound) + 3 <= MAX_RULES == 50
        assert [rule for rule in firewall.inbound if not rule.reason] == []
        assert [rule for rule in firewall.inbound if not rule.sources and not rule.admin] == []
