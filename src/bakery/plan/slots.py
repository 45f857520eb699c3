"""Slots and names: a slot is a node's place in the plan; a name belongs to one droplet and is not used again.

A replacement with the name of the earlier droplet could not join for up to two minutes: Consul's catalog refuses a
node whose name belongs to another id (hashicorp/consul agent/consul/state/catalog.go,
ensureNoNodeWithSimilarNameTxn), and a gossip pool refuses a new address for a name that it remembers
(hashicorp/memberlist state.go, aliveNode). The replacement would also have the tokens of the earlier droplet.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol, TypeVar

from bakery.plan.model import ClusterPlan
from bakery.plan.tags import slot_tag


class Tagged(Protocol):
    """The attributes of a droplet that determine its slot."""

    @property
    def name(self) -> str: ...

    @property
    def tags(self) -> tuple[str, ...]: ...


TaggedT = TypeVar("TaggedT", bound=Tagged)


def slot_of(droplet: Tagged, cluster: str) -> str:
    """Return the slot in the droplet's slot tag; without a slot tag (droplets of bakery 0.1), its name."""
    prefix = slot_tag(cluster, "")
    slots = (f"{cluster}-{tag.removeprefix(prefix)}" for tag in droplet.tags if tag.startswith(prefix))
    return next(slots, droplet.name)


def later_name(slot: str, run_id: str) -> str:
    """Return the name of a replacement: a droplet that is not the first in its slot.

    ``run_id`` is a random hexadecimal string, new in each run of a launch, because a rerun may replace a droplet
    that an earlier run of the same launch created. One in 65,536 runs repeats a name.
    """
    return f"{slot}-{run_id[:4]}"


def with_names(plan: ClusterPlan, names: Mapping[str, str]) -> ClusterPlan:
    """Return the plan with new node names, given by slot; a node whose slot is not in ``names`` keeps its name."""
    return replace(plan, nodes=tuple(replace(node, name=names.get(node.slot, node.name)) for node in plan.nodes))


def in_plan_order(plan: ClusterPlan, droplets: Iterable[TaggedT]) -> tuple[TaggedT, ...]:
    """Return the droplets in the order of the plan's nodes; droplets outside the plan are last, sorted by name.

    The API lists droplets in the order of their creation, and a launch creates several at the same time.
    """
    places = {node.slot: place for place, node in enumerate(plan.nodes)}

    def place(droplet: TaggedT) -> tuple[int, str]:
        return places.get(slot_of(droplet, plan.cluster), len(places)), droplet.name

    return tuple(sorted(droplets, key=place))


def as_running(plan: ClusterPlan, droplets: Iterable[Tagged]) -> ClusterPlan:
    """Return the plan with the names of the droplets in its slots; of duplicates, the first is used."""
    names: dict[str, str] = {}
    for droplet in droplets:
        names.setdefault(slot_of(droplet, plan.cluster), droplet.name)
    return with_names(plan, names)
