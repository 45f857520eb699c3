"""The host firewall and the cloud firewall of a node admit the same ports from the network.

The expected table is written by hand from
https://developer.hashicorp.com/consul/docs/reference/architecture/ports and
https://developer.hashicorp.com/nomad/docs/deploy/production/requirements#ports-used: servers listen for RPC, Raft
and gossip; clients listen for Consul's gossip only.
"""

import re
from pathlib import Path

import pytest

from bakery.config.load import parse_cluster
from bakery.config.model import Kind
from bakery.plan.build import build_plan
from bakery.plan.model import ClusterPlan
from bakery.render.model import Join
from bakery.render.user_data import render_node
from tests.helpers.clusters import make_credentials, node_of
from tests.helpers.rendered import files_of

VPC = "vpc"
OUTSIDE = "outside"
"""From outside the VPC too: the cloud firewall admits the operator's networks, the host firewall every source."""

Admitted = dict[tuple[str, str], str]
"""Who may reach a protocol and port."""

EVERY_NODE = {("tcp", "8301"): VPC, ("udp", "8301"): VPC}
CONSUL_SERVER = {
    ("tcp", "8300"): VPC, ("tcp", "8501"): OUTSIDE, ("tcp", "8600"): OUTSIDE, ("udp", "8600"): OUTSIDE,
}  # fmt: skip
NOMAD_SERVER = {("tcp", "4646"): OUTSIDE, ("tcp", "4647"): VPC, ("tcp", "4648"): VPC, ("udp", "4648"): VPC}
NOMAD_CLIENT = {("tcp", "4646"): VPC, ("tcp", "20000-32000"): VPC, ("udp", "20000-32000"): VPC}
EXPECTED: dict[Kind, Admitted] = {
    Kind.CONSUL_SERVER: EVERY_NODE | CONSUL_SERVER,
    Kind.NOMAD_SERVER: EVERY_NODE | NOMAD_SERVER,
    Kind.NOMAD_CLIENT: EVERY_NODE | NOMAD_CLIENT,
    Kind.SERVER: EVERY_NODE | CONSUL_SERVER | NOMAD_SERVER,
    Kind.ALL_IN_ONE: EVERY_NODE | CONSUL_SERVER | NOMAD_CLIENT | NOMAD_SERVER,
    Kind.INGRESS: EVERY_NODE | {("tcp", "80"): OUTSIDE, ("tcp", "443"): OUTSIDE, ("tcp", "8082"): VPC},
}
# The API of a Nomad client: the cloud firewall admits the VPC, the host firewall every source, since containers on
# any bridge of the node reach it. It asks for a client certificate.
HOST_IS_WIDER: dict[Kind, Admitted] = {Kind.NOMAD_CLIENT: {("tcp", "4646"): OUTSIDE}}
SSH = {("tcp", "22"): OUTSIDE}
ROLES = "roles: {consul-server: {}, nomad-server: {}, nomad-client: {}, server: {}, all-in-one: {}, ingress: {}}\n"


def plan_of(text: str = "") -> ClusterPlan:
    return build_plan(parse_cluster(f"version: 1\ncluster: demo\n{ROLES}{text}", Path("bakery.yaml")))


def by_cloud(plan: ClusterPlan, kind: Kind) -> Admitted:
    """Without ICMP, which has no ports."""
    (firewall,) = [firewall for firewall in plan.firewalls if firewall.name == f"demo-{kind}"]
    rules = [rule for rule in firewall.inbound if rule.protocol != "icmp"]
    return {
        (rule.protocol, rule.ports): OUTSIDE if rule.admin or rule.sources != ("10.100.0.0/20",) else VPC
        for rule in rules
    }


def host_table(plan: ClusterPlan, kind: Kind) -> str:
    join = Join(consul=("10.100.0.2",), nomad=())
    rendered = render_node(plan, node_of(plan, kind), make_credentials(kind), join)
    return files_of(rendered)["/etc/bakery/firewall.nft"].content


