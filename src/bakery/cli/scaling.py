"""``launch --role R --count N``, where the cluster file may contain another count."""

from dataclasses import dataclass

from bakery.cli.invocation import Invocation
from bakery.errors import UsageError
from bakery.hints import Command


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """A count that was given by option."""

    role: str
    count: int
    saves: bool
    """Whether ``--save`` was given: the count is written into the cluster file."""


def scaling_of(role: str | None, count: int | None, *, save: bool) -> Scaling | None:
    """Return what was asked for; None without ``--count``.

    Raises:
        UsageError: ``--count`` without ``--role``, or ``--save`` without ``--count``.
    """
    if count is None:
        if save:
            message = "--save works only with --count"
            raise UsageError(
                message=message, hint=Command("launch", "--role", "nomad-client", "--count", "3", "--save")
            )
        return None
    if role is None:
        message = "--count needs --role"
        raise UsageError(message=message, hint=Command("launch", "--role", "nomad-client", "--count", "3"))
    return Scaling(role=role, count=count, saves=save)


def check_saving(invocation: Invocation, scaling: Scaling | None) -> None:
    """Check that ``--save`` will be able to write the count, before anything is created.

    Raises:
        UsageError: the cluster file does not contain that count as a number of its own.
    """
    from bakery.config.load import read_text
    from bakery.config.save import with_count

    if scaling is not None and scaling.saves:
        path = invocation.config.path
        with_count(read_text(path), path, scaling.role, scaling.count)


def save_scaling(invocation: Invocation, scaling: Scaling | None) -> None:
    """With ``--save``, write the count into the cluster file, if it has another.

    It is written when the launch is approved, so that after an interruption the next launch has the same count.
    """
    from bakery.config.save import save_count

    if scaling is None or not scaling.saves:
        return
    path = invocation.config.path
    if save_count(path, scaling.role, scaling.count):
        invocation.console.change()
        invocation.console.note(f"roles.{scaling.role}.count in {path} is {scaling.count} now")


def tell_scaling(invocation: Invocation, scaling: Scaling) -> None:
    """Without ``--save``, warn of the count in the cluster file, since the next launch uses that one."""
    if scaling.saves:
        return
    says = next((role.count for role in invocation.config.roles if role.name == scaling.role), scaling.count)
    if says != scaling.count:
        there = f"set roles.{scaling.role}.count to {scaling.count} there"
        invocation.console.warn(
            f"{invocation.config.path} still has {says}; {there}, or run this again with --save"
        )
