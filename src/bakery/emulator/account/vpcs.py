"""VPCs and the addresses in them."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Network

from bakery.emulator.account.addresses import AddressPool
from bakery.emulator.account.errors import Forbidden, NotFound, Unprocessable
from bakery.emulator.account.model import Vpc
from bakery.emulator.account.settings import EmulatorSettings
from bakery.emulator.account.source import Ids, WallClock

_NAME = re.compile(r"[a-zA-Z0-9\-.]{1,255}")
_RFC1918 = tuple(IPv4Network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


class Vpcs:
    """The account's VPCs, with the rules of https://docs.digitalocean.com/products/networking/vpc/details/limits/."""

    def __init__(self, settings: EmulatorSettings, clock: WallClock, ids: Ids) -> None:
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._vpcs: dict[str, Vpc] = {}
        self._pools: dict[str, AddressPool] = {}
        if settings.default_vpcs:
            for region in settings.regions:
                self.default_of(region)

    def restore(self, vpcs: Iterable[Vpc]) -> None:
        """Replace all VPCs; all of their addresses are free."""
        self._vpcs = {vpc.id: vpc for vpc in vpcs}
        self._pools = {vpc.id: self._new_pool(vpc) for vpc in self._vpcs.values()}

    def all(self) -> list[Vpc]:
        return list(self._vpcs.values())

    def find(self, vpc_id: str) -> Vpc | None:
        return self._vpcs.get(vpc_id.lower())

    def get(self, vpc_id: str) -> Vpc:
        vpc = self.find(vpc_id)
        if vpc is None:
            raise NotFound
        return vpc

    def pool(self, vpc_id: str) -> AddressPool:
        """Return the addresses of a VPC."""
        return self._pools[vpc_id]

    def default_of(self, region: str) -> Vpc:
        """Return the region's default VPC, after creating it if there is none."""
        for vpc in self._vpcs.values():
            if vpc.region == region and vpc.default:
                return vpc
        return self.create(name=f"default-{region}", description="", region=region, ip_range=None)

    def create(self, *, name: str, description: str, region: str, ip_range: str | None) -> Vpc:
        """Create a VPC; the first one of a region is its default. Raises Unprocessable."""
        self.check_name(name)
        network = self._free_range() if ip_range is None else _private_range(ip_range)
        self._refuse_overlap(network)
        vpc = Vpc(
            id=self._ids.uuid(),
            name=name,
            description=description,
            region=region,
            ip_range=str(network),
            default=not any(other.region == region for other in self._vpcs.values()),
            created_at=self._clock(),
        )
        self._vpcs[vpc.id] = vpc
        self._pools[vpc.id] = self._new_pool(vpc)
        return vpc

    def make_default(self, vpc: Vpc) -> None:
        """Make this VPC the default of its region, in place of another."""
        for other in self._vpcs.values():
            if other.region == vpc.region:
                other.default = other is vpc

    def remove(self, vpc: Vpc, *, members: int) -> None:
        """Delete a VPC. Raises Forbidden for a default VPC and for a VPC with members."""
        if vpc.default:
            message = "Can not delete default VPCs."
            raise Forbidden(message)
        if members:
            message = "Can not delete VPC with members."
            raise Forbidden(message)
        del self._vpcs[vpc.id]
        del self._pools[vpc.id]

    def check_name(self, name: str, *, own: Vpc | None = None) -> None:
        """Raise Unprocessable for a malformed name and for the name of another VPC than ``own``."""
        if _NAME.fullmatch(name) is None:
            message = "Name may only contain letters, numbers, dashes and periods."
            raise Unprocessable(message)
        if any(vpc.name == name and vpc is not own for vpc in self._vpcs.values()):
            message = "A VPC with this name already exists in your account."
            raise Unprocessable(message)

    def _new_pool(self, vpc: Vpc) -> AddressPool:
        return AddressPool(vpc.ip_range, reuse=self._settings.reuse_vpc_addresses)

    def _free_range(self) -> IPv4Network:
        used = [IPv4Network(vpc.ip_range) for vpc in self._vpcs.values()]
        for network in IPv4Network(self._settings.vpc_pool).subnets(new_prefix=20):
            if not any(network.overlaps(other) for other in used):
                return network
        message = "There is no free IP range left for a VPC."
        raise Unprocessable(message)

    def _refuse_overlap(self, network: IPv4Network) -> None:
        for vpc in self._vpcs.values():
            if network.overlaps(IPv4Network(vpc.ip_range)):
                message = f"This range/size overlaps with another VPC network in your account: {vpc.ip_range}."
                raise Unprocessable(message)


def _private_range(text: str) -> IPv4Network:
    try:
        network = IPv4Network(text)
    except ValueError:
        message = "The IP range is not a valid network in CIDR notation."
        raise Unprocessable(message) from None
    if not 16 <= network.prefixlen <= 28:
        message = "The IP range must be between /16 and /28."
        raise Unprocessable(message)
    if not any(network.subnet_of(private) for private in _RFC1918):
        message = "The IP range must be within the private ranges of RFC 1918."
        raise Unprocessable(message)
    return network
