"""DigitalOcean's resources, with the fields that bakery uses (https://docs.digitalocean.com/reference/api/digitalocean/)."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Account:
    """The account of the API token."""

    uuid: str
    """UUID of the token's user."""
    status: str
    droplet_limit: int
    email: str = ""
    team: str = ""
    """The team's name; empty if the API returns none."""
    team_uuid: str = ""

    @property
    def owner(self) -> str:
        """UUID of the owner of the droplets: the token's team, else the user.

        ``uuid`` is "for the current user", ``team`` is present "when authorized in a team context" (OpenAPI:
        resources/account/models/account.yml): one user's tokens for two teams see two sets of droplets.
        """
        return self.team_uuid or self.uuid


@dataclass(frozen=True, kw_only=True)
class Droplet:
    """A droplet."""

    id: int
    name: str
    status: str
    """new, active, off or archive."""
    created_at: str
    """RFC 3339."""
    region: str
    size: str
    image_id: int | None
    tags: tuple[str, ...]
    vpc_id: str | None
    public_ipv4: str | None
    """None until the API returns one."""
    private_ipv4: str | None
    """The VPC address, never the anchor's."""
    image_name: str = ""
    """Id of the image that it was created from, even if the image is deleted."""


@dataclass(frozen=True, kw_only=True)
class DropletRequest:
    """One droplet to create. ``user_data`` contains secrets, so ``repr`` hides it."""

    name: str
    region: str
    size: str
    image: int | str
    tags: tuple[str, ...]
    vpc_id: str | None
    ssh_keys: tuple[int | str, ...]
    user_data: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image: base image, snapshot or backup."""

    id: int
    name: str
    type: str
    """base, snapshot, backup, custom or admin."""
    status: str
    """NEW, available, pending, deleted or retired."""
    regions: tuple[str, ...]
    tags: tuple[str, ...]
    min_disk_size: int
    """GB."""
    size_gigabytes: float
    created_at: str


@dataclass(frozen=True, kw_only=True)
class SshKey:
    """An SSH key of the account."""

    id: int
    name: str
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Vpc:
    """A VPC."""

    id: str
    name: str
    description: str
    region: str
    ip_range: str
    default: bool


@dataclass(frozen=True, kw_only=True)
class FirewallRule:
    """One rule. ``addresses`` are CIDRs; ``tags`` mean all droplets with these tags."""

    protocol: str
    ports: str
    addresses: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    load_balancers: tuple[str, ...] = ()
    """Ids of load balancers: their traffic to droplets, and their health checks
    (https://docs.digitalocean.com/products/networking/firewalls/how-to/configure-rules/)."""


@dataclass(frozen=True, kw_only=True)
class FirewallRequest:
    """The fields of a firewall to create or update."""

    name: str
    inbound: tuple[FirewallRule, ...]
    outbound: tuple[FirewallRule, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Firewall:
    """A firewall."""

    id: str
    name: str
    status: str
    """waiting, succeeded or failed."""
    inbound: tuple[FirewallRule, ...]
    outbound: tuple[FirewallRule, ...]
    tags: tuple[str, ...]
    created_at: str = ""
    """RFC 3339."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """A droplet size."""

    slug: str
    memory: int
    """MB."""
    disk: int
    """GB."""
    price_monthly: float
    """US dollars."""
    price_hourly: float
    regions: tuple[str, ...]
    available: bool


@dataclass(frozen=True, kw_only=True)
class Region:
    """A region."""

    slug: str
    available: bool
    features: tuple[str, ...] = ("metadata",)
    """Features of the region; all of DigitalOcean's regions have ``metadata``."""

    @property
    def has_metadata(self) -> bool:
        """Whether droplets there have a metadata service. Without it none boots: bakery's emulator in memory."""
        return "metadata" in self.features


def has_metadata(regions: Iterable[Region], slug: str) -> bool:
    """Return whether droplets in the region ``slug`` have a metadata service; True for an unknown region."""
    return all(region.slug != slug or region.has_metadata for region in regions)


@dataclass(frozen=True, kw_only=True)
class ForwardingRule:
    """One port of a load balancer."""

    entry_protocol: str
    """http, https or tcp."""
    entry_port: int
    target_protocol: str
    target_port: int
    certificate_id: str = ""
    """The certificate with which TLS ends at the load balancer; empty for none."""
    tls_passthrough: bool = False


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """How a load balancer finds out which droplets can take traffic."""

    protocol: str
    """http, https or tcp."""
    port: int
    path: str
    check_interval_seconds: int
    response_timeout_seconds: int
    unhealthy_threshold: int
    """Failures in a row after which a droplet gets no traffic."""
    healthy_threshold: int
    """Successes in a row after which a droplet gets traffic."""

    @property
    def seconds_until_healthy(self) -> int:
        """Seconds after which a droplet that answers gets traffic."""
        return self.check_interval_seconds * self.healthy_threshold


@dataclass(frozen=True, kw_only=True)
class LoadBalancerRequest:
    """The fields of a load balancer to create or update. Its droplets are those with ``tag``."""

    name: str
    region: str
    vpc_id: str
    tag: str
    rules: tuple[ForwardingRule, ...]
    health_check: HealthCheck
    proxy_protocol: bool
    """Whether each connection to a droplet begins with a PROXY header."""
    redirects: bool
    """Whether HTTP requests are answered with the same URL of https."""
    size_unit: int = 1
    """Number of nodes, for the price."""


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """A load balancer."""

    id: str
    name: str
    status: str
    """new, active or errored."""
    ip: str
    """Its public address; empty until the API returns one."""
    created_at: str
    """RFC 3339."""
    tag: str
    """Empty if its droplets are given by id."""
    vpc_id: str
    rules: tuple[ForwardingRule, ...]
    health_check: HealthCheck | None
    proxy_protocol: bool
    redirects: bool
    size_unit: int
    droplet_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A TLS certificate of the account, for load balancers."""

    id: str
    name: str
    state: str
    """pending, verified or error."""
    dns_names: tuple[str, ...]
    created_at: str
    """RFC 3339."""


@dataclass(frozen=True, kw_only=True)
class ReservedIp:
    """A public address that moves between droplets."""

    ip: str
    region: str
    droplet_id: int | None
    """The droplet that has it; None if it is not assigned, which costs money."""
    locked: bool
    """Whether an action on it is in progress."""
