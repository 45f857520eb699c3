"""``bakery demo``: a cluster on this machine in one command."""

import shlex
import sys
from pathlib import Path

import click
from click.core import ParameterSource

from bakery.cli import completions
from bakery.cli.demo_removal import FILE, remove_demo
from bakery.cli.demo_walk import walk
from bakery.cli.options import Settings, common_options, settings_of
from bakery.cli.shown_commands import ShownCommands, shell_in
from bakery.cli.values import WholeNumber
from bakery.errors import UsageError
from bakery.hints import Command, Hint, joined


@click.command()
@click.option("--memory", is_flag=True, help="Droplets in memory, which do not boot. Needs no root.")
@click.option("--small", is_flag=True, help="One droplet that runs everything, in place of nine.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("bakery-demo"),
    show_default=True,
    help="Folder of the cluster file and the credentials.",
)
@click.option(
    "--name",
    default="demo",
    show_default=True,
    envvar="BAKERY_EMULATOR",
    help="Name of the emulator.",
    shell_complete=completions.emulators,
)
@click.option(
    "--port",
    type=WholeNumber(1, 65535),
    show_default="7180, or a free one",
    help="Port of the API on 127.0.0.1.",
)
@click.option(
    "--remove", is_flag=True, help="Remove the emulator, its droplets, the cluster file, the credentials."
)
@click.option("--no-advice", "is_part", is_flag=True, hidden=True)
@common_options
@click.pass_context
def demo(
    context: click.Context,
    memory: bool,  # noqa: FBT001 - a click flag
    small: bool,  # noqa: FBT001 - a click flag
    folder: Path,
    name: str,
    port: int | None,
    remove: bool,  # noqa: FBT001 - a click flag
    is_part: bool,  # noqa: FBT001 - a click flag: the caller, such as make demo, continues and says how it ends
) -> None:
    """Run a whole cluster on this machine: start an emulator, bake a snapshot, launch, and look at it.

    Booting droplets needs root and Debian packages; the first error names them. The cluster stays up; the same
    command continues after an interruption. --remove removes all of it.

    \b
    Examples:
      sudo bakery demo
      bakery demo --memory
      bakery demo --remove
    """
    from bakery.emulator.daemon import lifecycle  # fails at once if its packages are not installed

    settings = settings_of(context)
    if settings.json:
        message = "the output of the demo is text, not JSON"
        raise UsageError(message=message, hint="run the command without --json")
    if remove:
        is_named = context.get_parameter_source("name") is ParameterSource.COMMANDLINE
        remove_demo(folder, name, is_named=is_named, reporter=settings.console())
        return
    if not memory and lifecycle.find_running(name) is None:
        _check_machine(name, settings)
    folder.mkdir(parents=True, exist_ok=True)
    commands = ShownCommands(settings=settings)
    try:
        with shell_in(folder, BAKERY_EMULATOR=name):
            walk(commands, memory=memory, small=small, port=port)
    except click.exceptions.Exit:
        if not is_part:
            commands.title("The demo did not come to its end. The same command continues; what it has made stays.")
            _how_to_remove(commands, folder, name)
        raise
    if not is_part:
        _how_to_continue(commands, folder, name, memory=memory)


def _check_machine(name: str, settings: Settings) -> None:
    """Check that droplets can boot here, before anything is made.

    Raises:
        EmulatorError, MissingToolError: they cannot; the hint is what can be run instead, or what to install.
    """
    from bakery.emulator.daemon import checks
    from bakery.emulator.daemon.folder import emulator_dir

    without = Hint("without root: ", joined(" or ", (Command("demo", "--memory"), Command("tour"))))
    checks.check_system("demo", without)
    checks.check_machine(emulator_dir(name).folder, settings.console())


def _how_to_continue(commands: ShownCommands, folder: Path, name: str, *, memory: bool) -> None:
    roles = (folder / FILE).read_text(encoding="utf-8")
    bigger = Command("scale", "all-in-one=3" if "\n  all-in-one:" in roles else "nomad-client=5")
    more = Command("plan") if memory else bigger
    commands.title("The cluster stays up. To continue, here or in another shell:")
    commands.line(f"  cd {shlex.quote(str(folder.resolve()))} && export BAKERY_EMULATOR={name}")
    for command in (Command("status"), more):
        commands.line(f"  {command.line(['--local'])}")
    if not memory:
        commands.line(f'  eval "$({Command("env").line(["--local"])})"; consul members; nomad node status')
    _how_to_remove(commands, folder, name)


def _how_to_remove(commands: ShownCommands, folder: Path, name: str) -> None:
    program = shlex.quote(str(Path(sys.argv[0]).resolve()))
    commands.line("To remove all of it:")
    commands.line(f"  {program} demo --remove --name {name} --folder {shlex.quote(str(folder.resolve()))}")
