"""Which nodes differ from what a new droplet would be, and why. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from bakery.cloud.model import Droplet, Image
from bakery.launch.base.names import occupants
from bakery.launch.converge.drift import DIFFERENT, is_configured_differently
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.successors import unfinished
from bakery.plan.tags import generation_of

DAY = 86_400.0
UNFINISHED = ("its replacement is unfinished",)


class Because(StrEnum):
    """A reason to replace a node."""

    IMAGE = "image"
    SIZE = "size"
    SECRETS = "secrets"
    CONFIG = "config"
    AGE = "age"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What each droplet of the cluster should be."""

    image: Image
    generation: int
    """Generation of the secrets."""
    now: float
    """Epoch seconds at which ages are measured: the start of the roll. Droplets that it creates are younger."""
    oldest_days: int


@dataclass(frozen=True, kw_only=True)
class Need:
    """A node to replace."""

    node: Node
    droplet: Droplet
    reasons: tuple[str, ...]
    """As text, one per difference; for an unfinished replacement only that."""


def find_needs(
    plan: ClusterPlan,
    droplets: Iterable[Droplet],
    wanted: Wanted,
    *,
    because: Collection[Because],
    roles: Collection[str] = (),
    half_done: Collection[str] = (),
) -> tuple[Need, ...]:
    """Return the nodes to replace, in the plan's order. If ``roles`` is not empty, only nodes of these roles.

    A node that has a droplet is among them if it differs for one of the reasons ``because``, or if its replacement
    is unfinished: its successor has the tag of a successor, or its slot is in ``half_done``.
    """
    there = tuple(droplets)
    by_slot = occupants(there, plan.cluster)
    begun = {each.slot for each in unfinished(there, plan.cluster)}.union(half_done)
    found = []
    for node in plan.nodes:
        droplet = next(iter(by_slot.get(node.slot, [])), None)
        if droplet is None or (roles and node.role not in roles):
            continue
        reasons = differences(plan, node, droplet, wanted, because)
        if node.slot in begun:
            reasons = UNFINISHED
        if reasons:
            found.append(Need(node=node, droplet=droplet, reasons=reasons))
    return tuple(found)


def differences(
    plan: ClusterPlan, node: Node, droplet: Droplet, wanted: Wanted, because: Collection[Because]
) -> tuple[str, ...]:
    """Return why the droplet is not what a new one would be, one text per reason among ``because``."""
    generation = generation_of(droplet.tags, plan.cluster)
    age = age_days(droplet, wanted.now)
    texts = {
        Because.IMAGE: f"snapshot {droplet.image_name or droplet.image_id}, not {wanted.image.name}"
        if droplet.image_id != wanted.image.id
        else "",
        Because.SIZE: f"size {droplet.size}, not {node.size}" if droplet.size != node.size else "",
        Because.SECRETS: f"secrets of generation {generation}, not {wanted.generation}"
        if generation != wanted.generation
        else "",
        Because.CONFIG: DIFFERENT
        if Because.CONFIG in because and is_configured_differently(plan, node, droplet)
        else "",
        Because.AGE: f"{age:.0f} days old" if age is not None and age >= wanted.oldest_days else "",
    }
    return tuple(text for reason, text in texts.items() if text and reason in because)


def age_days(droplet: Droplet, now: float) -> float | None:
    """Return the droplet's age in days at ``now`` (epoch seconds); None if the API gave no readable time."""
    try:
        created = datetime.fromisoformat(droplet.created_at)
    except ValueError:
        return None
    return (now - (created if created.tzinfo else created.replace(tzinfo=UTC)).timestamp()) / DAY
