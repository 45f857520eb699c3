"""The port table: which kinds of node listen on a port, which sources may connect, and the reason.

Built from it: the cloud firewall, the host firewall, the agents' configuration, the ports that Nomad does not give
to jobs, ``bakery env``, and the table in docs/architecture.md. The cluster file adds rows for a role
(:func:`opened_ports`). The numbers are in :mod:`bakery.config.ports`; they are the products' defaults:
https://developer.hashicorp.com/consul/docs/reference/architecture/ports
https://developer.hashicorp.com/nomad/docs/deploy/production/requirements#ports-used
https://developer.hashicorp.com/nomad/docs/configuration/client#min_dynamic_port

Not in the table, because bakery does not use them: the ports of Consul's plaintext HTTP (8500), WAN gossip (8302)
and plaintext gRPC (8502).
"""

from dataclasses import dataclass
from enum import Flag, auto

from bakery.config.model import Kind, RoleSettings
from bakery.config.ports import (
    ANYWHERE,
    CONSUL_DNS,
    CONSUL_GOSSIP,
    CONSUL_GRPC,
    CONSUL_HTTPS,
    CONSUL_RPC,
    DNS,
    FIRST_DYNAMIC,
    HTTP,
    HTTPS,
    LAST_DYNAMIC,
    NOMAD_GOSSIP,
    NOMAD_HTTPS,
    NOMAD_RPC,
    PING,
    SSH,
)

__all__ = [
    "BREAK_GLASS", "CONSUL_DNS", "CONSUL_GOSSIP", "CONSUL_GRPC", "CONSUL_HTTPS", "CONSUL_RPC", "DNS",
    "FIRST_DYNAMIC", "HTTP", "HTTPS", "LAST_DYNAMIC", "MESH", "NOMAD_GOSSIP", "NOMAD_HTTPS", "NOMAD_RPC", "PING",
    "PORTS", "SSH", "Port", "Source", "opened_ports", "ports_of", "reserved_ports",
]  # fmt: skip
"""Nomad's default range of ports for tasks."""


class Source(Flag):
    """Sources that may connect to a port."""

    LOOPBACK = auto()
    """The node itself, which may always connect to its own ports. Alone, it means that no other source may."""
    CONTAINERS = auto()
    """Containers on the same node, behind docker's default bridge or Nomad's."""
    VPC = auto()
    ADMIN = auto()
    """The operator's networks (``access.admin_cidrs``), known at launch."""


@dataclass(frozen=True)
class Port:
    """A row of the table: one port, or a range of ports, on some kinds of node."""

    name: str
    """Used in the comments of the host firewall."""
    numbers: tuple[int, int]
    """The first and the last port of the range; equal for a single port."""
    protocols: tuple[str, ...]
    kinds: frozenset[Kind]
    """The kinds of node that listen there."""
    sources: Source
    reason: str
    """Shown in ``bakery plan`` and the docs."""
    any_source_on_host: bool = False
    """Whether the host firewall admits every source, so that only the cloud firewall decides. It also admits every
    source if ``sources`` contains ADMIN, because a node does not know the operator's address."""
    networks: tuple[str, ...] = ()
    """Networks in CIDR form that may connect too."""

    @property
    def text(self) -> str:
        """The port or range as DigitalOcean and nftables write it: ``8301`` or ``20000-32000``."""
        first, last = self.numbers
        return str(first) if first == last else f"{first}-{last}"

    def opens_to(self, source: Source) -> bool:
        """Return whether any of the sources in ``source`` may connect."""
        return bool(self.sources & source)

    @property
    def opens_to_everyone(self) -> bool:
        return set(ANYWHERE) <= set(self.networks)


def _one(number: int) -> tuple[int, int]:
    return number, number


_TCP = ("tcp",)
_TCP_UDP = ("tcp", "udp")
_ALL = frozenset(Kind)
_CONSUL_SERVERS = frozenset(kind for kind in Kind if kind.is_consul_server)
_CONSUL_CLIENTS = _ALL - _CONSUL_SERVERS
_NOMAD_SERVERS = frozenset(kind for kind in Kind if kind.is_nomad_server)
_NOMAD_CLIENTS = frozenset(kind for kind in Kind if kind.is_nomad_client)
_INGRESS = frozenset(kind for kind in Kind if kind.is_ingress)
_LOCAL = Source.LOOPBACK
_VPC = Source.VPC
_VPC_ADMIN = Source.VPC | Source.ADMIN
_CONSUL_DNS_AGENT = "Consul DNS of the node's own agent"
_FORWARDER = "DNS forwarder to Consul and to DigitalOcean's resolvers"

