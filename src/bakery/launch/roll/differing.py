"""What a roll would replace, as ``plan`` and ``status`` show it. Pure."""

from collections.abc import Collection, Iterable

from bakery.cloud.model import Droplet
from bakery.hints import Command, Hint, Text
from bakery.launch.converge.drift import named
from bakery.launch.roll.need import Because, Wanted, differences
from bakery.plan.model import ClusterPlan
from bakery.plan.slots import in_plan_order, slot_of


def because_of(plan: ClusterPlan, droplet: Droplet, wanted: Wanted) -> tuple[Because, ...]:
    """Return why a roll would replace the droplet; empty also for a droplet whose slot is not in the plan."""
    node = next((node for node in plan.nodes if node.slot == slot_of(droplet, plan.cluster)), None)
    if node is None:
        return ()
    return tuple(each for each in Because if differences(plan, node, droplet, wanted, {each}))


def old_lines(
    plan: ClusterPlan, droplets: Iterable[Droplet], wanted: Wanted, because: Collection[Because]
) -> tuple[Text, ...]:
    """Describe the droplets with old secrets, and those that are old, among ``because``: one line per reason.

    The other reasons are differences from the cluster file (:mod:`bakery.launch.converge.drift`).
    """
    texts = {
        Because.SECRETS: f"secrets older than generation {wanted.generation}",
        Because.AGE: f"at least {wanted.oldest_days} days old",
    }
    found: dict[Because, list[str]] = {}
    for droplet in in_plan_order(plan, droplets):
        for reason in because_of(plan, droplet, wanted):
            found.setdefault(reason, []).append(droplet.name)
    return tuple(
        Hint(f"{named(found[reason])}: {text}; to replace them one by one: ", Command("roll"))
        for reason, text in texts.items()
        if reason in found and reason in because
    )
