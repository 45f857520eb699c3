"""What Consul and Nomad answer, cut to what bakery reads, and how to reach them."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """PEM files: the CA to trust and our client certificate."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, kw_only=True)
class Target:
    """One agent's HTTPS API. The certificate is checked against ``server_name``, never against the address."""

    address: str
    """IP address or host name."""
    port: int
    server_name: str
    """``server.<datacenter>.consul`` or ``server.<region>.nomad``."""
    tls: TlsFiles
    token: str = field(repr=False)
    gossip_key: str = field(repr=False)
    """The one gossip key that the members should have, in base64; compared with theirs, never sent."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """One line of ``consul members`` or ``nomad server members``."""

    name: str
    """Nomad appends a dot and its region; here they are cut off."""
    address: str
    """On the VPC."""
    status: str
    """alive, left, failed or leaving."""


@dataclass(frozen=True, kw_only=True)
class CatalogNode:
    """One node of Consul's catalog."""

    name: str
    address: str
    """On the VPC."""


@dataclass(frozen=True, kw_only=True)
class RaftPeer:
    """One server in the Raft configuration; a peer without a vote follows and does not count for the quorum."""

    id: str
    name: str
    """Of the gossip pool's member at that address; empty if there is none. A member that is gone counts too."""
    address: str
    """On the VPC, without a port."""
    voter: bool
    leader: bool


@dataclass(frozen=True, kw_only=True)
class ServerHealth:
    """What the leader's autopilot thinks of one Raft peer."""

    id: str
    """The same as :attr:`RaftPeer.id`."""
    name: str
    address: str
    """On the VPC, without a port."""
    alive: bool
    """Whether its member in the gossip pool is alive."""
    healthy: bool
    """Alive, in touch with the leader and not far behind its log."""
    voter: bool
    leader: bool


@dataclass(frozen=True, kw_only=True)
class Autopilot:
    """Raft's health as the leader's autopilot sees it; it looks every two seconds."""

    healthy: bool
    """Every peer is healthy."""
    failure_tolerance: int
    """How many healthy voters may fail before the quorum is lost."""
    servers: tuple[ServerHealth, ...]
    """Every Raft peer, by name."""


@dataclass(frozen=True, kw_only=True)
class GossipKeys:
    """The members' gossip keys, compared with the one that they should have; no key is in here."""

    members: int
    """How many members were asked: all that gossip takes for alive."""
    with_ours: int
    """How many of them have the expected key."""
    others: int
    """How many other keys at least one of them has."""
    silent: int = 0
    """How many did not answer. If any, the agent tells nobody's keys, and the two numbers above are 0."""


@dataclass(frozen=True, kw_only=True)
class NomadNode:
    """One line of ``nomad node status``, with what health needs."""

    id: str
    name: str
    address: str
    """On the VPC."""
    status: str
    """initializing, ready, down or disconnected."""
    eligible: bool
    consul_version: str | None
    """Attribute ``consul.version``: present once Nomad talks to its local Consul."""
    drivers: dict[str, bool]
    """Detected drivers and whether each is healthy."""
    draining: bool = False
    """Its work is being moved away; False again once that is done."""


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """One allocation of a Nomad client, running or done."""

    id: str
    job: str
    job_type: str
    """service, batch, system or sysbatch."""
    status: str
    """What the client says: pending, running, complete, failed, lost or unknown."""
    desired: str
    """What the servers want: run, stop or evict."""


@dataclass(frozen=True, kw_only=True)
class AclPolicy:
    """One Consul policy; ``rules`` is HCL."""

    name: str
    description: str
    rules: str


@dataclass(frozen=True, kw_only=True)
class NodeIdentity:
    """Consul's built-in rules for an agent: ``node:write`` on its own name and ``service:read`` on all."""

    node: str
    datacenter: str


@dataclass(frozen=True, kw_only=True)
class TokenGrant:
    """What a Consul token may do."""

    description: str
    policies: tuple[str, ...] = ()
    """Names of policies, sorted."""
    node: NodeIdentity | None = None


@dataclass(frozen=True, kw_only=True)
class AclToken:
    """A Consul token to be made, with both ids chosen by the caller (UUIDs)."""

    accessor: str
    secret: str = field(repr=False)
    grant: TokenGrant


@dataclass(frozen=True, kw_only=True)
class ListedToken:
    """A Consul token that exists; its secret stays where it is."""

    accessor: str
    grant: TokenGrant
