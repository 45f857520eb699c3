"""Who may reach which port: the table behind every firewall of a cluster.

A firewall filters VPC traffic as well as public traffic, and what no rule admits is dropped
(https://docs.digitalocean.com/products/networking/firewalls/). Everything outbound is allowed. Not in the table,
because nothing of ours listens there: Consul's plaintext HTTP (8500), WAN gossip (8302) and gRPC (8502, 8503).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Flag, auto
from ipaddress import IPv4Network

from bakery.config.model import ClusterConfig, Kind, Role
from bakery.plan.model import Firewall, FirewallRule
from bakery.plan.tags import role_tag

MAX_RULES = 50
"""Inbound and outbound together (https://docs.digitalocean.com/products/networking/firewalls/details/limits/)."""


class Source(Flag):
    """From where a port may be reached."""

    VPC = auto()
    ADMIN = auto()
    """The operator's networks, known at launch."""


@dataclass(frozen=True)
class Port:
    """A line of the table."""

    protocol: str
    ports: str
    source: Source
    on: Callable[[Kind], bool]
    """The kinds of node that listen there."""
    reason: str


def _everywhere(_: Kind) -> bool:
    return True


def _consul_servers(kind: Kind) -> bool:
    return kind.is_consul_server


def _nomad_servers(kind: Kind) -> bool:
    return kind.is_nomad_server


def _nomad_clients(kind: Kind) -> bool:
    return kind.is_nomad_client


_BOTH = Source.VPC | Source.ADMIN

# https://developer.hashicorp.com/consul/docs/reference/architecture/ports
# https://developer.hashicorp.com/nomad/docs/deploy/production/requirements#ports-used
# https://developer.hashicorp.com/nomad/docs/configuration/client#min_dynamic_port
TABLE: tuple[Port, ...] = (
    Port("icmp", "0", Source.VPC, _everywhere, "reachability and path MTU inside the VPC"),
    Port("tcp", "8301", Source.VPC, _everywhere, "Consul gossip"),
    Port("udp", "8301", Source.VPC, _everywhere, "Consul gossip"),
    Port("tcp", "8300", Source.VPC, _consul_servers, "Consul RPC and Raft"),
    Port("tcp", "8501", _BOTH, _consul_servers, "Consul API and UI over mutual TLS"),
    Port("tcp", "8600", _BOTH, _consul_servers, "Consul DNS"),
    Port("udp", "8600", _BOTH, _consul_servers, "Consul DNS"),
    Port("tcp", "4646", _BOTH, _nomad_servers, "Nomad API and UI over TLS"),
    Port("tcp", "4647", Source.VPC, _nomad_servers, "Nomad RPC and Raft"),
    Port("tcp", "4648", Source.VPC, _nomad_servers, "Nomad gossip"),
    Port("udp", "4648", Source.VPC, _nomad_servers, "Nomad gossip"),
    Port("tcp", "4646", Source.VPC, _nomad_clients, "Nomad API of the client: logs, files and exec of its tasks"),
    Port("tcp", "20000-32000", Source.VPC, _nomad_clients, "dynamic ports of Nomad's tasks"),
    Port("udp", "20000-32000", Source.VPC, _nomad_clients, "dynamic ports of Nomad's tasks"),
)
BREAK_GLASS = Port("tcp", "22", Source.ADMIN, _everywhere, "SSH, because access.ssh_keys names keys")


def firewall_of(config: ClusterConfig, role: Role) -> Firewall:
    """The firewall of one role's droplets, bound to the role's tag."""
    ports = [port for port in TABLE if port.on(role.kind)]
    if config.access.ssh_keys:
        ports.append(BREAK_GLASS)
    return Firewall(
        name=f"{config.cluster}-{role.name}",
        tag=role_tag(config.cluster, role.name),
        inbound=tuple(_rule(port, config.vpc_cidr) for port in ports),
    )


def _rule(port: Port, vpc_cidr: IPv4Network) -> FirewallRule:
    return FirewallRule(
        protocol=port.protocol,
        ports=port.ports,
        sources=(str(vpc_cidr),) if Source.VPC in port.source else (),
        admin=Source.ADMIN in port.source,
        reason=port.reason,
    )
