"""Slots and names: a slot is a node's place in the plan, a name belongs to one droplet for ever.

A replacement under the name of its predecessor is kept out for up to two minutes: Consul's catalog refuses a node
whose name another id holds (hashicorp/consul agent/consul/state/catalog.go, ensureNoNodeWithSimilarNameTxn), and a
gossip pool refuses a new address for a name that it remembers (hashicorp/memberlist state.go, aliveNode). It would
have its predecessor's tokens, too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol, TypeVar

from bakery.plan.model import ClusterPlan
from bakery.plan.tags import slot_tag


class Tagged(Protocol):
    """A droplet, as far as its slot can be told from it."""

    @property
    def name(self) -> str: ...

    @property
    def tags(self) -> tuple[str, ...]: ...


TaggedT = TypeVar("TaggedT", bound=Tagged)


def slot_of(droplet: Tagged, cluster: str) -> str:
    """The slot that the droplet's tag names; without such a tag (droplets of bakery 0.1) its name."""
    prefix = slot_tag(cluster, "")
    slots = (f"{cluster}-{tag.removeprefix(prefix)}" for tag in droplet.tags if tag.startswith(prefix))
    return next(slots, droplet.name)


def later_name(slot: str, run_id: str) -> str:
    """The name of a droplet that is not the first in its slot.

    ``run_id`` are hexadecimal digits that each run of a launch draws anew: an interrupted launch, run again, may
    replace a droplet that it has made itself. One in 65,536 runs gives the same name again.
    """
    return f"{slot}-{run_id[:4]}"


def with_names(plan: ClusterPlan, names: Mapping[str, str]) -> ClusterPlan:
    """The plan with the nodes named as ``names`` says, by slot; a node that is not in it keeps its name."""
    return replace(plan, nodes=tuple(replace(node, name=names.get(node.slot, node.name)) for node in plan.nodes))


def in_plan_order(plan: ClusterPlan, droplets: Iterable[TaggedT]) -> tuple[TaggedT, ...]:
    """The droplets in the order of the plan's nodes; those of no slot of the plan come last, by name.

    The API lists droplets in the order in which they were made, and a launch makes several at once.
    """
    places = {node.slot: place for place, node in enumerate(plan.nodes)}

    def place(droplet: TaggedT) -> tuple[int, str]:
        return places.get(slot_of(droplet, plan.cluster), len(places)), droplet.name

    return tuple(sorted(droplets, key=place))


def as_running(plan: ClusterPlan, droplets: Iterable[Tagged]) -> ClusterPlan:
    """The plan with the names of the droplets in its slots; of several in one slot the first counts."""
    names: dict[str, str] = {}
    for droplet in droplets:
        names.setdefault(slot_of(droplet, plan.cluster), droplet.name)
    return with_names(plan, names)
