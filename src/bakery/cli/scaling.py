"""``--role R --count N`` of a launch, and the cluster file, which may say another number."""

from dataclasses import dataclass

from bakery.cli.session import Session
from bakery.errors import UsageError
from bakery.hints import Command


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """What was asked for by flag."""

    role: str
    count: int
    saves: bool
    """``--save``: the file is to say it too."""


def scaling_of(role: str | None, count: int | None, *, save: bool) -> Scaling | None:
    """None without ``--count``.

    Raises:
        UsageError: a flag that needs another one.
    """
    if count is None:
        if save:
            message = "--save writes what --count says, and there is no --count"
            raise UsageError(
                message=message, hint=Command("launch", "--role", "nomad-client", "--count", "3", "--save")
            )
        return None
    if role is None:
        message = "--count needs --role"
        raise UsageError(message=message, hint=Command("launch", "--role", "nomad-client", "--count", "3"))
    return Scaling(role=role, count=count, saves=save)


def check_saving(session: Session, scaling: Scaling | None) -> None:
    """Before anything is made.

    Raises:
        UsageError: the file does not spell that count out.
    """
    from bakery.config.load import read_text
    from bakery.config.save import with_count

    if scaling is not None and scaling.saves:
        path = session.config.path
        with_count(read_text(path), path, scaling.role, scaling.count)


def save_scaling(session: Session, scaling: Scaling | None) -> None:
    """With ``--save``, have the file say the count; once is enough.

    It is written when the launch is approved: if that is interrupted, the next launch goes on to the same number.
    """
    from bakery.config.save import save_count

    if scaling is None or not scaling.saves:
        return
    path = session.config.path
    if save_count(path, scaling.role, scaling.count):
        session.console.note(f"roles.{scaling.role}.count in {path} is {scaling.count} now")


def tell_scaling(session: Session, scaling: Scaling | None) -> None:
    """Without ``--save``: what the file still says, since the next launch goes by the file."""
    if scaling is None or scaling.saves:
        return
    says = next((role.count for role in session.config.roles if role.name == scaling.role), scaling.count)
    if says != scaling.count:
        there = f"set roles.{scaling.role}.count to {scaling.count} there"
        session.console.warn(f"{session.config.path} still says {says}; {there}, or run this again with --save")
