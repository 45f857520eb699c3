"""From a droplet of the account to the spec of its machine."""

from bakery.emulator.account.addresses import AddressPool, mac
from bakery.emulator.account.catalog import SIZES
from bakery.emulator.account.model import Droplet
from bakery.emulator.account.state import AccountState
from bakery.emulator.machines.interface import Interface, MachineSpec


def machine_spec(state: AccountState, droplet: Droplet) -> MachineSpec:
    """Return the spec of the droplet's machine."""
    size = SIZES[droplet.size]
    settings = state.settings
    droplets = state.droplets
    inside = 0 if droplet.public_address is None else 1
    private = _interface(droplet, inside, droplet.private_address, state.vpcs.pool(droplet.vpc_id), None)
    return MachineSpec(
        droplet_id=droplet.id,
        name=droplet.name,
        image=state.images.even_deleted(droplet.image_id).key,
        memory=size.memory,
        vcpus=size.vcpus,
        disk=droplet.disk,
        region=droplet.region,
        tags=tuple(droplet.tags),
        user_data=droplet.user_data,
        vendor_data=droplet.vendor_data,
        public_keys=tuple(droplet.public_keys),
        public=_optional(droplet, droplet.public_address, droplets.public, settings.public_gateway),
        anchor=_optional(droplet, droplet.anchor_address, droplets.anchors, settings.anchor_gateway),
        private=private,
        vpc_id=droplet.vpc_id,
        dns=settings.dns,
        reserved_ip=reserved.ip if (reserved := state.reserved_ips.find_by_droplet(droplet.id)) else None,
    )


def _optional(droplet: Droplet, address: str | None, pool: AddressPool, gateway: str) -> Interface | None:
    return None if address is None else _interface(droplet, 0, address, pool, gateway)


def _interface(droplet: Droplet, number: int, address: str, pool: AddressPool, gateway: str | None) -> Interface:
    return Interface(mac=mac(droplet.id, number), address=address, netmask=pool.netmask, gateway=gateway)
