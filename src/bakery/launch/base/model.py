"""The values that a launch and a destroy take, find, decide and return."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bakery.cloud.model import (
    Account,
    Certificate,
    Droplet,
    Firewall,
    FirewallRequest,
    Image,
    LoadBalancer,
    Region,
    ReservedIp,
    Size,
    SshKey,
    Vpc,
)
from bakery.errors import ExitCode, LaunchError
from bakery.hints import Command, Text
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.model import Firewall as PlannedFirewall
from bakery.plan.ways_in import PlannedBalancer
from bakery.render.model import Join

UserDataFor = Callable[[Node, Join], str]
"""Returns the user-data of a node. The same arguments give the same text: a create request may be sent again."""

FindNotJoined = Callable[[tuple[Droplet, ...]], frozenset[str]]
"""Returns the names of those droplets, among all of the cluster, that run and whose agents never joined."""

FurtherObstacles = Callable[["Changes"], tuple["Obstacle", ...]]
"""Returns why these changes are impossible for reasons outside the account: missing credentials of a registry."""


DRAIN_SECONDS = 600


def assume_all_joined(_: tuple[Droplet, ...]) -> frozenset[str]:
    """Return no names. The :data:`FindNotJoined` of a caller that cannot query Consul and Nomad."""
    return frozenset()


def find_no_obstacles(_: "Changes") -> "tuple[Obstacle, ...]":
    """Return none: the :data:`FurtherObstacles` of a caller that has none to look for."""
    return ()


@dataclass(frozen=True, kw_only=True)
class PreviewRequest:
    """What a launch would make, as far as the comparison with the account needs it."""

    plan: ClusterPlan
    image: Image | None
    """The snapshot to boot from. None if the account has none of the file's versions: no droplet can be created.
    """
    admin_cidrs: tuple[str, ...]
    """Networks in CIDR notation; ``auto`` is already replaced."""
    ca_fingerprint: str | None
    """Fingerprint of the Consul CA, in hexadecimal digits; None if there are no credentials."""
    generation: int | None = None
    """Generation of the secrets in the user-data; None if there are no credentials."""
    only_role: str | None = None
    """Launch the nodes of this role only."""
    until_healthy: bool = False
    """Whether the launch will wait until the cluster is healthy."""
    find_not_joined: FindNotJoined = assume_all_joined
    further_obstacles: FurtherObstacles = find_no_obstacles


@dataclass(frozen=True, kw_only=True)
class LaunchRequest(PreviewRequest):
    """What a launch is to do."""

    ca_fingerprint: str
    generation: int
    user_data: UserDataFor
    throwaway_public_key: str
    """Temporary SSH key, one OpenSSH line. The private key is not kept."""

    @property
    def image_id(self) -> int:
        """Id of the snapshot, for a droplet request.

        Raises:
            LaunchError: there is no snapshot. The preflight refuses a launch without one earlier.
        """
        if self.image is None:
            message = "there is no snapshot to make droplets from"
            raise LaunchError(message=message, hint=Command("build-image"))
        return self.image.id

    @property
    def wanted(self) -> tuple[Node, ...]:
        """The nodes that this launch creates, if they do not exist."""
        return tuple(node for node in self.plan.nodes if self.only_role in (None, node.role))


@dataclass(frozen=True, kw_only=True)
class DestroyRequest:
    """What a destroy of the whole cluster is to remove."""

    plan: ClusterPlan
    snapshot_tag: str | None = None
    """Content tag of the cluster's snapshots; None to ignore snapshots."""
    snapshots: bool = False
    """Whether to delete the snapshots; otherwise they are only reported."""


@dataclass(frozen=True, kw_only=True)
class DrainPolicy:
    """What happens to the work of Nomad clients before they are removed."""

    drains: bool = True
    """Whether their work moves to other clients first."""
    seconds: int = DRAIN_SECONDS
    """Deadline of a drain. Then Nomad stops the allocations that it could not move."""
    abandons_volumes: bool = False
    """Whether clients that hold data in host volumes are removed too."""


