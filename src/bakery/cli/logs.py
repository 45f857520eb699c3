"""``bakery logs``: what a node's agent logs, over the APIs of Consul and Nomad."""

import click

from bakery.cli import signals
from bakery.cli.options import common_options_without_f
from bakery.cli.session import session_of
from bakery.cli.values import Choice, WholeNumber
from bakery.cli.where import other_cloud_option
from bakery.errors import ExitCode, UsageError
from bakery.hints import Command, Hint

LEVELS = ("trace", "debug", "info", "warn", "error")


@click.command()
@click.argument("node")
@click.option(
    "--agent", type=Choice(("consul", "nomad")), help="Default: Nomad's on a node that runs Nomad, else Consul's."
)
@click.option("--level", type=Choice(LEVELS), default="info", show_default=True, help="The lowest level to show.")
@click.option(
    "--seconds",
    type=WholeNumber(1, 3600),
    default=5,
    show_default=True,
    help="Show what is logged in so many seconds.",
)
@click.option("-f", "--follow", is_flag=True, help="Show lines until Ctrl-C.")
@other_cloud_option
@common_options_without_f
@click.pass_context
def logs(
    context: click.Context,
    node: str,
    agent: str | None,
    level: str,
    seconds: int,
    follow: bool,  # noqa: FBT001 - a click flag
    other_cloud: bool,  # noqa: FBT001 - a click flag
) -> int:
    """Show what the agent of NODE logs from now on. No SSH: it is read over the agents' APIs.

    Consul and Nomad send no lines of the past. Nomad's servers answer for the clients; the Consul agents of other
    nodes than Consul servers answer on the node itself only.

    \b
    Examples:
      bakery logs demo-nomad-client-1 --level debug
      bakery logs demo-consul-server-1 -f
    """
    from bakery.operations.agent_logs import find_log

    session = session_of(context)
    if session.settings.json:
        message = "logs are text, not JSON"
        raise UsageError(message=message, hint="run the command without --json")
    source = find_log(session, node, agent, other_cloud=other_cloud)
    if follow:
        signals.say_nothing()
    lines = 0
    try:
        for line in source.follow(level, None if follow else seconds):
            session.console.print(line)
            lines += 1
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    if not lines:
        more = advice(node, source.agent, level)
        said = f"{source.agent} on {source.node} logged nothing of level {level} in {seconds} s; more: "
        session.console.note(Hint(said, more))
    return ExitCode.DONE


def advice(node: str, agent: str, level: str) -> Command:
    """Return the command that may show lines where none of ``level`` were logged."""
    more = ("--level", level, "--follow") if level in ("trace", "debug") else ("--level", "debug")
    return Command("logs", node, "--agent", agent, *more)
