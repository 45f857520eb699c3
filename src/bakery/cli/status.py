"""``bakery status``: whether the cluster is healthy, and what is missing if not."""

from typing import TYPE_CHECKING

import click

from bakery.cli import signals
from bakery.cli.answers import print_answer, print_table
from bakery.cli.columns import column_options
from bakery.cli.invocation import Invocation, invocation_of
from bakery.cli.options import common_options
from bakery.cli.read_only import read_only
from bakery.cli.status_columns import NODE_HEADER
from bakery.cli.where import cloud_json, cloud_line, other_cloud_option
from bakery.errors import ExitCode
from bakery.hints import Command, Hint

if TYPE_CHECKING:
    from bakery.operations.cluster_status import ClusterStatus

WATCH_SECONDS = 5.0


@click.command()
@click.option("--watch", is_flag=True, help="Show it again every 5 seconds, until Ctrl-C.")
@other_cloud_option
@common_options
@column_options(NODE_HEADER)
@read_only()
@click.pass_context
def status(context: click.Context, watch: bool, other_cloud: bool) -> int:  # noqa: FBT001 - click flags
    """Show every node, and every condition of a healthy cluster that is not met. Exits 7 if there is one.

    EXPIRES is when the first certificate of a node expires; with ~ it is estimated from the age of the droplet.
    DIFFERS is why bakery roll would replace a droplet: its snapshot (image), size, secrets, configuration or age.
    On a narrow terminal columns are left out in the order ROLE, EXPIRES, PRIVATE, VOTER, PUBLIC, DIFFERS.

    \b
    Examples:
      bakery status -o wide      also versions, snapshot, age, id
      bakery status --watch
      bakery status --format Node,Public --no-header
      bakery status -o json
    """
    from bakery.operations.cluster_status import look_at_cluster

    invocation = invocation_of(context)
    if not watch:
        seen = look_at_cluster(invocation, other_cloud=other_cloud)
        _show(invocation, seen)
        return ExitCode.DONE if seen.report.healthy else ExitCode.CHECKS
    return _watch(invocation, other_cloud=other_cloud)


def _watch(invocation: Invocation, *, other_cloud: bool) -> int:
    from bakery.operations.cluster_status import look_at_cluster
    from bakery.wait import SystemClock

    signals.say_nothing()
    clock = SystemClock()
    try:
        while True:
            seen = look_at_cluster(invocation, other_cloud=other_cloud)
            invocation.console.clear_screen()
            _show(invocation, seen)
            clock.sleep(WATCH_SECONDS)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _show(invocation: Invocation, seen: "ClusterStatus") -> None:
    from bakery.cli.status_json import status_json

    if invocation.settings.json:
        print_answer(invocation.settings, "status", status_json(seen, cloud_json(invocation)))
    else:
        _show_tables(invocation, seen)
    for warning in seen.warnings:
        invocation.console.warn(warning)


def _show_tables(invocation: Invocation, seen: "ClusterStatus") -> None:
    from bakery.cli.status_view import condition_table, headline, next_steps, node_table

    if invocation.settings.columns:
        print_table(invocation.settings, node_table(seen))
        return
    console, wide = invocation.console, invocation.settings.output == "wide"
    console.note(cloud_line(invocation))
    console.print(console.style(headline(seen.report), "green" if seen.report.healthy else "red", out=True))
    conditions = condition_table(seen.report, wide=wide)
    if conditions.rows:
        console.print("")
        print_table(invocation.settings, conditions)
    console.print("")
    print_table(invocation.settings, node_table(seen))
    for way in seen.ways_in.lines:
        console.print(way)
    steps = next_steps(seen)
    if steps or seen.snapshots.lines or seen.rolling is not None:
        console.print("")
    for step in steps:
        console.print(step if seen.in_vain else Hint("next: ", step))
    for line in seen.snapshots.lines:
        console.print(line)
    if seen.rolling is not None:
        console.print(Hint("a roll is unfinished: ", Command("roll")))
