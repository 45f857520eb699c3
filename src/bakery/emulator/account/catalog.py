"""DigitalOcean's sizes, regions and base images.

Sizes and prices are DigitalOcean's basic plans with a regular CPU (https://www.digitalocean.com/pricing/droplets);
current prices are only in the real ``GET /v2/sizes``. Images:
https://docs.digitalocean.com/products/droplets/details/images/.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Size:
    """A droplet size that can be bought."""

    slug: str
    memory: int
    """MB."""
    vcpus: int
    disk: int
    """GB."""
    transfer: float
    """TB a month."""
    price_monthly: float
    """US dollars."""
    price_hourly: float


def _basic(slug: str, memory: int, vcpus: int, disk: int, transfer: float, prices: tuple[float, float]) -> Size:
    return Size(
        slug=slug,
        memory=memory,
        vcpus=vcpus,
        disk=disk,
        transfer=transfer,
        price_monthly=prices[0],
        price_hourly=prices[1],
    )


SIZES = {
    size.slug: size
    for size in (
        _basic("s-1vcpu-512mb-10gb", 512, 1, 10, 0.5, (4.0, 0.00595)),
        _basic("s-1vcpu-1gb", 1024, 1, 25, 1.0, (6.0, 0.00893)),
        _basic("s-1vcpu-2gb", 2048, 1, 50, 2.0, (12.0, 0.01786)),
        _basic("s-2vcpu-2gb", 2048, 2, 60, 3.0, (18.0, 0.02679)),
        _basic("s-2vcpu-4gb", 4096, 2, 80, 4.0, (24.0, 0.03571)),
        _basic("s-4vcpu-8gb", 8192, 4, 160, 5.0, (48.0, 0.07143)),
        _basic("s-8vcpu-16gb", 16384, 8, 320, 6.0, (96.0, 0.14286)),
    )
}

REGION_NAMES = {
    "ams3": "Amsterdam 3",
    "atl1": "Atlanta 1",
    "blr1": "Bangalore 1",
    "fra1": "Frankfurt 1",
    "lon1": "London 1",
    "nyc1": "New York 1",
    "nyc2": "New York 2",
    "nyc3": "New York 3",
    "sfo2": "San Francisco 2",
    "sfo3": "San Francisco 3",
    "sgp1": "Singapore 1",
    "syd1": "Sydney 1",
    "tor1": "Toronto 1",
}

REGION_FEATURES = ("backups", "ipv6", "metadata", "install_agent", "storage", "image_transfer")

BASE_IMAGES = {
    "debian-12-x64": ("Debian", "12 x64"),
    "debian-13-x64": ("Debian", "13 x64"),
    "ubuntu-22-04-x64": ("Ubuntu", "22.04 (LTS) x64"),
    "ubuntu-24-04-x64": ("Ubuntu", "24.04 (LTS) x64"),
}
"""Distribution and name by slug."""

BASE_IMAGE_DISK = 7
"""GB, as the API's examples of base images have it."""
