"""Classifies pending changes: one of four outcomes, its exit code, and the error of an impossible launch. Pure."""

from collections.abc import Sequence
from enum import StrEnum

from bakery.cloud.model import Droplet
from bakery.errors import BakeryError, CredentialsError, ExitCode, UsageError
from bakery.hints import Command, Hint, Text, joined
from bakery.launch.base.model import Changes, Obstacle
from bakery.launch.converge.drift import MOST_NAMED


class Outcome(StrEnum):
    """What a launch would do now."""

    AS_PLANNED = "as_planned"
    """Nothing: the account matches the plan."""
    DIFFERS = "differs"
    """Nothing, although running droplets differ from the plan: a launch does not change them."""
    CHANGES = "changes"
    """Create, update or replace resources."""
    CANNOT = "cannot"
    """Nothing: the preflight finds obstacles."""


def outcome_of(changes: Changes) -> Outcome:
    """Classify the changes of a preview."""
    if changes.obstacles:
        return Outcome.CANNOT
    if not changes.empty:
        return Outcome.CHANGES
    return Outcome.DIFFERS if changes.later or changes.extra or changes.duplicates else Outcome.AS_PLANNED


def exit_code_of(changes: Changes, *, tells_changes: bool = False) -> ExitCode:
    """Return the exit code of ``plan`` and ``launch --dry-run``: with obstacles, that of the refused launch.

    With ``tells_changes`` return ``CHANGES`` unless the account matches the plan. Differences of running droplets
    count too: a nightly check of the plan must report a node that runs another version.
    """
    if changes.obstacles:
        return refusal(changes.obstacles).exit_code
    if tells_changes and outcome_of(changes) is not Outcome.AS_PLANNED:
        return ExitCode.CHANGES
    return ExitCode.DONE


def refusal(obstacles: Sequence[Obstacle]) -> BakeryError:
    """Return the error that a launch ends with. Obstacles of the credentials decide its type."""
    error = CredentialsError if any(o.exit_code is ExitCode.CREDENTIALS for o in obstacles) else UsageError
    if len(obstacles) == 1:
        only = obstacles[0]
        return error(message=only.message, details=only.details, hint=only.hint)
    message = f"{len(obstacles)} obstacles make the launch impossible"
    lines = [line for obstacle in obstacles for line in lines_of(obstacle)]
    return error(
        message=message,
        details=joined("\n", lines),
        hint="nothing was created in the account; remove each obstacle, then run the same command again",
    )


def extra_lines(extra: Sequence[Droplet]) -> tuple[Text, ...]:
    """Describe droplets that are not in the plan: a line for each, or one line for more than three."""
    if len(extra) > MOST_NAMED:
        names = ", ".join(droplet.name for droplet in extra[:MOST_NAMED])
        text = f"{names} and {len(extra) - MOST_NAMED} more are not in the plan; to remove the last: "
        return (Hint(text, Command("destroy", "--node", extra[-1].name)),)
    return tuple(
        Hint(f"{droplet.name} is not in the plan; to remove it: ", Command("destroy", "--node", droplet.name))
        for droplet in extra
    )


def lines_of(obstacle: Obstacle) -> tuple[Text, ...]:
    """Return the obstacle as lines of text: what it is, and below that what to do."""
    details = (Hint("  ", obstacle.details),) if obstacle.details else ()
    return (obstacle.message, *details, Hint("  help: ", obstacle.hint))
