"""Conditions of the planned load balancer and reserved IP. A launch forms the cluster without waiting for them."""

from collections.abc import Iterable

from bakery.cloud.model import Droplet, LoadBalancer, ReservedIp
from bakery.hints import Command
from bakery.observe.model import Condition
from bakery.observe.verdict import judged

BALANCER, RESERVED_IP = "load-balancer", "reserved-ip"
ACTIVE, ERRORED = "active", "errored"


def forwards(balancer: LoadBalancer | None) -> Condition:
    """Check that the cluster's load balancer exists, is active, and has droplets to forward to."""
    if balancer is None:
        return judged(BALANCER, ["the load balancer of the cluster file does not exist"], "")
    if balancer.status == ERRORED:
        help_text = f"doctl compute load-balancer delete {balancer.id}, and then {Command('launch')}"
        return judged(BALANCER, [f"{balancer.name} is errored"], "", help_text=help_text)
    faults = [] if balancer.status == ACTIVE and balancer.ip else [f"{balancer.name} is {balancer.status}"]
    if not balancer.droplet_ids:
        faults.append(f"{balancer.name} forwards to no droplet")
    return judged(BALANCER, faults, f"{balancer.name} is active at {balancer.ip}")


def is_assigned(reserved: ReservedIp | None, slot: str, holders: Iterable[Droplet]) -> Condition:
    """Check that the reserved IP exists, and that a droplet in its slot has it."""
    if reserved is None:
        return judged(RESERVED_IP, ["the reserved IP of the cluster file does not exist"], "")
    fits = reserved.droplet_id in {droplet.id for droplet in holders}
    faults = [] if fits else [f"{reserved.ip} is not assigned to {slot}"]
    return judged(RESERVED_IP, faults, f"{reserved.ip} is assigned to {slot}")
