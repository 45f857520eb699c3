"""Input of the network: firewalls, impairments of droplets, load balancers, reserved IPs and DNS zones."""

from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, kw_only=True)
class AllowRule:
    """Traffic that a cloud firewall allows, with its sources or destinations."""

    protocol: str
    """tcp, udp or icmp."""
    ports: str
    """A port, a range such as 8000-9000, or 0 for all."""
    networks: tuple[str, ...]
    """IPv4 addresses and CIDRs."""
    groups: tuple[str, ...]
    """Names of groups of droplets."""


@dataclass(frozen=True, kw_only=True)
class FirewallRules:
    """One cloud firewall. Traffic that no rule allows is dropped."""

    inbound: tuple[AllowRule, ...]
    outbound: tuple[AllowRule, ...]


@dataclass(frozen=True, kw_only=True)
class FirewallBinding:
    """The firewalls of a droplet, as indexes of :attr:`FirewallPolicy.firewalls`; none means no traffic."""

    droplet_id: int
    firewalls: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class FirewallPolicy:
    """All cloud firewalls of the account; all traffic of a droplet without a binding is allowed."""

    firewalls: tuple[FirewallRules, ...]
    groups: dict[str, tuple[str, ...]]
    """The addresses of the droplets with a tag or an id, by the name of the group."""
    bindings: tuple[FirewallBinding, ...]


@dataclass(frozen=True, kw_only=True)
class Impairment:
    """Network impairment of a droplet, on all of its links; the defaults mean none."""

    loss: float = 0.0
    """The share of packets that are lost in each direction, 0 to 1."""
    delay_s: float = 0.0
    """Added to packets on the way to the droplet."""
    rate: int = 0
    """Bits per second in each direction; 0 means no limit."""
    partition_s: float = 0.0
    """All packets are dropped for so many seconds from now."""


@dataclass(frozen=True, kw_only=True)
class TlsCertificate:
    """A certificate with which a load balancer terminates TLS, as PEM."""

    chain: str
    private_key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Listener:
    """One port of a load balancer."""

    port: int
    is_http: bool
    """Whether it forwards HTTP requests, with X-Forwarded headers; otherwise bytes."""
    target_port: int
    """The port of the droplets."""
    tls: TlsCertificate | None = None
    tls_to_target: bool = False
    """Whether it connects to droplets by TLS; their certificates are not verified."""
    redirects: bool = False
    """Whether it answers every request with the same URL of https."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A health check.

    A droplet gets traffic after ``healthy_after`` successes in a row, and none after ``unhealthy_after`` failures.
    """

    protocol: str
    """tcp, http or https."""
    port: int
    path: str
    interval_s: float
    timeout_s: float
    unhealthy_after: int
    healthy_after: int


@dataclass(frozen=True, kw_only=True)
class Balancer:
    """A load balancer."""

    id: str
    address: str
    """Its public address."""
    source: str
    """Its address in the VPC, from which it connects to droplets."""
    listeners: tuple[Listener, ...]
    targets: tuple[str, ...]
    """VPC addresses of the droplets."""
    check: Check
    proxy_protocol: bool = False
    """Whether each connection to a droplet begins with a PROXY header, version 1."""
    allow: tuple[str, ...] = ()
    """Networks that alone may connect; all if empty."""
    deny: tuple[str, ...] = ()
    idle_s: float = 60.0
    """How long an HTTP connection of a client may be idle."""

    @cached_property
    def by_port(self) -> dict[int, Listener]:
        return {listener.port: listener for listener in self.listeners}


@dataclass(frozen=True, kw_only=True)
class ZoneRecord:
    """One DNS record."""

    name: str
    """The full name in lower case, without a dot at the end; its first label may be ``*``."""
    type: str
    ttl: int
    data: str
    priority: int = 0
    weight: int = 0
    port: int = 0
    flags: int = 0
    tag: str = ""


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A domain with its records."""

    name: str
    records: tuple[ZoneRecord, ...]


@dataclass(frozen=True, kw_only=True)
class EdgePolicy:
    """Everything at the edge of the emulated network that forwards traffic to droplets, or leads to them."""

    balancers: tuple[Balancer, ...] = ()
    reserved: tuple[tuple[str, str], ...] = ()
    """Reserved IPs, each with the anchor address of its droplet."""
    zones: tuple[Zone, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.balancers or self.reserved or self.zones)
