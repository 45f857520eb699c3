"""``bakery tour``: the commands of a day, on droplets in memory."""

import shutil
import tempfile
from pathlib import Path

import click

from bakery.cli.options import common_options, settings_of
from bakery.cli.shown_commands import ShownCommands, choose_port, shell_in
from bakery.cli.values import WholeNumber
from bakery.errors import ExitCode
from bakery.hints import Command

NAME = "tour"
"""Of its emulator and its cluster."""


@click.command()
@click.option(
    "--port",
    type=WholeNumber(1, 65535),
    show_default="a free one",
    help="Port of the tour's emulator on 127.0.0.1.",
)
@common_options
@click.pass_context
def tour(context: click.Context, port: int | None) -> None:
    """Show the commands of a day in half a minute: no root, no account, and nothing is left behind.

    The tour starts an emulator of its own with droplets in memory, which do not boot, launches a cluster of nine,
    destroys it, and deletes everything.

    \b
    Example:
      bakery tour
    """
    from bakery.emulator.daemon import lifecycle  # fails at once if its packages are not installed

    settings = settings_of(context)
    settings.changes_nothing = True  # what the tour creates is removed, also after a signal
    commands = ShownCommands(settings=settings)
    work = Path(tempfile.mkdtemp(prefix="bakery-tour."))
    try:
        with shell_in(work, BAKERY_EMULATOR=NAME, XDG_DATA_HOME=str(work / "data")):
            try:
                _walk(commands, choose_port() if port is None else port)
            finally:
                lifecycle.down(NAME)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _walk(commands: ShownCommands, port: int) -> None:
    commands.title(
        "The tour: droplets in memory. They never boot: what you see is the plan, the API and the user-data."
    )
    commands.run(Command("emulator up", "--machines", "memory", "--port", str(port)))
    commands.run(Command("init", "--cluster", NAME))
    commands.run(Command("validate"))
    commands.run(Command("plan", "--offline"))
    commands.run(Command("render", "--role", "nomad-client", "--join", "10.100.0.2", "--output", "rendered"))
    commands.title("The tour has no Packer: in place of a baked snapshot it creates an empty one.")
    commands.run(Command("emulator stand-in"))
    commands.run(Command("images"), "--local")
    commands.run(Command("launch", "--yes", "--wait", "active"), "--local")
    commands.title("Droplets in memory run no agents, and status says so (exit code 7).")
    commands.run(Command("status"), "--local", codes=(ExitCode.DONE, ExitCode.CHECKS))
    commands.run(Command("destroy", "--yes"), "--local")
    commands.title(f"That was the tour. With root, {Command('demo')} does the same with droplets that boot.")
