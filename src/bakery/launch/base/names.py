"""Which droplet is in which slot, and what the next droplet in a slot is called."""

from collections.abc import Iterable

from bakery.cloud.model import Droplet
from bakery.launch.base.model import Present
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.slots import later_name, slot_of, with_names
from bakery.plan.tags import slot_tag


def occupants(droplets: Iterable[Droplet], cluster: str) -> dict[str, list[Droplet]]:
    """The droplets in each slot, the one that counts first: an active one, then the oldest."""
    groups: dict[str, list[Droplet]] = {}
    for droplet in sorted(droplets, key=lambda d: (d.status != "active", d.id)):
        groups.setdefault(slot_of(droplet, cluster), []).append(droplet)
    return groups


def name_nodes(
    plan: ClusterPlan, present: Present, run_id: str | None, *, renamed: frozenset[int] = frozenset()
) -> ClusterPlan:
    """The plan with the names that droplets have, or will get from this run of a launch.

    A droplet that is replaced because it never joined leaves its name to its successor, since the cluster
    has not heard of it. ``renamed`` are the ids of replaced droplets that the cluster knows. Without a run's
    id (nothing is made) a new node keeps the name of its slot.
    """
    by_slot = occupants(present.droplets, plan.cluster)
    used = set(present.tags)

    def name(node: Node) -> str:
        droplet = next(iter(by_slot.get(node.slot, [])), None)
        if droplet is not None and droplet.id not in renamed:
            return droplet.name
        was_used = droplet is not None or slot_tag(plan.cluster, node.slot) in used
        return later_name(node.slot, run_id) if was_used and run_id else node.slot

    return with_names(plan, {node.slot: name(node) for node in plan.nodes})
