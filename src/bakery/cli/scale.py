"""``bakery scale``: another number of nodes in a role, up or down, servers too."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from bakery.cli import completions
from bakery.cli.answers import print_answer
from bakery.cli.invocation import Invocation, invocation_of
from bakery.cli.options import common_options
from bakery.cli.recorder import recorded
from bakery.cli.replacing import drain_options, show_warnings
from bakery.cli.scaling import Scaling
from bakery.cli.where import cloud_line, other_cloud_option
from bakery.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from bakery.cloud.model import Droplet
    from bakery.config.model import ClusterConfig
    from bakery.launch.base.model import Changes, DrainPolicy
    from bakery.launch.roll.shrink import Shrinking

LAUNCH_SECONDS = 900


@click.command()
@click.argument("counts", nargs=-1, required=True, metavar="ROLE=N...", shell_complete=completions.counts)
@click.option(
    "--accept-single", is_flag=True, help="Allow one Consul or Nomad server; if it is lost, so is its data."
)
@drain_options
@click.option("--dry-run", is_flag=True, help="Show what would change, and exit.")
@other_cloud_option
@common_options
@recorded
@click.pass_context
def scale(
    context: click.Context,
    counts: tuple[str, ...],
    accept_single: bool,  # noqa: FBT001 - a click flag
    drain: "DrainPolicy",
    dry_run: bool,  # noqa: FBT001 - a click flag
    other_cloud: bool,  # noqa: FBT001 - a click flag
) -> int:
    """Give each ROLE N nodes, and write that into the cluster file.

    Up: the missing droplets are created, as by launch. Down: the highest-numbered nodes leave a healthy cluster
    (else exit 7): servers one by one, clients after their jobs have moved. One command scales either up or down.

    \b
    Examples:
      bakery scale nomad-client=5
      bakery scale consul-server=5 nomad-server=5
    """
    from bakery.operations.droplets import list_droplets
    from bakery.operations.place import check_place

    invocation = invocation_of(context)
    wanted = _parse(invocation, counts)
    check_place(invocation, insists=other_cloud)
    after = _changed(invocation, wanted)
    now = _counts_now(invocation, after, list_droplets(invocation))
    down = sorted(role for role, count in wanted.items() if count < now[role])
    if down and any(count > now[role] for role, count in wanted.items()):
        message = "one command scales either up or down"
        raise UsageError(message=message, hint=f"run it once for {', '.join(down)}, and once for the others")
    if not down:
        return _up(invocation, wanted, after, other_cloud=other_cloud, dry_run=dry_run)
    _check_single(after, down, accept_single=accept_single)
    _down(invocation, wanted, after, now, drain=drain, dry_run=dry_run)
    return ExitCode.DONE


def _parse(invocation: Invocation, counts: tuple[str, ...]) -> dict[str, int]:
    wanted: dict[str, int] = {}
    for pair in counts:
        role, _, number = pair.partition("=")
        if not role or not number.isdecimal() or len(number) > 4:
            message = f"{pair!r} is not ROLE=N with a whole number N"
            raise UsageError(message=message, hint="write for example nomad-client=5")
        invocation.check_role(role)
        if role in wanted:
            message = f"role {role} is given twice"
            raise UsageError(message=message, hint="give each role once")
        wanted[role] = int(number)
    return wanted


def _changed(invocation: Invocation, wanted: Mapping[str, int]) -> "ClusterConfig":
    """Return the cluster file with the new counts. Write nothing.

    Raises:
        UsageError: a count cannot be changed in its place in the file, or the cluster cannot exist.
    """
    from bakery.config.load import parse_cluster, read_text
    from bakery.config.save import with_count

    path = invocation.config.path
    text = read_text(path)
    for role, count in wanted.items():
        text = with_count(text, path, role, count)
    after = parse_cluster(text, path)
    invocation.warn_of_changed(after)
    return after


def _counts_now(
    invocation: Invocation, config: "ClusterConfig", droplets: "tuple[Droplet, ...]"
) -> dict[str, int]:
    """Return the highest number of a droplet of each role; 0 for a role without droplets."""
    from bakery.launch.roll.shrink import highest_index

    return {role.name: highest_index(droplets, invocation.config.cluster, role.name) for role in config.roles}


def _check_single(after: "ClusterConfig", down: list[str], *, accept_single: bool) -> None:
    """Check that no product is left with one server, unless the user accepts that.

    Raises:
        UsageError: the flag is missing.
    """
    for product, servers in (
        ("Consul", [role for role in after.roles if role.kind.is_consul_server]),
        ("Nomad", [role for role in after.roles if role.kind.is_nomad_server]),
    ):
        left = sum(role.count for role in servers)
        if any(role.name in down for role in servers) and left < 2 and not accept_single:
            message = f"{product} would have {left} server: if it is lost, {product}'s data is lost"
            raise UsageError(message=message, hint="if you mean that: --accept-single")


def _up(
    invocation: Invocation, wanted: Mapping[str, int], after: "ClusterConfig", *, other_cloud: bool, dry_run: bool
) -> int:
    """Launch the missing nodes. The cluster file is written once the user has agreed to the changes."""
    from bakery.cli.admin_cidrs import admin_cidrs
    from bakery.cli.launch import finish_launch, show_preview
    from bakery.cli.times import Times
    from bakery.operations.launch_cluster import launch_cluster
    from bakery.operations.launch_options import LaunchOptions
    from bakery.plan.build import build_plan

    times = Times(invocation.console)
    plan = build_plan(after)
    roles = [role for role, count in wanted.items() if count]
    options = LaunchOptions(
        plan=plan,
        admin_cidrs=admin_cidrs(invocation, ()),
        only_role=roles[0] if len(roles) == len(wanted) == 1 else None,
        other_cloud=other_cloud,
        until_healthy=True,
        deadline=LAUNCH_SECONDS,
    )
    if dry_run:
        return show_preview(invocation, options)
    with times.shown_if_it_fails():
        result = launch_cluster(invocation, options, lambda changes: _approve_up(invocation, wanted, changes))
    _save(invocation, wanted)
    scalings = [Scaling(role=role, count=count, saves=True) for role, count in wanted.items()]
    finish_launch(invocation, plan, result.droplets, scalings, times, created=len(result.created), healthy=True)
    return ExitCode.DONE


def _approve_up(invocation: Invocation, wanted: Mapping[str, int], changes: "Changes") -> bool:
    from bakery.cli.changes_view import show_changes

    invocation.note_before_question(cloud_line(invocation))
    show_changes(invocation.settings, changes, invocation.note_before_question)
    for role, count in wanted.items():
        invocation.note_before_question(f"roles.{role}.count in {invocation.config.path} becomes {count}")
    invocation.confirm("make these changes?")
    _save(invocation, wanted)
    return True


def _down(
    invocation: Invocation,
    wanted: Mapping[str, int],
    after: "ClusterConfig",
    now: Mapping[str, int],
    *,
    drain: "DrainPolicy",
    dry_run: bool,
) -> None:
    from bakery.launch.roll.shrink import ShrinkRequest
    from bakery.operations.scale_down import remove_highest
    from bakery.plan.build import build_plan

    roles = tuple(replace(role, count=max(role.count, now[role.name])) for role in after.roles)
    request = ShrinkRequest(before=build_plan(replace(after, roles=roles)), after=build_plan(after), drain=drain)
    print_line = invocation.print_or_note if dry_run else invocation.note_before_question
    warnings: list[str] = []
    leaving: list[str] = []

    def approve(found: "Shrinking") -> bool:
        print_line(cloud_line(invocation))
        for droplet in found.droplets:
            print_line(f"  - droplet {droplet.name} ({droplet.public_ipv4 or 'no address'})")
        show_warnings(found.work.warnings, print_line)
        warnings.extend(found.work.warnings)
        leaving.extend(droplet.name for droplet in found.droplets)
        if not dry_run:
            invocation.confirm("remove these, one server at a time?")
            _save(invocation, wanted)
        return not dry_run

    gone = [droplet.name for droplet in remove_highest(invocation, request, approve)]
    if invocation.settings.json:
        print_answer(
            invocation.settings, "scale-down", {"to_remove": leaving, "removed": gone, "warnings": warnings}
        )
    if gone:
        invocation.console.note(f"removed: {', '.join(gone)}")


def _save(invocation: Invocation, wanted: Mapping[str, int]) -> None:
    from bakery.config.save import save_count

    for role, count in wanted.items():
        if save_count(invocation.config.path, role, count):
            invocation.console.change()