DEFAULT_DRAIN = DrainPolicy()


@dataclass(frozen=True, kw_only=True)
class RemovalRequest:
    """How a destroy of one node or one role is to remove droplets."""

    plan: ClusterPlan
    accept_quorum_loss: frozenset[str] = frozenset()
    """Names of droplets to remove even if a quorum is lost with them."""
    drain: DrainPolicy = DEFAULT_DRAIN


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Intervals and deadlines in seconds. ``BAKERY_DEADLINE_FACTOR`` scales the deadlines."""

    poll: float = 3
    firewall_poll: float = 1
    """A changed firewall is in force after two or three seconds."""
    wave_poll: float = 2
    """Between two lists of the droplets while those of a wave are created."""
    successor_poll: float = 5
    """The same while a roll creates one droplet; longer, because a roll waits for each node."""
    settle: float = 40
    """How long to look for a resource whose create got no clear reply: the API's lists may be 30 s behind, and
    the request itself may arrive late."""
    address: float = 300
    active: float = 600
    firewall: float = 180
    gone: float = 300
    balancer: float = 600
    certificate: float = 600
    assigned: float = 120
    freed: float = 60
    """Until a load balancer has let its former certificate go."""


@dataclass(frozen=True, kw_only=True)
class Present:
    """What the account contains, as far as a launch needs to know."""

    account: Account
    regions: tuple[Region, ...]
    sizes: tuple[Size, ...]
    droplets: tuple[Droplet, ...]
    """The droplets with the cluster's tag."""
    account_droplets: int
    """Number of all droplets of the account."""
    vpc_members: int
    """Number of resources in the VPC of the cluster's droplets; 0 if there are no droplets."""
    vpcs: tuple[Vpc, ...]
    firewalls: tuple[Firewall, ...]
    ssh_keys: tuple[SshKey, ...]
    tags: tuple[str, ...]
    load_balancers: tuple[LoadBalancer, ...] = ()
    """Read only if the plan or the journal has one; so are certificates and reserved IPs."""
    certificates: tuple[Certificate, ...] = ()
    reserved_ips: tuple[ReservedIp, ...] = ()
    own_addresses: frozenset[str] = frozenset()
    """The reserved IPs that bakery created for the cluster."""
    address_requested: bool = False
    """Whether an earlier run requested a reserved IP, and died before it marked it as the cluster's."""


