"""What a launch and a destroy find, decide and leave behind."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bakery.cloud.model import (
    Account,
    Droplet,
    Firewall,
    FirewallRequest,
    Image,
    Region,
    Size,
    SshKey,
    Vpc,
)
from bakery.errors import ExitCode, LaunchError
from bakery.hints import Command, Text
from bakery.launch.base.running import Running
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.model import Firewall as PlannedFirewall
from bakery.render.model import Join

UserDataFor = Callable[[Node, Join], str]
"""The user-data of one node: same node and addresses, same text; called again after an unclear create."""

Absent = Callable[[tuple[Droplet, ...]], frozenset[str]]
"""Of the cluster's droplets, the names of those that run and of which the cluster has never heard."""


def nobody(_: tuple[Droplet, ...]) -> frozenset[str]:
    """An :data:`Absent` for those who have no way to ask the cluster."""
    return frozenset()


@dataclass(frozen=True, kw_only=True)
class Order:
    """What one launch is asked to do."""

    plan: ClusterPlan
    image: Image | None
    """The snapshot to boot from; None if the file's versions have none, and then no droplet can be made."""
    ca_fingerprint: str
    """Of the Consul CA, hex."""
    admin_cidrs: tuple[str, ...]
    """Networks in CIDR form, without ``auto``."""
    user_data: UserDataFor
    throwaway_public_key: str
    """One OpenSSH line; nobody keeps the private half."""
    only_role: str | None = None
    absent: Absent = nobody
    running: Running | None = None
    """How the running cluster is asked and mended; None where it cannot be."""

    @property
    def image_id(self) -> int:
        """Of the snapshot, for a droplet that is to be made.

        Raises:
            LaunchError: there is none; the preflight lets no launch come so far.
        """
        if self.image is None:
            message = "there is no snapshot to make droplets from"
            raise LaunchError(message=message, hint=Command("build-image"))
        return self.image.id

    @property
    def wanted(self) -> tuple[Node, ...]:
        """The nodes that this launch brings up."""
        return tuple(node for node in self.plan.nodes if self.only_role in (None, node.role))


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Seconds. The waits are scaled by ``BAKERY_DEADLINE_FACTOR``."""

    poll: float = 3
    active_poll: float = 5
    settle: float = 40
    """How long a create without a clear reply is looked for: lists may be 30 s behind, the request itself late."""
    address: float = 300
    active: float = 600
    firewall: float = 180
    gone: float = 300


@dataclass(frozen=True, kw_only=True)
class Present:
    """What the account holds, as far as a launch must know."""

    account: Account
    regions: tuple[Region, ...]
    sizes: tuple[Size, ...]
    droplets: tuple[Droplet, ...]
    """Those with the cluster's tag."""
    vpcs: tuple[Vpc, ...]
    firewalls: tuple[Firewall, ...]
    ssh_keys: tuple[SshKey, ...]
    tags: tuple[str, ...]


class Sign(StrEnum):
    CREATE = "+"
    UPDATE = "~"
    REPLACE = "-/+"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One line of what a launch would do."""

    sign: Sign
    kind: str
    """droplet, firewall or vpc."""
    name: str
    details: str


@dataclass(frozen=True, kw_only=True)
class Price:
    """US dollars, from the sizes API; traffic, snapshots and taxes are not in it."""

    monthly: float
    hourly: float
    unknown: tuple[str, ...] = ()
    """Sizes that the API names no price for; with one of them the sums are too low to be shown."""


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """One reason why the plan cannot be launched."""

    code: str
    """The same word for every case of its kind (``size_unknown``), for scripts."""
    message: str
    hint: Text
    """The next step."""
    details: Text | None = None
    exit_code: ExitCode = ExitCode.USAGE
    """What a launch ends in because of it."""


@dataclass(frozen=True, kw_only=True)
class FirewallUpdate:
    firewall: Firewall
    request: FirewallRequest


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The way from what is there to the plan."""

    vpc: Vpc | None
    """The cluster's VPC; None if it is to be made."""
    new_firewalls: tuple[PlannedFirewall, ...]
    firewall_updates: tuple[FirewallUpdate, ...]
    new_nodes: tuple[Node, ...]
    """In the plan's order; those of ``replaced`` droplets are among them."""
    replaced: tuple[Droplet, ...]
    """Droplets of an earlier try that never became active, or never joined."""
    kept: tuple[Droplet, ...]
    """One droplet for each planned node that is there."""
    extra: tuple[Droplet, ...]
    """Droplets of the cluster that the plan does not know. A launch leaves them alone."""
    duplicates: tuple[Droplet, ...]
    """Second and further droplets of one name. A launch leaves them alone."""
    later: tuple[Text, ...]
    """How kept droplets differ from the plan, a line each, with what to do about it."""
    lines: tuple[Change, ...]
    added: Price
    """What the cluster then costs more than now; a droplet that replaces its like adds nothing."""
    total: Price
    """What the whole cluster costs then, extra droplets and duplicates included."""
    obstacles: tuple[Obstacle, ...] = ()
    """Why this cannot be launched; of a preview only, since a launch is refused."""

    @property
    def empty(self) -> bool:
        return not self.lines


Approve = Callable[[Changes], bool]
"""Shown the changes before any is made; False stops the launch."""


@dataclass(frozen=True, kw_only=True)
class AfterStep:
    """Something to do once every droplet is active ("access control", "health")."""

    title: str
    run: Callable[[tuple[Droplet, ...]], None]
    """Takes the cluster's planned droplets with their addresses."""
    forms_cluster: bool = False
    """Once it is done, Consul and Nomad hold data that no new server may begin again."""


@dataclass(frozen=True, kw_only=True)
class LaunchResult:
    changes: Changes
    created: tuple[str, ...]
    """Names, in the plan's order; none if the changes were not approved."""
    droplets: tuple[Droplet, ...]
    """Every planned droplet, in the plan's order."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Something that looks like the cluster's and is left alone."""

    kind: str
    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What a destroy removes, and what it leaves."""

    droplets: tuple[Droplet, ...]
    firewalls: tuple[Firewall, ...]
    vpcs: tuple[Vpc, ...]
    ssh_keys: tuple[SshKey, ...]
    tags: tuple[str, ...]
    snapshots: tuple[Image, ...]
    """Only if asked for."""
    kept: tuple[Kept, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of everything that is removed."""
        return (
            *(droplet.name for droplet in self.droplets),
            *(firewall.name for firewall in self.firewalls),
            *(vpc.name for vpc in self.vpcs),
            *(key.name for key in self.ssh_keys),
            *self.tags,
            *(snapshot.name for snapshot in self.snapshots),
        )

    @property
    def empty(self) -> bool:
        return not self.names


@dataclass(frozen=True, kw_only=True)
class Orphans:
    """What dead launches and bakes left in the account."""

    droplets: tuple[Droplet, ...]
    ssh_keys: tuple[SshKey, ...]
    snapshots: tuple[Image, ...]
    """Half-made: a bake's tag, but no content tag."""
    tags: tuple[str, ...]
    """Of builds of which nothing is left."""

    @property
    def empty(self) -> bool:
        return not (self.droplets or self.ssh_keys or self.snapshots or self.tags)
