"""Input of the network: the traffic that cloud firewalls allow, and the impairments of droplets."""

from dataclasses import dataclass


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
