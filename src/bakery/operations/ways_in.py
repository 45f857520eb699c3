"""The cluster's load balancer and reserved IP, for ``bakery status`` and ``bakery doctor``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bakery.cloud.model import Droplet, LoadBalancer, ReservedIp
from bakery.launch.base.ways_in import find_balancer, own_addresses
from bakery.observe.model import Condition
from bakery.observe.ways_in import forwards, is_assigned
from bakery.operations.context import Context, open_session
from bakery.plan.model import ClusterPlan
from bakery.plan.slots import slot_of
from bakery.plan.ways_in import balancer_of, reserved_slot


@dataclass(frozen=True, kw_only=True)
class WaysIn:
    """What the account has of both. None if the plan has none, or if it does not exist."""

    balancer: LoadBalancer | None = None
    reserved_ip: ReservedIp | None = None
    conditions: tuple[Condition, ...] = ()
    """Whether each one that the plan has exists and works."""

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each."""
        lines = []
        if self.balancer is not None:
            droplets = len(self.balancer.droplet_ids)
            where = self.balancer.ip or "no address yet"
            lines.append(f"load balancer: {where} ({self.balancer.status}, droplets: {droplets})")
        if self.reserved_ip is not None:
            state = "assigned" if self.reserved_ip.droplet_id is not None else "not assigned"
            lines.append(f"reserved IP: {self.reserved_ip.ip} ({state})")
        return tuple(lines)

    @property
    def json(self) -> dict[str, Any]:
        """Both for ``--json``."""
        balancer, reserved = self.balancer, self.reserved_ip
        return {
            "load_balancer": balancer
            and {
                "name": balancer.name,
                "status": balancer.status,
                "ip": balancer.ip or None,
                "droplet_ids": list(balancer.droplet_ids),
            },
            "reserved_ip": reserved and {"ip": reserved.ip, "droplet_id": reserved.droplet_id},
        }


NO_WAYS_IN = WaysIn()


def find_ways_in(context: Context, plan: ClusterPlan, droplets: Sequence[Droplet]) -> WaysIn:
    """Find the load balancer and the reserved IP that the plan has. ``droplets`` are the cluster's.

    A reserved IP that the user has assigned to the droplet counts too.
    """
    cloud, slot = context.cloud, reserved_slot(plan)
    balancer = reserved = None
    conditions = []
    if balancer_of(plan) is not None:
        balancer = find_balancer(plan.cluster, cloud.list_load_balancers())
        conditions.append(forwards(balancer))
    if slot is not None:
        holders = [droplet for droplet in droplets if slot_of(droplet, plan.cluster) == slot]
        own = own_addresses(plan.cluster, cloud.list_tags(), open_session(context).journal.now)
        reserved = _find_reserved(cloud.list_reserved_ips(), own, {droplet.id for droplet in holders})
        conditions.append(is_assigned(reserved, slot, holders))
    return WaysIn(balancer=balancer, reserved_ip=reserved, conditions=tuple(conditions))


def _find_reserved(listed: Sequence[ReservedIp], own: frozenset[str], holders: set[int]) -> ReservedIp | None:
    """Return the address that a droplet in the slot has; otherwise the one that bakery reserved."""
    held = next((each for each in listed if each.droplet_id in holders), None)
    return held or next((each for each in listed if each.ip in own), None)
