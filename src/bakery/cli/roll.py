"""``bakery roll``: replace every node that differs from what a new droplet would be, one at a time."""

from typing import TYPE_CHECKING, Any

import click

from bakery.cli import completions
from bakery.cli.answers import print_answer
from bakery.cli.invocation import Invocation, invocation_of
from bakery.cli.options import common_options
from bakery.cli.recorder import recorded
from bakery.cli.replacing import drain_options, replaced_json, show_warnings
from bakery.cli.values import Choice, WholeNumber
from bakery.cli.where import cloud_json, cloud_line, other_cloud_option
from bakery.console import counted
from bakery.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from bakery.hints import Text
    from bakery.launch.base.model import DrainPolicy
    from bakery.launch.roll.model import Replaced, RollRequest
    from bakery.launch.roll.need import Because
    from bakery.launch.roll.roll import RollPlan

_REASONS = ["image", "size", "secrets", "config", "age", "all"]


@click.command()
@click.option(
    "--role",
    "roles",
    multiple=True,
    metavar="ROLE",
    shell_complete=completions.roles,
    help="Only this role; may be repeated.",
)
@click.option(
    "--because",
    "reasons",
    type=Choice(_REASONS),
    multiple=True,
    default=["all"],
    show_default=True,
    help="Only nodes that differ in this: snapshot, size, generation of the secrets, configuration, or age; may be"
    " repeated.",
)
@click.option(
    "--older-than",
    "oldest_days",
    type=WholeNumber(0),
    metavar="DAYS",
    default=90,
    show_default=True,
    help="The age from which a droplet is replaced.",
)
@click.option(
    "--image",
    "image_id",
    shell_complete=completions.images,
    type=WholeNumber(1),
    metavar="ID",
    help="Take this snapshot, for example an older one of the same versions (the command images lists them)."
    " Default: the newest, or that of the interrupted roll.",
)
@drain_options
@click.option("--dry-run", is_flag=True, help="Show what would be replaced, and what stands in the way; exit.")
@other_cloud_option
@common_options
@recorded
@click.pass_context
def roll(
    context: click.Context,
    roles: tuple[str, ...],
    reasons: tuple[str, ...],
    oldest_days: int,
    image_id: int | None,
    drain: "DrainPolicy",
    dry_run: bool,  # noqa: FBT001 - a click flag
    other_cloud: bool,  # noqa: FBT001 - a click flag
) -> int:
    """Replace every node that differs from a new droplet in snapshot, size, secrets or configuration, or is old.

    One node at a time, the new droplet first: Consul servers, Nomad servers, then clients; of servers the leader
    last. If the first new droplet does not become a healthy node, no old one is touched (exit 6). The same command
    continues an interrupted roll with the snapshot with which it began.

    \b
    Examples:
      bakery roll --dry-run
      bakery roll --role nomad-client --because image
    """
    from bakery.launch.roll.model import RollRequest
    from bakery.operations.place import check_place
    from bakery.operations.replace_node import replace_request
    from bakery.operations.roll_cluster import chosen_snapshot, preview_roll, roll_differing

    invocation = invocation_of(context)
    for role in roles:
        invocation.check_role(role)
    check_place(invocation, insists=other_cloud)
    request = RollRequest(
        replace=replace_request(invocation, drain=drain),
        because=_because(reasons),
        roles=roles,
        oldest_days=oldest_days,
        image=None if image_id is None else chosen_snapshot(invocation, image_id),
    )
    print_line = invocation.print_or_note if dry_run else invocation.note_before_question
    shown: list[RollPlan] = []

    def show(found: "RollPlan") -> None:
        shown.append(found)
        print_line(cloud_line(invocation))
        show_roll(found, print_line)

    done: tuple[Replaced, ...] = ()
    if dry_run:
        preview_roll(invocation, request, show)
    else:
        done = roll_differing(invocation, request, lambda found: _agreed(invocation, found), show)
    if invocation.settings.json:
        print_answer(invocation.settings, "roll", _as_json(invocation, shown[0] if shown else None, done))
    if not shown:
        invocation.print_or_note(_nothing(reasons, roles))
    elif not dry_run:
        invocation.console.note(f"{counted(len(done), 'node')} replaced")
    _warn_of_newer(invocation, request)
    return ExitCode.DONE


def _agreed(invocation: Invocation, found: "RollPlan") -> bool:
    invocation.confirm(f"replace {counted(len(found.needs), 'node')}?")
    return True


def _as_json(invocation: Invocation, plan: "RollPlan | None", done: "tuple[Replaced, ...]") -> dict[str, Any]:
    return {
        "cloud": cloud_json(invocation),
        **plan_json(plan),
        "replaced": [replaced_json(each) for each in done],
    }


def _warn_of_newer(invocation: Invocation, request: "RollRequest") -> None:
    newest, chosen = request.replace.launch.image, request.image
    if chosen is not None and newest is not None and newest.id != chosen.id:
        invocation.console.warn(
            f"launch and the next roll take {newest.name}, the newest snapshot, until it is deleted"
        )


def _nothing(reasons: tuple[str, ...], roles: tuple[str, ...]) -> str:
    nodes = f"node of {', '.join(roles)}" if roles else "node"
    if "all" in reasons:
        return f"nothing to replace: no {nodes} differs"
    return f"nothing to replace: no {nodes} differs in {' or '.join(reasons)}"


def _because(reasons: tuple[str, ...]) -> "frozenset[Because]":
    from bakery.launch.roll.need import Because

    return frozenset(Because) if "all" in reasons else frozenset(Because(reason) for reason in reasons)


def show_roll(found: "RollPlan", print_line: "Callable[[Text], None]") -> None:
    """Print the nodes that a roll will replace, what may be lost, and how long it takes."""
    if found.continues:
        print_line("an interrupted roll is continued")
    width = max(len(need.droplet.name) for need in found.needs)
    for number, need in enumerate(found.needs, 1):
        print_line(f"{number:>3}. {need.droplet.name:<{width}}  {'; '.join(need.reasons)}")
    show_warnings(found.work.warnings, print_line)
    nodes, image = counted(len(found.needs), "node"), found.wanted.image.name
    ways = f"replaced one at a time by droplets from {image}"
    print_line(f"{nodes}, {ways}; about {found.minutes} minutes{_drain_time(found)}")
    print_line("meanwhile the cluster has one droplet more")


def _drain_time(found: "RollPlan") -> str:
    if not found.drain.drains:
        return "; --no-drain: the work of the clients is cut off"
    if not found.work.busy:
        return ""
    clients = counted(len(found.work.busy), "client")
    return f", and at most {counted(found.drain_minutes, 'minute')} more to move the work of {clients}"


def plan_json(found: "RollPlan | None") -> dict[str, Any]:
    """Return what the roll will do for ``--json``; of no nodes if there is no plan."""
    if found is None:
        return {"needs": [], "warnings": [], "minutes": 0, "drain_minutes": 0}
    return {
        "needs": _needs_json(found),
        "warnings": list(found.work.warnings),
        "minutes": found.minutes,
        "drain_minutes": found.drain_minutes,
    }


def _needs_json(found: "RollPlan") -> list[dict[str, Any]]:
    return [
        {"name": need.droplet.name, "slot": need.node.slot, "reasons": list(need.reasons)} for need in found.needs
    ]
