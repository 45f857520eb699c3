"""DigitalOcean's resources, with the fields that bakery uses (https://docs.digitalocean.com/reference/api/digitalocean/)."""

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
