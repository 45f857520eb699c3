"""The account's records: plain data that can be saved and read back."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(kw_only=True)
class Image:
    """A base image or a snapshot."""

    id: int
    name: str
    distribution: str
    slug: str | None
    type: str
    """base or snapshot."""
    key: str
    """Its name for :class:`~bakery.emulator.machines.interface.Machines`."""
    public: bool
    regions: list[str]
    created_at: datetime
    min_disk_size: int
    """GB."""
    size_gigabytes: float
    droplet_id: int | None = None
    """The droplet that a snapshot was taken of."""
    description: str = ""
    status: str = "available"
    """available or deleted. Deleted images stay in the account, because droplets refer to them."""
    tags: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class SshKey:
    """An SSH key of the account."""

    id: int
    name: str
    public_key: str
    fingerprint: str


@dataclass(kw_only=True)
class Vpc:
    """A private network of one region."""

    id: str
    name: str
    description: str
    region: str
    ip_range: str
    default: bool
    created_at: datetime


@dataclass(kw_only=True)
class Droplet:
    """A droplet: what the API shows of it, and what its machine needs."""

    id: int
    name: str
    region: str
    size: str
    image_id: int
    vpc_id: str
    created_at: datetime
    public_address: str | None
    """None without public networking, as is ``anchor_address``."""
    anchor_address: str | None
    private_address: str
    user_data: str | None = field(repr=False)
    vendor_data: str | None = field(repr=False)
    public_keys: list[str]
    tags: list[str]
    features: list[str]
    disk: int
    """GB: the disk of the size it was created with, until a resize with disk."""
    status: str = "new"
    """new, active or off."""
    active_at: datetime | None = None
    pending_action: int | None = None
    """Id of the action in progress, or None."""
    snapshot_ids: list[int] = field(default_factory=list)
    failure: str | None = None
    """Why the machine could not be created or removed."""


@dataclass(kw_only=True)
class Action:
    """An action of a droplet or image."""

    id: int
    type: str
    resource_id: int
    resource_type: str
    """droplet or image."""
    region: str
    started_at: datetime
    completed_at: datetime | None = None
    status: str = "in-progress"
    """in-progress, completed or errored."""


@dataclass(kw_only=True)
class Tag:
    """A tag, with the ids of its droplets and images."""

    name: str
    droplet_ids: dict[int, None] = field(default_factory=dict)
    """An ordered set, so that listings by tag are quick and always in the same order."""
    image_ids: dict[int, None] = field(default_factory=dict)


@dataclass(kw_only=True)
class FirewallTargets:
    """The other side of a firewall rule: sources or destinations."""

    addresses: list[str] = field(default_factory=list)
    droplet_ids: list[int] = field(default_factory=list)
    load_balancer_uids: list[str] = field(default_factory=list)
    kubernetes_ids: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class FirewallRule:
    """A rule of a cloud firewall, inbound or outbound."""

    protocol: str
    ports: str
    targets: FirewallTargets


@dataclass(kw_only=True)
class Firewall:
    """A cloud firewall."""

    id: str
    name: str
    inbound: list[FirewallRule]
    outbound: list[FirewallRule]
    droplet_ids: list[int]
    tags: list[str]
    created_at: datetime
    settled_at: datetime
    """``waiting`` before, ``succeeded`` from then on."""
    revision: int = 0
    """The value of :attr:`Firewalls.revision` when the firewall or its droplets last changed."""
    renewed: bool = True
    """True if the firewall itself changed last: all of its droplets are pending."""
    pending: dict[int, bool] = field(default_factory=dict)
    """Pending droplets by id: False if a tag added the droplet to the firewall, True if it removed it."""


@dataclass(frozen=True, kw_only=True)
class NewDroplet:
    """One droplet to create, with every reference looked up."""

    name: str
    region: str
    size: str
    image: Image
    vpc: Vpc
    user_data: str | None = field(repr=False)
    public_keys: tuple[str, ...]
    tags: tuple[str, ...]
    features: tuple[str, ...]
    public_networking: bool
