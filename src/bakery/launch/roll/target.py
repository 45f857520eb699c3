"""Finds the node that a user wants replaced. Pure."""

from collections.abc import Iterable

from bakery.cloud.model import Droplet
from bakery.errors import UsageError
from bakery.hints import Command, Hint
from bakery.launch.base.journal import Journal, Replacing
from bakery.launch.base.names import choice_hint, occupants
from bakery.launch.roll.model import Target
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.slots import slot_of
from bakery.plan.successors import unfinished


def find_target(plan: ClusterPlan, droplets: Iterable[Droplet], journal: Journal, name: str) -> Target:
    """Return the node called ``name``: a droplet's name, a slot, or the name of an unfinished replacement's node.

    Raises:
        UsageError: no droplet has that name, its slot is not in the plan, or it has a duplicate.
    """
    there = tuple(droplets)
    slot = _slot(plan, there, journal, name)
    node = next((node for node in plan.nodes if node.slot == slot), None)
    if slot is None or node is None:
        raise _unknown(plan, there, name, slot)
    return target_in(plan, there, journal, node)


def target_in(plan: ClusterPlan, droplets: Iterable[Droplet], journal: Journal, node: Node) -> Target:
    """Return the droplet in the node's slot as a target; if its replacement is unfinished, that replacement.

    Raises:
        UsageError: the slot has no droplet, or has duplicates.
    """
    there = tuple(droplets)
    begun = next((each for each in unfinished(there, plan.cluster) if each.slot == node.slot), None)
    if begun is not None:
        return Target(node=node, old=begun.old, old_id=begun.old_id, new=begun.new)
    holders = occupants(there, plan.cluster).get(node.slot, [])
    gone = half_done(journal, there).get(node.slot)
    if gone is not None and holders:
        return Target(node=node, old=None, old_id=gone.old_id, new=holders[0])
    if not holders:
        message = f"{node.slot} has no droplet to replace"
        raise UsageError(message=message, hint=Hint("to create it: ", Command("launch")))
    if len(holders) > 1:
        message = f"{node.slot} has {len(holders)} droplets: {', '.join(each.name for each in holders)}"
        hint = Hint("remove one of them first: ", Command("destroy", "--node", "NAME"))
        raise UsageError(message=message, hint=hint)
    return Target(node=node, old=holders[0], old_id=holders[0].id)


def half_done(journal: Journal, droplets: Iterable[Droplet]) -> dict[str, Replacing]:
    """Return, by slot, the replacements in the journal whose old droplet is deleted: the clean-up is left."""
    ids = {droplet.id for droplet in droplets}
    return {each.slot: each for each in journal.replacing if each.old_id not in ids}


def _slot(plan: ClusterPlan, droplets: tuple[Droplet, ...], journal: Journal, name: str) -> str | None:
    named = (slot_of(droplet, plan.cluster) for droplet in droplets if droplet.name == name)
    recorded = (each.slot for each in journal.replacing if each.name == name)
    planned = (node.slot for node in plan.nodes if node.slot == name)
    return next((slot for found in (named, recorded, planned) for slot in found), None)


def _unknown(plan: ClusterPlan, droplets: tuple[Droplet, ...], name: str, slot: str | None) -> UsageError:
    if slot is not None:
        message = f"{name} is not in the plan"
        return UsageError(message=message, hint=Hint("to remove it: ", Command("destroy", "--node", name)))
    message = f"cluster {plan.cluster} has no node {name!r}"
    return UsageError(message=message, hint=choice_hint(name, {each.name for each in droplets}, "its droplets"))
