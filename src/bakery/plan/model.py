"""What the cluster will be: a pure function of the cluster file."""

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Network

from bakery.config.model import Kind


class Wave(IntEnum):
    """When a node is created; a wave needs the private addresses of the ones before it."""

    FIRST_SERVER = 1
    """The first Consul server, which joins nobody but itself."""
    SERVERS = 2
    """The other Consul servers and the first Nomad server."""
    REST = 3
    """All others, with every Consul server's address and the first Nomad server's."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A planned member; becomes a droplet at launch."""

    slot: str
    """``<cluster>-<role>-<index>``: the node's place in the plan. It stays when the droplet in it is replaced."""
    name: str
    """Droplet name, host name and agent name: the slot for the first droplet in it, and the slot with four
    hexadecimal digits (:func:`bakery.plan.slots.later_name`) for each later one."""
    role: str
    kind: Kind
    size: str
    node_pool: str
    wave: Wave
    tags: tuple[str, ...]
    """Cluster, role and slot tags; the launch adds its own."""


@dataclass(frozen=True, kw_only=True)
class FirewallRule:
    """One inbound permission. ``sources`` are CIDRs; ``admin`` adds the operator's networks at launch."""

    protocol: str
    """tcp, udp or icmp."""
    ports: str
    """"8301", "20000-32000", or "0" for all, as DigitalOcean writes them."""
    sources: tuple[str, ...]
    admin: bool
    reason: str
    """For the table in ``bakery plan`` and the docs ("serf gossip")."""


@dataclass(frozen=True, kw_only=True)
class Firewall:
    """One DigitalOcean firewall, bound to droplets by one tag. Everything outbound is allowed."""

    name: str
    tag: str
    inbound: tuple[FirewallRule, ...]


@dataclass(frozen=True, kw_only=True)
class ClusterPlan:
    """The whole cluster before anything of it exists."""

    cluster: str
    region: str
    vpc_name: str
    vpc_cidr: IPv4Network
    image_base: str
    consul_version: str
    nomad_version: str
    nodes: tuple[Node, ...]
    """In order of creation: by wave, then role as in the file, then index."""
    firewalls: tuple[Firewall, ...]
    consul_expect: int
    """``bootstrap_expect`` of Consul: the file's number of Consul servers, whatever exists now."""
    nomad_expect: int
    """``bootstrap_expect`` of Nomad; 0 when the cluster has no Nomad servers."""
    ssh_keys: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def consul_servers(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.kind.is_consul_server)

    @property
    def nomad_servers(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.kind.is_nomad_server)

    @property
    def nomad_clients(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.kind.is_nomad_client)
