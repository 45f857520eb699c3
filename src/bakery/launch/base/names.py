"""Which droplet is in which slot, and which name the next droplet in a slot gets."""

from collections.abc import Iterable, Set

from bakery.cloud.model import Droplet
from bakery.config.findings import nearest
from bakery.hints import Command, Hint, Text
from bakery.launch.base.model import Present
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.slots import later_name, slot_of, with_names
from bakery.plan.successors import without_successors
from bakery.plan.tags import slot_tag


def occupants(droplets: Iterable[Droplet], cluster: str) -> dict[str, list[Droplet]]:
    """Return the droplets of each slot: active ones first, then by age. The first one counts.

    A successor is not among them while the droplet that it replaces exists.
    """
    groups: dict[str, list[Droplet]] = {}
    for droplet in sorted(without_successors(droplets, cluster), key=lambda d: (d.status != "active", d.id)):
        groups.setdefault(slot_of(droplet, cluster), []).append(droplet)
    return groups


def name_nodes(
    plan: ClusterPlan, present: Present, run_id: str | None, *, renamed: frozenset[int] = frozenset()
) -> ClusterPlan:
    """Return the plan with the names that its droplets have, or get from this run of a launch.

    A droplet that is replaced because it never joined passes its name on: Consul and Nomad do not know the name.
    ``renamed`` are ids of replaced droplets that they do know. If ``run_id`` is None, no droplet is created, and
    new nodes have the names of their slots.
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


def choice_hint(name: str, known: Set[str], what: str) -> Text:
    """Return the most similar name, and all names after ``what``; the next command if there is no droplet."""
    if not known:
        return Hint("it has no droplets yet: ", Command("launch"))
    near = nearest(name, sorted(known))
    return f"{f'did you mean {near}? ' if near else ''}{what}: {', '.join(sorted(known))}"
