"""What the network is told: which traffic the cloud firewalls allow, and how bad a droplet's links are."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AllowRule:
    """What a cloud firewall lets pass, and from or to whom."""

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
    """One cloud firewall. What neither list allows is dropped."""

    inbound: tuple[AllowRule, ...]
    outbound: tuple[AllowRule, ...]


@dataclass(frozen=True, kw_only=True)
class FirewallBinding:
    """A droplet that has firewalls, by their number in :attr:`FirewallPolicy.firewalls`; with none it is shut."""

    droplet_id: int
    firewalls: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class FirewallPolicy:
    """All cloud firewalls of the account; droplets without a binding are open."""

    firewalls: tuple[FirewallRules, ...]
    groups: dict[str, tuple[str, ...]]
    """Addresses of the droplets that a tag or a droplet id stands for."""
    bindings: tuple[FirewallBinding, ...]


@dataclass(frozen=True, kw_only=True)
class Impairment:
    """Network impairment of a droplet, on all of its links; the defaults mean none."""

    loss: float = 0.0
    """The share of packets that are lost, each way, 0 to 1."""
    delay_s: float = 0.0
    """Added on the way to the droplet."""
    rate: int = 0
    """Bits a second, each way; 0 for no limit."""
    partition_s: float = 0.0
    """Nothing passes for so long, counted from now."""
