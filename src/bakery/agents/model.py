"""Requests to and replies of Consul and Nomad, with the fields that bakery uses."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

LIVE = ("pending", "running")
"""ClientStatus of an allocation that runs, or is to run: it uses resources of its client."""


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """PEM files: the CA to trust, our client certificate and its key."""

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
    """The gossip key that all members should have, in base64. It is compared with theirs, and never sent."""


@dataclass(frozen=True, kw_only=True)
class CertificateDates:
    """When the certificate of an agent is valid, in UTC."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, kw_only=True)
class Member:
    """A row of ``consul members`` or ``nomad server members``."""

    name: str
    """Without the dot and the region that Nomad appends."""
    address: str
    """On the VPC."""
    status: str
    """alive, left, failed or leaving."""
    version: str | None = None
    """Version of the agent, as ``1.22.5``; None if it does not report one."""


@dataclass(frozen=True, kw_only=True)
class CatalogNode:
    """A node in Consul's catalog."""

    name: str
    address: str
    """On the VPC."""


@dataclass(frozen=True, kw_only=True)
class RaftPeer:
    """A server in the Raft configuration. A peer without a vote does not count for the quorum."""

    id: str
    name: str
    """Name of the gossip member at that address, even if it has failed or left; empty if there is none."""
    address: str
    """On the VPC, without a port."""
    voter: bool
    leader: bool


@dataclass(frozen=True, kw_only=True)
class ServerHealth:
    """The health of one Raft peer according to the leader's autopilot."""

    id: str
    """The same as :attr:`RaftPeer.id`."""
    name: str
    address: str
    """On the VPC, without a port."""
    alive: bool
    """Whether its gossip member is alive."""
    healthy: bool
    """Whether it is alive, has recent contact with the leader, and is not far behind in the Raft log."""
    voter: bool
    leader: bool


@dataclass(frozen=True, kw_only=True)
class Autopilot:
    """Raft's health according to the leader's autopilot, which checks every two seconds."""

    healthy: bool
    """Whether every peer is healthy."""
    failure_tolerance: int
    """How many healthy voters may fail before the quorum is lost."""
    servers: tuple[ServerHealth, ...]
    """Every Raft peer, sorted by name."""


@dataclass(frozen=True, kw_only=True)
class GossipKeys:
    """The members' gossip keys compared with the expected key, as counts. It contains no key."""

    members: int
    """How many members were asked: all that are alive in gossip."""
    with_ours: int
    """How many of them have the expected key."""
    others: int
    """How many other keys at least one of them has."""
    silent: int = 0
    """How many did not answer. If any, the agent returns no keys, and the two numbers above are 0."""


@dataclass(frozen=True, kw_only=True)
class NomadNode:
    """A row of ``nomad node status``, with the fields that health checks need."""

    id: str
    name: str
    address: str
    """On the VPC."""
    status: str
    """initializing, ready, down or disconnected."""
    eligible: bool
    consul_version: str | None
    """Attribute ``consul.version``, which Nomad sets when it has reached its local Consul; else None."""
    drivers: dict[str, bool]
    """Detected task drivers, and whether each is healthy."""
    draining: bool = False
    """Whether a drain is running; False again when it is complete."""
    version: str | None = None
    """Version of the agent, as ``1.11.3``; None if it does not report one."""
    last_drain: str = ""
    """State of the newest drain: draining, complete (also after its deadline) or canceled; empty without one."""
    datacenter: str = ""
    pool: str = "default"


@dataclass(frozen=True, kw_only=True)
class Resources:
    """CPU and memory that an allocation reserves, or that a client has."""

    cpu_mhz: int
    memory_mb: int


@dataclass(frozen=True, kw_only=True)
class TaskGroup:
    """A task group of a job: what matters when the node of an allocation is removed."""

    name: str
    count: int
    """Number of allocations that the job wants."""
    max_parallel: int | None
    """Number of allocations that a drain moves at once; None for batch and system jobs."""
    shutdown_delay_seconds: float
    """Pause between the deregistration of its services and the stop of its tasks: the group's or the longest of a
    task."""
    sticky_disk: bool
    """Whether a replacement is placed on the node of its predecessor, where the data is, if possible."""
    migrates_disk: bool
    """Whether the data is copied when a replacement is placed on another node."""
    host_volumes: tuple[str, ...]
    """Sources of the host volumes that it may write, sorted: their data stays on the node."""
    has_services: bool
    """Whether it registers a service, in Consul or in Nomad."""


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """An allocation, running or complete."""

    id: str
    job: str
    job_type: str
    """service, batch, system or sysbatch."""
    status: str
    """ClientStatus: pending, running, complete, failed, lost or unknown."""
    desired: str
    """DesiredStatus: run, stop or evict."""
    namespace: str = "default"
    healthy: bool | None = None
    """Health in DeploymentStatus, of a deployment or a migration; None while unknown and for batch jobs."""
    group: TaskGroup | None = None
    """None if a newer version of the job lacks the group, and in a list of the allocations of a job."""
    group_name: str = ""
    node_name: str = ""
    next_id: str = ""
    """Id of the allocation that replaces this one; empty if there is none."""
    migrates: bool = False
    """Whether a drain moves it, or has stopped it at its deadline."""
    resources: Resources = Resources(cpu_mhz=0, memory_mb=0)
    datacenters: tuple[str, ...] = ()
    """Datacenters of its job; a name may contain ``*``."""
    pool: str = "default"
    """Node pool of its job."""

    @property
    def is_live(self) -> bool:
        return self.status in LIVE


