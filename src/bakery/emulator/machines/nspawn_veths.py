"""Which interfaces a droplet has, and where each ends on the router."""

from bakery.emulator.machines.interface import MachineSpec
from bakery.emulator.network.plan import VethPair, router_interfaces


def veth_pairs(spec: MachineSpec) -> tuple[VethPair, ...]:
    """A droplet's interfaces: eth0 public with the anchor and eth1 VPC, or eth0 VPC alone."""
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