# Columns: name, numbers, protocols, kinds, sources, reason.
PORTS: tuple[Port, ...] = (
    Port("Consul's gossip", _one(CONSUL_GOSSIP), _TCP_UDP, _ALL, _VPC, "Consul gossip"),
    Port("Consul's RPC and Raft", _one(CONSUL_RPC), _TCP, _CONSUL_SERVERS, _VPC, "Consul RPC and Raft"),
    Port(
        "Consul's API", _one(CONSUL_HTTPS), _TCP, _CONSUL_SERVERS, _VPC_ADMIN, "Consul API and UI over mutual TLS"
    ),
    Port("Consul's API", _one(CONSUL_HTTPS), _TCP, _CONSUL_CLIENTS, _LOCAL, "Consul API of the node's own agent"),
    Port("Consul's DNS", _one(CONSUL_DNS), _TCP_UDP, _CONSUL_SERVERS, _VPC_ADMIN, "Consul DNS"),
    Port(
        "Consul's DNS", _one(CONSUL_DNS), _TCP_UDP, _CONSUL_CLIENTS - _NOMAD_CLIENTS, _LOCAL, _CONSUL_DNS_AGENT
    ),
    Port(
        "Consul's DNS", _one(CONSUL_DNS), _TCP_UDP, _NOMAD_CLIENTS - _CONSUL_SERVERS, _LOCAL | Source.CONTAINERS,
        _CONSUL_DNS_AGENT,
    ),
    Port("the node's DNS", _one(DNS), _TCP_UDP, _ALL - _NOMAD_CLIENTS, _LOCAL, _FORWARDER),
    Port("the node's DNS", _one(DNS), _TCP_UDP, _NOMAD_CLIENTS, _LOCAL | Source.CONTAINERS, _FORWARDER),
    Port("Nomad's API", _one(NOMAD_HTTPS), _TCP, _NOMAD_SERVERS, _VPC_ADMIN, "Nomad API and UI over TLS"),
    Port("Nomad's RPC and Raft", _one(NOMAD_RPC), _TCP, _NOMAD_SERVERS, _VPC, "Nomad RPC and Raft"),
    Port("Nomad's gossip", _one(NOMAD_GOSSIP), _TCP_UDP, _NOMAD_SERVERS, _VPC, "Nomad gossip"),
    # Containers on any bridge of the node connect to it too, so the host firewall admits every source. The API
    # requires a client certificate.
    Port(
        "Nomad's API", _one(NOMAD_HTTPS), _TCP, _NOMAD_CLIENTS - _NOMAD_SERVERS, _VPC,
        "Nomad API: logs, files and exec", any_source_on_host=True,
    ),
    Port(
        "the jobs' ports", (FIRST_DYNAMIC, LAST_DYNAMIC), _TCP_UDP, _NOMAD_CLIENTS, _VPC | Source.CONTAINERS,
        "dynamic ports of Nomad's tasks",
    ),
    Port("HTTP", _one(HTTP), _TCP, _INGRESS, Source(0), "HTTP to the services of jobs", networks=ANYWHERE),
    Port("HTTPS", _one(HTTPS), _TCP, _INGRESS, Source(0), "HTTPS to the services of jobs", networks=ANYWHERE),
    Port("Traefik's health", _one(PING), _TCP, _INGRESS, _VPC, "health of Traefik"),
)  # fmt: skip
BREAK_GLASS = Port("break-glass SSH", _one(SSH), _TCP, _ALL, Source.ADMIN, "SSH: access.ssh_keys has keys")
"""Open only if the cluster file names SSH keys."""
# Envoy connects to it through a socket in the allocation's folder, which Nomad forwards (hashicorp/nomad
# client/allocrunner/consul_grpc_sock_hook.go), so that containers need no way to the port.
MESH = Port(
    "Consul's gRPC", _one(CONSUL_GRPC), _TCP, _NOMAD_CLIENTS, _LOCAL,
    "Consul's gRPC for sidecars: mesh is true",
)  # fmt: skip
"""Consul listens there only if the cluster file has ``mesh: true``."""


def ports_of(kind: Kind) -> tuple[Port, ...]:
    """Return the ports on which a node of ``kind`` listens, without SSH, in the table's order."""
    return tuple(port for port in PORTS if kind in port.kinds)


def opened_ports(role: str, kind: Kind, settings: RoleSettings) -> tuple[Port, ...]:
    """Return the ports that the cluster file opens on the nodes of a role, in file order.

    What the VPC may reach, containers on the same node may reach too.
    """
    reason = f"roles.{role}.ports"
    return tuple(
        Port(
            f"port {port.number} of the cluster file",
            _one(port.number),
            (port.protocol,),
            frozenset({kind}),
            Source.VPC | Source.CONTAINERS if port.vpc else Source(0),
            reason,
            networks=port.networks,
        )
        for port in settings.ports
    )


def reserved_ports(kind: Kind, *, mesh: bool = False) -> tuple[int, ...]:
    """Return the ports that no job on a node of ``kind`` may use, ascending: those of the agents and SSH."""
    ports = (*ports_of(kind), BREAK_GLASS, *((MESH,) if mesh else ()))
    single = {port.numbers[0] for port in ports if port.numbers[0] == port.numbers[1]}
    return tuple(sorted(single))
