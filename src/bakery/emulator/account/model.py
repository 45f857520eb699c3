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
    """An action of a droplet, image or reserved IP."""

    id: int
    type: str
    resource_id: int
    resource_type: str
    """droplet, image or reserved_ip."""
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


@dataclass(kw_only=True)
class ForwardingRule:
    """One port of a load balancer, and the port of the droplets behind it."""

    entry_protocol: str
    """http, https or tcp; ``target_protocol`` too."""
    entry_port: int
    target_protocol: str
    target_port: int
    certificate_id: str = ""
    """The certificate with which the load balancer terminates TLS; empty for none."""
    tls_passthrough: bool = False


@dataclass(kw_only=True)
class HealthCheck:
    """How a load balancer finds out which droplets can take traffic (OpenAPI: health_check.yml)."""

    protocol: str = "http"
    """http, https or tcp."""
    port: int = 80
    path: str = "/"
    """Of http and https."""
    check_interval_seconds: int = 10
    response_timeout_seconds: int = 5
    unhealthy_threshold: int = 5
    healthy_threshold: int = 3


@dataclass(kw_only=True)
class BalancerSettings:
    """The fields of a load balancer that a PUT replaces."""

    name: str
    rules: list[ForwardingRule]
    health_check: HealthCheck
    droplet_ids: list[int]
    """Empty if the droplets are those with ``tag``."""
    tag: str
    """Empty if the droplets are given by id."""
    size_unit: int = 1
    """Number of nodes, for the price."""
    redirect_http_to_https: bool = False
    enable_proxy_protocol: bool = False
    enable_backend_keepalive: bool = False
    http_idle_timeout_seconds: int = 60
    disable_lets_encrypt_dns_records: bool = False
    allow: list[str] = field(default_factory=list)
    """Sources that alone may connect, as ``ip:ADDRESS`` or ``cidr:NETWORK``; all if empty."""
    deny: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class LoadBalancer:
    """A regional load balancer."""

    id: str
    region: str
    vpc_id: str
    created_at: datetime
    address: str
    """Its public address; the API shows it once the load balancer is active."""
    private_address: str
    """Its address in the VPC, from which it connects to droplets."""
    settings: BalancerSettings
    active_at: datetime | None = None
    """``new`` before, ``active`` from then on; None until its traffic is forwarded."""
    failure: str | None = None
    """Why its traffic cannot be forwarded: then it is ``errored``."""


@dataclass(kw_only=True)
class ReservedIp:
    """A public address that moves between droplets."""

    ip: str
    number: int
    """What its actions have as ``resource_id``."""
    region: str
    droplet_id: int | None = None
    """The droplet that receives its traffic."""
    pending_action: int | None = None
    """Id of the action in progress, or None."""


@dataclass(kw_only=True)
class DomainRecord:
    """One DNS record. Fields that its type does not have are None (OpenAPI: domain_record.yml)."""

    id: int
    type: str
    name: str
    """Relative to the domain; ``@`` is the domain itself."""
    data: str
    ttl: int = 1800
    priority: int | None = None
    port: int | None = None
    weight: int | None = None
    flags: int | None = None
    tag: str | None = None


@dataclass(kw_only=True)
class Domain:
    """A domain whose DNS the account manages."""

    name: str
    ttl: int = 1800
    records: list[DomainRecord] = field(default_factory=list)


@dataclass(kw_only=True)
class Certificate:
    """A TLS certificate for load balancers."""

    id: str
    name: str
    type: str
    """custom or lets_encrypt."""
    dns_names: list[str]
    not_after: datetime
    sha1_fingerprint: str
    created_at: datetime
    chain: str
    """PEM: the leaf and the certificates after it."""
    private_key: str = field(repr=False)
    """PEM."""
    verified_at: datetime
    """``pending`` before, ``verified`` from then on."""
