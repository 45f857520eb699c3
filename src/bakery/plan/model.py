"""The planned cluster, as frozen dataclasses."""

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Network

from bakery.config.model import NO_DOCKER, NO_INGRESS, NO_SETTINGS, Docker, Ingress, Kind, RoleSettings


class Wave(IntEnum):
    """The order of creation: the nodes of a wave need the private addresses of the waves before it."""

    FIRST_SERVER = 1
    """The first Consul server, which joins only itself."""
    REST = 2
    """All other nodes. They join the first server and learn of each other by gossip."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A planned node; a launch creates its droplet."""

    slot: str
    """``<cluster>-<role>-<index>``: the node's place in the plan. A replacement droplet has the same slot."""
    name: str
    """Droplet name, host name and agent name: equal to the slot for the first droplet in it. A replacement has the
    slot and four hexadecimal digits (:func:`bakery.plan.slots.later_name`)."""
    role: str
    kind: Kind
    size: str
    node_pool: str
    wave: Wave
    tags: tuple[str, ...]
    """Cluster, role and slot tags; the launch adds its own tags."""
    settings: RoleSettings = NO_SETTINGS
    """What the cluster file adds to the nodes of the role."""


@dataclass(frozen=True, kw_only=True)
class FirewallRule:
    """One inbound rule. ``sources`` are CIDRs; ``admin`` adds the operator's networks at launch."""

    protocol: str
    """tcp, udp or icmp."""
    ports: str
    """"8301", "20000-32000", or "0" for all, as DigitalOcean writes them."""
    sources: tuple[str, ...]
    admin: bool
    reason: str
    """Shown in ``bakery plan`` and the docs, for example "Consul gossip"."""
    balancer_only: bool = False
    """Whether only the cluster's load balancer may connect; while there is none, ``sources`` may."""


@dataclass(frozen=True, kw_only=True)
class Firewall:
    """One DigitalOcean firewall, bound to droplets by one tag. All outbound traffic is allowed."""

    name: str
    tag: str
    inbound: tuple[FirewallRule, ...]


@dataclass(frozen=True, kw_only=True)
class ClusterPlan:
    """The planned cluster. It does not depend on the droplets that exist."""

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
    """``bootstrap_expect`` of Consul: the number of Consul servers in the file, even if fewer exist now."""
    nomad_expect: int
    """``bootstrap_expect`` of Nomad; 0 when the cluster has no Nomad servers."""
    ssh_keys: tuple[str, ...]
    leaf_days: int
    """How many days the certificates of a new node last, at most until their CA ends."""
    warnings: tuple[str, ...]
    docker: Docker = NO_DOCKER
    """Settings of docker on the Nomad clients."""
    ingress: Ingress = NO_INGRESS
    """How services are reached from outside."""
    mesh: bool = False
    """Whether jobs may use Consul's service mesh."""
    introduces_clients: bool = False
    """Whether Nomad registers a new client only with a token that bakery sends to it."""

    @property
    def consul_servers(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.kind.is_consul_server)

    @property
    def nomad_servers(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.kind.is_nomad_server)

    @property
    def nomad_clients(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.kind.is_nomad_client)

    @property
    def ingress_nodes(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.kind.is_ingress)