class Sign(StrEnum):
    """The kind of a change, as it is printed."""

    CREATE = "+"
    UPDATE = "~"
    REPLACE = "-/+"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change that a launch would make."""

    sign: Sign
    kind: str
    """"droplet", "firewall", "vpc", "balancer" or "address" (a reserved IP)."""
    name: str
    details: str


@dataclass(frozen=True, kw_only=True)
class Price:
    """Price in US dollars, from the sizes API, without traffic, snapshots and taxes."""

    monthly: float
    hourly: float
    unknown: tuple[str, ...] = ()
    """Sizes without a price in the API. If there is one, the sums are too low and must not be shown."""


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """One finding of the preflight that makes the launch impossible."""

    code: str
    """One word for this kind of obstacle (``size_unknown``), for scripts."""
    message: str
    hint: Text
    """What the user can do."""
    details: Text | None = None
    exit_code: ExitCode = ExitCode.USAGE
    """Exit code of a launch that meets this obstacle."""


@dataclass(frozen=True, kw_only=True)
class FirewallUpdate:
    """A firewall whose rules differ from the plan, and the request that corrects them."""

    firewall: Firewall
    request: FirewallRequest


@dataclass(frozen=True, kw_only=True)
class BalancerChange:
    """The planned load balancer, if it does not exist or has other settings."""

    planned: PlannedBalancer
    existing: LoadBalancer | None


@dataclass(frozen=True, kw_only=True)
class ReservedIpChange:
    """The planned reserved IP, if it does not exist or is not assigned to the droplet in its slot."""

    slot: str
    existing: ReservedIp | None


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a launch changes, from the present droplets to the plan."""

    vpc: Vpc | None
    """The cluster's VPC; None if it must be created."""
    new_firewalls: tuple[PlannedFirewall, ...]
    firewall_updates: tuple[FirewallUpdate, ...]
    new_nodes: tuple[Node, ...]
    """Nodes to create, in the plan's order, including those of ``replaced`` droplets."""
    replaced: tuple[Droplet, ...]
    """Droplets to delete first: they never became active, never joined, or their removal had begun."""
    unchanged: tuple[Droplet, ...]
    """One droplet for each planned node that exists."""
    extra: tuple[Droplet, ...]
    """Droplets of the cluster in slots that are not in the plan. A launch does not change them."""
    duplicates: tuple[Droplet, ...]
    """Second and further droplets in a slot. A launch does not change them."""
    later: tuple[Text, ...]
    """How unchanged droplets differ from the plan, with what to do, one line each."""
    lines: tuple[Change, ...]
    added: Price
    """Price of the cluster after the launch minus its price now."""
    total: Price
    """Price of the whole cluster after the launch, including extra and duplicate droplets."""
    balancer: BalancerChange | None = None
    reserved_ip: ReservedIpChange | None = None
    obstacles: tuple[Obstacle, ...] = ()
    """Why the launch is impossible. Set by a preview only: a launch raises an error instead."""

    @property
    def empty(self) -> bool:
        """Whether a launch would change nothing."""
        return not self.lines

    @property
    def creates_cluster(self) -> bool:
        """Whether the cluster has no droplets yet."""
        return not (self.unchanged or self.extra or self.replaced or self.duplicates)


Approve = Callable[[Changes], bool]
"""Called with the changes before the first one is made; if it returns False, the launch stops."""


@dataclass(frozen=True, kw_only=True)
class AfterStep:
    """A step of the launch that runs once every droplet is active ("Access control", "Health")."""

    title: str
    run: Callable[[tuple[Droplet, ...]], None]
    """Called with the planned droplets, in the plan's order."""
    forms_cluster: bool = False
    """Whether Consul and Nomad hold data afterwards: then no new server may form them again."""


@dataclass(frozen=True, kw_only=True)
class LaunchResult:
    """What a launch did."""

    changes: Changes
    created: tuple[str, ...]
    """Names of new nodes, in the plan's order; empty if the changes were not approved."""
    droplets: tuple[Droplet, ...]
    """Every planned droplet, in the plan's order."""


@dataclass(frozen=True, kw_only=True)
class NotRemoved:
    """A resource that looks like the cluster's, or is shared, and that a destroy does not remove."""

    kind: str
    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What a destroy removes, and what it does not remove."""

    droplets: tuple[Droplet, ...]
    firewalls: tuple[Firewall, ...]
    balancers: tuple[LoadBalancer, ...]
    certificates: tuple[Certificate, ...]
    reserved_ips: tuple[ReservedIp, ...]
    vpcs: tuple[Vpc, ...]
    ssh_keys: tuple[SshKey, ...]
    tags: tuple[str, ...]
    snapshots: tuple[Image, ...]
    """Empty unless the destroy was asked to remove snapshots."""
    not_removed: tuple[NotRemoved, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of everything that is removed."""
        return (
            *(droplet.name for droplet in self.droplets),
            *(firewall.name for firewall in self.firewalls),
            *(balancer.name for balancer in self.balancers),
            *(certificate.name for certificate in self.certificates),
            *(reserved.ip for reserved in self.reserved_ips),
            *(vpc.name for vpc in self.vpcs),
            *(key.name for key in self.ssh_keys),
            *self.tags,
            *(snapshot.name for snapshot in self.snapshots),
        )

    @property
    def empty(self) -> bool:
        """Whether there is nothing to remove."""
        return not self.names
