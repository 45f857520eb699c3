"""What pending changes amount to: one of four outcomes, the exit code that goes with it, or the refusal. Pure."""

from collections.abc import Sequence
from enum import StrEnum

from bakery.errors import BakeryError, CredentialsError, ExitCode, UsageError
from bakery.hints import Hint, Text, joined
from bakery.launch.base.model import Changes, Obstacle


class Outcome(StrEnum):
    """What a launch would do with the cluster as it is."""

    AS_PLANNED = "as_planned"
    """Nothing: the cloud is what the plan says."""
    DIFFERS = "differs"
    """Nothing, though something differs from the plan: a launch leaves running droplets alone."""
    CHANGES = "changes"
    """Create, update or replace something."""
    CANNOT = "cannot"
    """It would be refused before it made anything."""


def outcome_of(changes: Changes) -> Outcome:
    if changes.obstacles:
        return Outcome.CANNOT
    if not changes.empty:
        return Outcome.CHANGES
    return Outcome.DIFFERS if changes.later or changes.extra or changes.duplicates else Outcome.AS_PLANNED


def exit_code_of(changes: Changes, *, tells_changes: bool = False) -> ExitCode:
    """What a look at the changes ends in: where a launch would be refused, the code of that refusal.

    With ``tells_changes`` it is ``CHANGES`` unless the cloud is as planned. What differs counts too: somebody who
    has a plan checked every night wants to hear of a node that runs another version.
    """
    if changes.obstacles:
        return refusal(changes.obstacles).exit_code
    if tells_changes and outcome_of(changes) is not Outcome.AS_PLANNED:
        return ExitCode.CHANGES
    return ExitCode.DONE


def refusal(obstacles: Sequence[Obstacle]) -> BakeryError:
    """The error that a launch ends with; credentials that are lost or foreign weigh most."""
    error = CredentialsError if any(o.exit_code is ExitCode.CREDENTIALS for o in obstacles) else UsageError
    if len(obstacles) == 1:
        only = obstacles[0]
        return error(message=only.message, details=only.details, hint=only.hint)
    message = f"{len(obstacles)} things stand in the way of the launch"
    lines = [line for obstacle in obstacles for line in lines_of(obstacle)]
    return error(
        message=message,
        details=joined("\n", lines),
        hint="nothing was made; see to each of them, then run it again",
    )


def lines_of(obstacle: Obstacle) -> tuple[Text, ...]:
    """The obstacle for people: what it is, and the next step below it."""
    details = (Hint("  ", obstacle.details),) if obstacle.details else ()
    return (obstacle.message, *details, Hint("  help: ", obstacle.hint))
