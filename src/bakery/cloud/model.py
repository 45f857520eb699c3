"""DigitalOcean's things as bakery needs them (https://docs.digitalocean.com/reference/api/digitalocean/)."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Account:
    uuid: str
    """Of the user whose token it is."""
    status: str
    droplet_limit: int
    email: str = ""
    team: str = ""
    """The team's name; empty where the API tells none."""
    team_uuid: str = ""

    @property
    def owner(self) -> str:
        """The UUID of whoever owns the droplets: the team that the token belongs to, else the user.

        ``uuid`` is "for the current user", ``team`` is there "when authorized in a team context" (OpenAPI:
        resources/account/models/account.yml): one user's tokens for two teams are for two sets of droplets.
        """
        return self.team_uuid or self.uuid


@dataclass(frozen=True, kw_only=True)
class Droplet:
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
    """None until the API shows one."""
    private_ipv4: str | None
    """The VPC address, never the anchor's."""
    image_name: str = ""
    """Of the image it was made from, also when that is deleted."""


@dataclass(frozen=True, kw_only=True)
class DropletRequest:
    """One droplet to create. ``user_data`` holds secrets and hides in ``repr``."""

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
    id: int
    name: str
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Vpc:
    id: str
    name: str
    description: str
    region: str
    ip_range: str
    default: bool


@dataclass(frozen=True, kw_only=True)
class FirewallRule:
    """One permission; ``addresses`` are CIDRs, ``tags`` stand for the droplets that carry them."""

    protocol: str
    ports: str
    addresses: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FirewallRequest:
    name: str
    inbound: tuple[FirewallRule, ...]
    outbound: tuple[FirewallRule, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Firewall:
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
    slug: str
    available: bool
    features: tuple[str, ...] = ("metadata",)
    """What the region offers; DigitalOcean's all have a metadata service."""