@dataclass(frozen=True, kw_only=True)
class JobAllocation:
    """An allocation in the list of all jobs."""

    node_id: str
    status: str
    """ClientStatus, as in :class:`Allocation`."""
    healthy: bool | None
    """As in :class:`Allocation`."""
    job_version: int

    @property
    def is_live(self) -> bool:
        return self.status in LIVE


@dataclass(frozen=True, kw_only=True)
class JobStatus:
    """A job, with its allocations."""

    id: str
    namespace: str
    type: str
    """service, batch, system or sysbatch."""
    status: str
    """pending, running or dead."""
    stopped: bool
    """Whether a user stopped it."""
    version: int
    wanted: int
    """Sum of the counts of its groups."""
    allocations: tuple[JobAllocation, ...]
    """Those that Nomad still has, of earlier versions too."""
    children: tuple[str, ...] | None
    """Statuses of the jobs that a periodic or parameterized job has started; None for other jobs."""
    deploying: bool
    """Whether a deployment is running."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A run of Nomad's scheduler for one job."""

    status: str
    """pending, blocked, complete, failed or canceled. A blocked one waits for room on a client."""
    unplaced: dict[str, str]
    """The task groups that were not placed, and why."""


@dataclass(frozen=True, kw_only=True)
class LockHolder:
    """Who holds a lock in Consul's KV store."""

    session: str
    holder: str
    """The name that the holder gave; empty if another program took the lock."""


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A key with which Nomad signs the identities of workloads; the public half."""

    id: str
    pem: str
    active: bool
    """Whether Nomad signs new identities with it. The others are of the past, or published before their use."""


@dataclass(frozen=True, kw_only=True)
class AclPolicy:
    """An ACL policy of Consul or Nomad; ``rules`` is HCL."""

    name: str
    description: str
    rules: str


@dataclass(frozen=True, kw_only=True)
class NodeIdentity:
    """Consul's built-in rules for an agent: ``node:write`` on its own name, ``service:read`` on all services."""

    node: str
    datacenter: str


@dataclass(frozen=True, kw_only=True)
class TokenGrant:
    """The permissions of a Consul token."""

    description: str
    policies: tuple[str, ...] = ()
    """Names of its policies, sorted."""
    node: NodeIdentity | None = None


@dataclass(frozen=True, kw_only=True)
class AclToken:
    """A Consul token to create; the caller chooses both UUIDs."""

    accessor: str
    secret: str = field(repr=False)
    grant: TokenGrant
    seconds: int | None = None
    """Seconds after which Consul deletes it; None if it is valid until it is deleted."""


@dataclass(frozen=True, kw_only=True)
class ListedToken:
    """An existing token, without its secret. The description of a Nomad token is its name."""

    accessor: str
    grant: TokenGrant
    expires: datetime | None = None
    """UTC; None if it is valid until it is deleted."""


@dataclass(frozen=True, kw_only=True)
class AclRole:
    """A Consul ACL role: a name for policies."""

    name: str
    description: str
    policies: tuple[str, ...]
    """Names of its policies, sorted."""


@dataclass(frozen=True, kw_only=True)
class JwtAuthMethod:
    """A Consul auth method that gives tokens for JSON web tokens signed with one of ``public_keys``."""

    name: str
    description: str
    audience: str
    claims: tuple[str, ...]
    """Claims that binding rules may name."""
    public_keys: tuple[str, ...]
    """PEM, sorted."""


@dataclass(frozen=True, kw_only=True)
class BindingRule:
    """What a token of an auth method may do, if the claims meet ``selector``. Its description identifies it."""

    description: str
    bind_type: str
    """service or role."""
    bind_name: str
    selector: str
    """An expression over the claims; empty: always."""
