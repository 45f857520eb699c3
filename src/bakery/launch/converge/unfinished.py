"""Unfinished replacements, as a launch sees them: it names them, and does not touch them. Pure."""

from collections.abc import Iterable, Iterator

from bakery.cloud.model import Droplet
from bakery.hints import Command, Hint, Text
from bakery.launch.base.journal import Journal
from bakery.launch.base.model import Obstacle
from bakery.plan.successors import unfinished

REPLACEMENT_UNFINISHED = "replacement_unfinished"


def unfinished_lines(cluster: str, droplets: Iterable[Droplet]) -> tuple[Text, ...]:
    """Describe the unfinished replacements, one line each, with the command that finishes it."""
    found = unfinished(droplets, cluster)
    return tuple(
        Hint(f"a replacement of {each.name} is unfinished: ", Command("replace", each.name)) for each in found
    )


def unfinished_obstacles(cluster: str, droplets: Iterable[Droplet], journal: Journal) -> Iterator[Obstacle]:
    """Yield each replacement whose old node may be out of Raft or drained already: it must be finished first."""
    for each in unfinished(droplets, cluster):
        if each.old is not None and each.old_id in journal.leaving:
            yield Obstacle(
                code=REPLACEMENT_UNFINISHED,
                message=f"the replacement of {each.name} by {each.new.name} is half done",
                hint=Hint("finish it first: ", Command("replace", each.name)),
            )
