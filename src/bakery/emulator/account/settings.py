"""Settings of an emulated DigitalOcean account and its networks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bakery.emulator.account.catalog import REGION_FEATURES
from bakery.emulator.account.latency import NONE, Latency

DEFAULT_PORT = 7180
VENDOR_DATA = "#cloud-config\nmanage_etc_hosts: true\n"
"""The part of DigitalOcean's vendor-data that is known: a droplet's /etc/hosts holds its own name, and its first
lines name this setting (https://github.com/docker-archive-public/docker.machine/pull/960 shows one)."""
DEFAULT_REGIONS = ("ams3", "blr1", "fra1", "lon1", "nyc1", "nyc3", "sfo3", "sgp1", "syd1", "tor1")

IMPAIRMENT_MOST = {"loss": 1, "delay_s": 10, "rate": 10**11, "partition_s": 3600}
"""The maximum of each field of an impairment: a share, seconds, bits per second, seconds."""


@dataclass(frozen=True, kw_only=True)
class EmulatorSettings:
    """Settings of one emulator; all but ``tokens`` have a default. Fields that end in ``_s`` are seconds."""

    tokens: tuple[str, ...] = field(repr=False)
    """Bearer tokens that the API accepts, with full access."""
    scoped_tokens: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """More tokens with their scopes (``droplet:read``); the scope ``read`` includes every ``:read``."""
    regions: tuple[str, ...] = DEFAULT_REGIONS
    region_features: tuple[str, ...] = REGION_FEATURES
    """The features of every region; without ``metadata`` its droplets have no metadata service."""
    base_images: tuple[str, ...] = ("debian-12-x64", "debian-13-x64", "ubuntu-22-04-x64", "ubuntu-24-04-x64")
    """Slugs of the public images that the API lists; ``Machines.check_image`` decides which can boot here."""
    droplet_limit: int = 10_000
    load_balancer_limit: int = 10
    reserved_ip_limit: int = 3
    """https://docs.digitalocean.com/products/networking/reserved-ips/details/limits/"""
    team_uuid: str = "00000000-0000-4000-8000-000000000002"
    """The account's team; every emulator that is started has another."""
    team_name: str = "Emulator"
    first_id: int = 400_000_001
    """Droplets, images, keys and actions count up from here."""

    public_network: str = "198.18.0.0/15"
    """The range for benchmarks (RFC 2544), which is not routed on the internet."""
    public_gateway: str = "198.18.0.1"
    host_address: str = "198.18.0.2"
    """The operator's own address on the public network."""
    first_public_address: str = "198.18.0.10"
    anchor_network: str = "10.17.0.0/16"
    anchor_gateway: str = "10.17.0.1"
    vpc_pool: str = "10.116.0.0/14"
    """VPCs without an ``ip_range`` get a /20 of this range."""
    default_vpcs: bool = True
    """Each region has its default VPC from the start, as in an account that has been used. False: the first VPC
    made in a region becomes its default, and cannot be deleted."""
    reuse_vpc_addresses: bool = False
    """Give a new droplet the lowest free address of its VPC, which a deleted droplet may have had a moment ago.
    Otherwise an address is used again only after all others of the VPC."""
    dns: tuple[str, ...] = ("67.207.67.2", "67.207.67.3")
    """DigitalOcean's resolvers (https://docs.digitalocean.com/products/networking/dns/)."""
    vendor_data: str | None = field(default=VENDOR_DATA, repr=False)

    latency: Latency = NONE
    """Added to the time that the emulator's own work takes."""
    private_address_delay_s: float = 0.0
    """How long after a droplet is active the API first shows its VPC address."""
    firewall_delay_s: float = 0.0
    """How long a changed firewall stays ``waiting``."""
    certificate_s: float = 0.0
    """How long a Let's Encrypt certificate stays ``pending``."""
    shutdown_timeout_s: float = 90.0
    """A shutdown action is errored if the guest still runs after so many seconds."""
    workers: int = 32
    """Threads that work on machines."""

    rate_limits: bool = False
    """Enforce the published limits. Answers have the rate-limit headers in any case."""
    requests_per_hour: int = 5000
    requests_per_minute: int = 250
    key_listings_per_minute: int = 10
    finished_actions: int = 1_000
    """Finished actions that the account keeps; older ones answer 404."""
    log_size: int = 20_000
    """How many of the newest requests ``/_emulator/requests`` lists."""
