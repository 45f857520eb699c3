"""Whether other Nomad clients have room for the work of those that leave. Pure.

It compares datacenter, node pool, CPU and memory. Nomad's scheduler also considers constraints, ports and devices,
so an allocation for which this finds room may not fit all the same.
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from bakery.agents.model import Allocation, NomadNode, Resources
from bakery.launch.teardown.moving import name_of


def without_room(
    allocations: Iterable[Allocation], nodes: Iterable[NomadNode], free: Mapping[str, Resources]
) -> tuple[str, ...]:
    """Return a line for each task group that fits on no client, sorted. ``free`` is by the client's id.

    The largest allocation is placed first, each on the client with the most free memory.
    """
    taking = [node for node in nodes if node.status == "ready" and node.eligible]
    left = {node.id: free[node.id] for node in taking if node.id in free}
    lines = set()
    for each in sorted(allocations, key=lambda one: one.resources.memory_mb, reverse=True):
        suiting = [node.id for node in taking if node.id in left and _suits(node, each)]
        fitting = [node_id for node_id in suiting if _fits(each.resources, left[node_id])]
        if fitting:
            chosen = max(fitting, key=lambda node_id: left[node_id].memory_mb)
            left[chosen] = _without(left[chosen], each.resources)
        else:
            lines.add(f"{name_of(each)}: {_why(each, bool(suiting))}; it stops and waits for room")
    return tuple(sorted(lines))


def _why(allocation: Allocation, suits: bool) -> str:  # noqa: FBT001 - the only argument besides the allocation
    needs = allocation.resources
    if suits:
        return f"no other client has room for it ({needs.cpu_mhz} MHz, {needs.memory_mb} MB)"
    return f"no other client of pool {allocation.pool} takes work"


def _suits(node: NomadNode, allocation: Allocation) -> bool:
    in_datacenter = any(fnmatchcase(node.datacenter, pattern) for pattern in allocation.datacenters)
    return in_datacenter and allocation.pool in (node.pool, "all")


def _fits(needs: Resources, has: Resources) -> bool:
    return needs.cpu_mhz <= has.cpu_mhz and needs.memory_mb <= has.memory_mb


def _without(has: Resources, needs: Resources) -> Resources:
    return Resources(cpu_mhz=has.cpu_mhz - needs.cpu_mhz, memory_mb=has.memory_mb - needs.memory_mb)