def by_host(table: str) -> Admitted:
    """What the chain ``input`` admits from the network; rules for the bridges of containers are left out."""
    chain = table.partition("chain input {")[2].partition("}\n\n")[0]
    found: Admitted = {}
    for line in chain.splitlines():
        rule = re.match(r"\s+(ip6? saddr \S+ )?(?:meta l4proto \{ (.+) \} th|(\w+)) dport (\S+) accept", line)
        if rule is not None:
            source, several, one, ports = rule.groups()
            for protocol in (several or one).split(", "):
                assert (protocol, ports) not in found, "two rules admit the same port"
                found[protocol, ports] = VPC if source == "ip saddr 10.100.0.0/20 " else OUTSIDE
    return found


@pytest.mark.parametrize("kind", list(Kind))
def test_both_firewalls_admit_the_same(kind: Kind) -> None:
    plan = plan_of()
    assert by_cloud(plan, kind) == EXPECTED[kind]
    assert by_host(host_table(plan, kind)) == EXPECTED[kind] | HOST_IS_WIDER.get(kind, {})


@pytest.mark.parametrize("kind", list(Kind))
def test_with_ssh_keys_both_open_ssh(kind: Kind) -> None:
    plan = plan_of("access: {ssh_keys: [me]}\n")
    assert by_cloud(plan, kind) == EXPECTED[kind] | SSH
    assert by_host(host_table(plan, kind)) == EXPECTED[kind] | HOST_IS_WIDER.get(kind, {}) | SSH


@pytest.mark.parametrize("kind", list(Kind))
def test_the_mesh_opens_neither(kind: Kind) -> None:
    """Sidecars meet at dynamic ports, and Consul's gRPC listens on loopback."""
    plan = plan_of("mesh: true\n")
    assert by_cloud(plan, kind) == EXPECTED[kind]
    assert host_table(plan, kind) == host_table(plan_of(), kind)


def test_both_open_the_ports_of_the_cluster_file() -> None:
    ports = "[80/tcp, 443/tcp, 8080/tcp from vpc, 5000/udp from 203.0.113.0/24]"
    text = f"version: 1\ncluster: demo\n{ROLES}".replace("nomad-client: {}", f"nomad-client: {{ports: {ports}}}")
    plan = build_plan(parse_cluster(text, Path("bakery.yaml")))
    added = {("tcp", "80"): OUTSIDE, ("tcp", "443"): OUTSIDE, ("tcp", "8080"): VPC, ("udp", "5000"): OUTSIDE}
    kind = Kind.NOMAD_CLIENT
    assert by_cloud(plan, kind) == EXPECTED[kind] | added
    assert by_host(host_table(plan, kind)) == EXPECTED[kind] | HOST_IS_WIDER[kind] | added
    for other in set(Kind) - {kind}:
        assert by_cloud(plan, other) == EXPECTED[other]
        assert by_host(host_table(plan, other)) == EXPECTED[other]


def test_a_rule_of_the_host_alone_is_seen() -> None:
    """Control: the two rules that the host once had beside the cloud firewall's table."""
    table = host_table(plan_of(), Kind.NOMAD_CLIENT)
    for rule, port in (
        ("tcp dport 4647", ("tcp", "4647")),
        ("meta l4proto { tcp, udp } th dport 8600", ("udp", "8600")),
    ):
        wider = table.replace(
            " tcp dport 4646 accept", f" ip saddr 10.100.0.0/20 {rule} accept\n    tcp dport 4646 accept"
        )
        assert by_host(wider)[port] == VPC
        assert port not in by_host(table)


def test_containers_of_a_client_reach_its_dns_and_the_jobs_ports_by_their_bridge() -> None:
    """The two bridges are docker's default and Nomad's; from the VPC a client's DNS is closed."""
    table = host_table(plan_of(), Kind.NOMAD_CLIENT)
    bridged = re.findall(
        r'iifname \{ "docker0", "nomad" \} meta l4proto \{ tcp, udp \} th dport (\S+) accept', table
    )
    assert bridged == ["8600", "53", "20000-32000"]
    assert 'iifname "lo" accept' in table
