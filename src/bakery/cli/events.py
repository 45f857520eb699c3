"""``bakery events``: which commands changed the cluster, who ran them and when."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from bakery.cli.answers import print_answer, print_table
from bakery.cli.columns import column_options
from bakery.cli.invocation import Invocation, invocation_of
from bakery.cli.options import common_options
from bakery.cli.read_only import read_only
from bakery.cli.table import Table
from bakery.cli.values import WholeNumber
from bakery.console import clock_text, counted
from bakery.errors import UsageError
from bakery.hints import Command

if TYPE_CHECKING:
    from bakery.operations.history import Run

HEADER = ("RUN", "BEGAN", "TOOK", "WHO", "OUTCOME", "COMMAND", "MESSAGE")
OF_RUN_HEADER = ("TIME", "NODE", "STATE")
STYLES = {"failed": "red", "interrupted": "yellow", "not ended": "yellow"}


@click.command()
@click.argument("run", required=False)
@click.option("--last", type=WholeNumber(1), default=20, show_default=True, metavar="N", help="Show N runs.")
@click.option("--all", "everything", is_flag=True, help="Show runs that changed nothing, too.")
@common_options
@column_options(tuple(dict.fromkeys((*HEADER, *OF_RUN_HEADER))))
@read_only()
@click.pass_context
def events(context: click.Context, run: str | None, last: int, everything: bool) -> None:  # noqa: FBT001 - a click flag
    """Show the last commands that changed the cluster, or what happened to the nodes in one RUN, and how it ended.

    Runs that were refused before their first change, or found nothing to change, are left out without --all.

    They are read from the state folder beside the cluster file, so those that were run with another state folder
    are not among them.

    \b
    Examples:
      bakery events
      bakery events 4f1c09aa
    """
    from bakery.operations.history import load_runs

    invocation = invocation_of(context)
    runs = load_runs(invocation.paths.history)
    if run is not None:
        runs = tuple(each for each in runs if each.id == run)
        if not runs:
            message = f"no run {run} is in {invocation.paths.history}"
            raise UsageError(message=message, hint=Command("events"))
    quiet = () if everything or run is not None else tuple(each for each in runs if each.changed_nothing)
    shown = tuple(each for each in runs if each not in quiet)[-last:]
    if invocation.settings.json:
        print_answer(invocation.settings, "events", {"runs": [_as_json(each) for each in shown]})
        return
    if quiet:
        invocation.console.note(f"left out: {counted(len(quiet), 'run')} that changed nothing (--all shows them)")
    if not shown:
        invocation.console.note(f"no command has changed {invocation.config.cluster} from here yet")
    elif run is None:
        rows = [_row(each) for each in shown]
        table = Table(
            header=HEADER, rows=rows, drops=("TOOK", "WHO"), wide=("MESSAGE",), folds="COMMAND", styles=STYLES
        )
        print_table(invocation.settings, table)
    else:
        _show_run(invocation, shown[0])


def _show_run(invocation: Invocation, run: "Run") -> None:
    """Print what happened to the nodes, the warnings, and the error with which the run ended."""
    rows = [(each.at, each.name, each.state) for each in run.nodes]
    if rows:
        print_table(invocation.settings, Table(header=OF_RUN_HEADER, rows=rows))
    else:
        invocation.console.note("this run changed no node")
    for warning in run.warnings:
        invocation.console.warn(warning)
    if run.message is not None:
        invocation.console.note(f"{run.outcome}: {run.message}")


def _as_json(run: "Run") -> dict[str, Any]:
    return asdict(run) | {"outcome": run.outcome, "seconds": _seconds(run)}


def _row(run: "Run") -> tuple[str, ...]:
    seconds = _seconds(run)
    took = "-" if seconds is None else clock_text(seconds)
    return (run.id, run.began, took, run.who, run.outcome, run.command, run.message or "-")


def _seconds(run: "Run") -> int | None:
    if run.ended is None:
        return None
    return int((datetime.fromisoformat(run.ended) - datetime.fromisoformat(run.began)).total_seconds())
