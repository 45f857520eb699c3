"""The interfaces of a droplet, and the router's end of each."""

from bakery.emulator.machines.interface import MachineSpec
from bakery.emulator.network.plan import VethPair, router_interfaces


def veth_pairs(spec: MachineSpec) -> tuple[VethPair, ...]:
    """Return a droplet's interfaces: eth0 public with anchor and eth1 VPC, or only eth0 VPC."""
    public, private = router_interfaces(spec.droplet_id)
    inside = VethPair(
        guest="eth0" if spec.public is None else "eth1",
        router=private,
        mac=spec.private.mac,
        addresses=(spec.private.address,),
        vpc_id=spec.vpc_id,
    )
    if spec.public is None:
        return (inside,)
    anchor = () if spec.anchor is None else (spec.anchor.address,)
    outside = VethPair(
        guest="eth0",
        router=public,
        mac=spec.public.mac,
        addresses=(spec.public.address, *anchor),
        vpc_id=None,
    )
    return (outside, inside)
