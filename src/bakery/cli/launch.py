"""``bakery launch``: create missing droplets, wave by wave, and wait until the cluster is healthy."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from bakery.cli import completions
from bakery.cli.admin_cidrs import admin_cidr_option, admin_cidrs
from bakery.cli.answers import print_answer
from bakery.cli.invocation import Invocation, invocation_of
from bakery.cli.options import common_options
from bakery.cli.output import warn_if_git_takes_state
from bakery.cli.recorder import recorded
from bakery.cli.scaling import Scaling, check_saving, save_scaling, scaling_of, tell_scaling
from bakery.cli.times import Times
from bakery.cli.values import Choice, WholeNumber, once
from bakery.cli.where import cloud_json, cloud_line, other_cloud_option
from bakery.console import counted
from bakery.errors import ExitCode
from bakery.hints import Command, Hint

if TYPE_CHECKING:
    from bakery.cloud.model import Droplet
    from bakery.launch.base.model import Changes
    from bakery.operations.launch_options import LaunchOptions
    from bakery.plan.model import ClusterPlan


@click.command()
@click.option(
    "--role",
    multiple=True,
    callback=once,
    metavar="ROLE",
    shell_complete=completions.roles,
    help="Create droplets of this role only.",
)
@click.option(
    "--count", type=WholeNumber(1), metavar="N", help="With --role: its number of nodes in all, for this run only."
)
@click.option("--save", is_flag=True, help="With --count: write the count into the cluster file.")
@click.option(
    "--wait",
    "until",
    type=Choice(["healthy", "active"]),
    default="healthy",
    show_default=True,
    help="What to wait for: a healthy cluster, or active droplets (they may still boot).",
)
@click.option(
    "--deadline",
    type=WholeNumber(1),
    metavar="SECONDS",
    default=900,
    show_default=True,
    help="How long to wait for a healthy cluster.",
)
@admin_cidr_option
@click.option("--dry-run", is_flag=True, help="Show what would change, and exit.")
@other_cloud_option
@common_options
@recorded
@click.pass_context
def launch(
    context: click.Context,
    role: str | None,
    count: int | None,
    save: bool,  # noqa: FBT001 - a click flag
    until: str,
    deadline: int,
    cidrs: tuple[str, ...],
    dry_run: bool,  # noqa: FBT001 - a click flag
    other_cloud: bool,  # noqa: FBT001 - a click flag
) -> int:
    """Create missing droplets until each role has its count, and wait until the cluster is healthy.

    Safe to repeat: it creates only what is missing. A droplet of an earlier run that never became active, or whose
    agents never joined the cluster, is replaced. Droplets that are not in the plan are reported, not destroyed.

    \b
    Examples:
      bakery launch
      bakery launch --role nomad-client --count 5 --save
    """
    from bakery.operations.launch_cluster import launch_cluster
    from bakery.operations.launch_options import LaunchOptions

    invocation = invocation_of(context)
    times = Times(invocation.console)
    scaling = scaling_of(role, count, save=save)
    plan = invocation.plan({scaling.role: scaling.count} if scaling else None)
    if role is not None:
        invocation.check_role(role)
    check_saving(invocation, scaling)
    _ = invocation.cloud  # raises before the first request if the token is missing
    options = LaunchOptions(
        plan=plan,
        admin_cidrs=admin_cidrs(invocation, cidrs),
        only_role=role,
        other_cloud=other_cloud,
        until_healthy=until == "healthy",
        deadline=deadline,
    )
    if dry_run:
        return show_preview(invocation, options)
    try:
        with times.shown_if_it_fails():
            result = launch_cluster(invocation, options, _approval(invocation, scaling))
    finally:
        warn_if_git_takes_state(invocation.paths, invocation.console)
    save_scaling(invocation, scaling)
    scalings = (scaling,) if scaling is not None else ()
    created, healthy = len(result.created), options.until_healthy
    extra = len(result.changes.extra)
    finish_launch(
        invocation, plan, result.droplets, scalings, times, created=created, healthy=healthy, extra=extra
    )
    return ExitCode.DONE


def show_preview(invocation: Invocation, options: "LaunchOptions") -> ExitCode:
    """Print what a launch would do, and return the exit code it would be refused with."""
    from bakery.cli.changes_view import changes_json, show_verdict
    from bakery.launch.converge.verdict import exit_code_of
    from bakery.operations.preview_launch import preview_launch

    changes = preview_launch(invocation, options)
    invocation.print_or_note(cloud_line(invocation))
    show_verdict(invocation.settings, changes, invocation.print_or_note)
    if invocation.settings.json:
        value = {"cloud": cloud_json(invocation)} | changes_json(changes, invocation.settings.spell)
        print_answer(invocation.settings, "changes", value)
    return exit_code_of(changes)


def _approval(invocation: Invocation, scaling: Scaling | None) -> "Callable[[Changes], bool]":
    from bakery.cli.changes_view import show_changes

    def approve(changes: "Changes") -> bool:
        invocation.note_before_question(cloud_line(invocation))
        show_changes(invocation.settings, changes, invocation.note_before_question)
        invocation.confirm("make these changes?")
        save_scaling(invocation, scaling)
        return True

    return approve


def finish_launch(
    invocation: Invocation,
    plan: "ClusterPlan",
    droplets: "tuple[Droplet, ...]",
    scalings: Sequence[Scaling],
    times: Times,
    *,
    created: int,
    healthy: bool,
    extra: int = 0,
) -> None:
    """Print what a launch has done, and what to run next. ``extra`` droplets are not in the plan."""
    if invocation.settings.json:
        print_answer(
            invocation.settings,
            "launch",
            {
                "cluster": plan.cluster,
                "created": created,
                "healthy": healthy,
                "saved": any(scaling.saves for scaling in scalings),
                "droplets": [
                    {"name": d.name, "id": d.id, "public_ipv4": d.public_ipv4, "private_ipv4": d.private_ipv4}
                    for d in droplets
                ],
                "seconds": times.as_json(),
            },
        )
    times.show()
    state = "healthy" if healthy else "active"
    others = f"; {counted(extra, 'droplet')} more, not in the plan" if extra else ""
    invocation.console.note(
        f"{plan.cluster} is {state}: {counted(len(droplets), 'droplet')}, {created} new{others}"
    )
    for scaling in scalings:
        tell_scaling(invocation, scaling)
    # Droplets that are active may have no agents yet.
    tools = Hint('eval "$(', Command("env"), ')"; consul members; nomad node status')
    invocation.console.note(Hint("next: ", tools if healthy else Command("status")))
