"""``bakery logs``: what a node's agents log, over the APIs of Consul and Nomad."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from bakery.cli import completions, signals
from bakery.cli.invocation import Invocation, invocation_of
from bakery.cli.options import common_options_without_f
from bakery.cli.person import Duration
from bakery.cli.read_only import read_only
from bakery.cli.values import Choice, WholeNumber
from bakery.cli.where import other_cloud_option
from bakery.errors import ExitCode, UsageError
from bakery.hints import Command, Hint

if TYPE_CHECKING:
    from bakery.operations.agent_logs import LogSource
    from bakery.operations.journal import NodeJournal

LEVELS = ("trace", "debug", "info", "warn", "error")
SINCE, LEVEL, SECONDS = timedelta(hours=1), "info", 5


@click.command()
@click.argument("node", shell_complete=completions.nodes)
@click.option(
    "--agent",
    type=Choice(("consul", "nomad", "system")),
    help="system: agents, docker and bakery's services. Default: nomad on a node that runs Nomad, else consul.",
)
@click.option(
    "--since",
    type=Duration(),
    metavar="DURATION",
    help="How much of the past to show: 90m, 24h or 30d. Default: 1h, on nodes that run Nomad.",
)
@click.option("-f", "--follow", is_flag=True, help="Show new lines too, until Ctrl-C.")
@click.option("--level", type=Choice(LEVELS), help="Ask the agent for new lines of this level and higher.")
@click.option(
    "--seconds",
    type=WholeNumber(1, 3600),
    help="Ask the agent for what it logs in so many seconds. Default: 5, with --level and on Consul servers.",
)
@other_cloud_option
@common_options_without_f
@read_only()
@click.pass_context
def logs(
    context: click.Context,
    node: str,
    agent: str | None,
    since: timedelta | None,
    follow: bool,  # noqa: FBT001 - a click flag
    level: str | None,
    seconds: int | None,
    other_cloud: bool,  # noqa: FBT001 - a click flag
) -> int:
    """Show the log of NODE. No SSH: it is read over the APIs of Consul and Nomad.

    Nomad exports the journal of the nodes that it runs on, also the lines of their Consul agents. Consul servers
    without Nomad send new lines only. With --level or --seconds new lines come from the agent itself, down to
    level trace; the journal has level info and higher.

    \b
    Examples:
      bakery logs demo-nomad-client-1 --since 24h
      bakery logs demo-nomad-client-1 --agent system -f
      bakery logs demo-consul-server-1 --level debug
    """
    from bakery.operations.agent_logs import open_log

    invocation = invocation_of(context)
    if invocation.settings.json:
        message = "logs are text, not JSON"
        raise UsageError(message=message, hint="run the command without --json")
    if since is not None and (level or seconds):
        message = "--since reads the journal; --level and --seconds ask the agent, which sends new lines only"
        raise UsageError(message=message, hint="leave one of them out")
    with open_log(invocation, node, agent, other_cloud=other_cloud) as source:
        if level or seconds or source.journal is None:
            lines, nothing = ask_agent(source, level, seconds, since, follow=follow)
        else:
            lines, nothing = read_journal(source.journal, source.agent, since or SINCE, follow=follow)
        if follow:
            signals.say_nothing()
        return _print(invocation, lines, nothing)


def _print(invocation: Invocation, lines: Iterator[str], nothing: Hint) -> int:
    shown = 0
    try:
        for line in lines:
            invocation.console.print(line)
            shown += 1
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    if not shown:
        invocation.console.note(nothing)
    return ExitCode.DONE


def read_journal(
    journal: "NodeJournal", agent: str, since: timedelta, *, follow: bool
) -> tuple[Iterator[str], Hint]:
    """Return the lines of the journal, and what to say if there are none."""
    more = ("--since", "24h") if since < timedelta(days=1) else ("--follow",)
    said = f"the journal of {journal.node} has no line of {agent} of the last {_text(since)}; more: "
    lines = journal.read(int(since.total_seconds()), follow=follow)
    return lines, Hint(said, Command("logs", journal.node, "--agent", agent, *more))


def ask_agent(
    source: "LogSource", level: str | None, seconds: int | None, since: timedelta | None, *, follow: bool
) -> tuple[Iterator[str], Hint]:
    """Return the lines that the agent sends from now on, and what to say if there are none.

    Raises:
        UsageError: the agent's API is on loopback, or lines of the past are wanted.
    """
    if source.live is None:
        from bakery.operations.agent_logs import loopback_only

        journal = Hint("its journal, without levels: ", Command("logs", source.node, "--agent", source.agent))
        raise loopback_only(source.node, source.agent, journal)
    if since is not None:
        message = f"{source.node} sends no lines of the past: Nomad exports journals, and it does not run there"
        raise UsageError(message=message, hint=Hint("new lines: ", Command("logs", source.node, "--follow")))
    wanted, span = level or LEVEL, seconds or SECONDS
    said = f"{source.agent} on {source.node} logged nothing of level {wanted} in {span} s; more: "
    lines = source.live(wanted, None if follow else span)
    return lines, Hint(said, advice(source.node, source.agent, wanted))


def advice(node: str, agent: str, level: str) -> Command:
    """Return the command that may show lines where none of ``level`` were logged."""
    more = ("--level", level, "--follow") if level in ("trace", "debug") else ("--level", "debug")
    return Command("logs", node, "--agent", agent, *more)


def _text(since: timedelta) -> str:
    minutes = int(since.total_seconds()) // 60
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"
