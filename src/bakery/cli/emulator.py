"""``bakery emulator``: a local DigitalOcean whose droplets really boot."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from bakery.cli import completions
from bakery.cli.answers import print_answer, print_table
from bakery.cli.columns import column_options
from bakery.cli.emulator_faults import fault
from bakery.cli.emulator_impair import impair
from bakery.cli.emulator_requests import requests
from bakery.cli.emulator_running import NAME as _NAME
from bakery.cli.emulator_running import running as _running
from bakery.cli.emulator_stand_in import stand_in
from bakery.cli.options import common_options, settings_of
from bakery.cli.read_only import read_only
from bakery.cli.table import Table
from bakery.cli.values import Choice, WholeNumber
from bakery.errors import EmulatorError, UsageError
from bakery.hints import Command, Hint, joined

if TYPE_CHECKING:
    from bakery.emulator.daemon.folder import EmulatorRecord

_NEXT = (Command("build-image", "--local"), Command("launch", "--local"))
_MEMORY_NEXT = (Command("emulator stand-in"), Command("launch", "--local", "--wait", "active"))
"""For droplets in memory, which do not boot: an image cannot be baked, and a cluster does not become healthy."""
LIST_HEADER = ("NAME", "ENDPOINT", "STATE", "MACHINES")
_UNENFORCED = "stored, not enforced: droplets in memory have no network"


@click.group(short_help="A local DigitalOcean whose droplets really boot.")
@common_options
def emulator() -> None:
    """Run a local DigitalOcean: the same API, droplets that really boot, no costs.

    \b
    Examples:
      bakery emulator up
      bakery --local build-image
      bakery --local launch
      bakery emulator down
    """


@emulator.command(short_help="Start an emulator.")
@_NAME
@click.option(
    "--port", type=WholeNumber(1, 65535), default=7180, show_default=True, help="Port of the API on 127.0.0.1."
)
@click.option(
    "--machines",
    type=Choice(["nspawn", "memory"]),
    default="nspawn",
    show_default=True,
    help="nspawn: droplets boot (needs root). memory: droplets exist in the API only.",
)
@click.option(
    "--public-range",
    show_default="198.18.0.0/15, in memory 127.64.0.0/10",
    help="Network (CIDR) of the droplets' public addresses.",
)
@click.option(
    "--reuse-addresses",
    is_flag=True,
    help="Give the VPC addresses of deleted droplets to new ones at once, as DigitalOcean may.",
)
@click.option(
    "--latency",
    default="none",
    show_default=True,
    help="Take the time of the real API: digitalocean, or digitalocean,create=20 for other seconds.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Continue with the droplets of an emulator that was killed, not in memory; other options are ignored.",
)
@click.option("--foreground", is_flag=True, help="Serve in this process until Ctrl-C.")
@common_options
@click.pass_context
def up(
    context: click.Context,
    name: str,
    port: int,
    machines: str,
    public_range: str | None,
    reuse_addresses: bool,  # noqa: FBT001
    latency: str,
    resume: bool,  # noqa: FBT001
    foreground: bool,  # noqa: FBT001
) -> None:
    """Start an emulator. The first start builds the base image, which takes about a minute.

    \b
    Examples:
      bakery emulator up
      bakery emulator up --name ci --port 7190 --machines memory
    """
    from bakery.emulator.daemon import lifecycle

    console = settings_of(context).console()
    options = lifecycle.parse_options(
        name=name,
        port=port,
        machines=machines,
        public_range=public_range,
        reuse_addresses=reuse_addresses,
        latency=latency,
    )
    already = lifecycle.find_running(name)
    if already is None and resume:
        running = lifecycle.resume(name, reporter=console)
    elif already is None:
        running = lifecycle.up(options, reporter=console, foreground=foreground)
        if foreground:
            return
    else:
        running = already
        console.note(f"the emulator {name} is running already")
        _warn_of_differences(context, running)
    if settings_of(context).json:
        shown = {"name": name, "endpoint": running.endpoint, "machines": running.machines}
        print_answer(settings_of(context), "emulator", shown)
        return
    console.note(f"the emulator answers at {running.endpoint} ({running.machines})")
    other = () if name == "default" else (f"export BAKERY_EMULATOR={name}",)
    # Both commands need the cluster file.
    init = () if settings_of(context).cluster_file.exists() else (Command("init", "--local"),)
    then = _MEMORY_NEXT if running.machines == "memory" else _NEXT
    console.note(Hint("next: ", joined("\n      ", (*other, *init, *then))))
    console.note(Hint('for other programs: eval "$(', Command("emulator env"), ')"'))


def _warn_of_differences(context: click.Context, running: "EmulatorRecord") -> None:
    """Warn if the running emulator has another port, machines or latency than the options say."""
    is_so = {
        "port": urlsplit(running.endpoint).port,
        "machines": running.machines,
        "latency": running.latency,
    }
    given = (name for name in is_so if context.get_parameter_source(name) is ParameterSource.COMMANDLINE)
    wrong = [f"--{name} {context.params[name]}" for name in given if context.params[name] != is_so[name]]
    if wrong:
        from bakery.emulator.daemon.folder import down_command

        down = down_command(running.name)
        settings_of(context).console().warn(
            Hint(f"it runs without {' and '.join(wrong)}; to use that, first run: ", down)
        )


@emulator.command(short_help="Restart its process; droplets keep running.")
@_NAME
@common_options
@click.pass_context
def restart(context: click.Context, name: str) -> None:
    """Restart the emulator's process. Its droplets keep running, and its account stays the same.

    \b
    Example:
      bakery emulator restart
    """
    from bakery.emulator.daemon import lifecycle

    running = lifecycle.restart(name, reporter=settings_of(context).console())
    if settings_of(context).json:
        shown = {"name": name, "endpoint": running.endpoint, "machines": running.machines}
        print_answer(settings_of(context), "emulator", shown)
    settings_of(context).console().note(f"the emulator answers at {running.endpoint} again")


@emulator.command(short_help="Stop an emulator and remove everything it created.")
@_NAME
@common_options
@click.pass_context
def down(context: click.Context, name: str) -> None:
    """Stop an emulator and remove everything it created, also after a crash. It can be run again.

    \b
    Example:
      bakery emulator down --name ci
    """
    from bakery.emulator.daemon import lifecycle

    console = settings_of(context).console()
    was_there = lifecycle.down(name, reporter=console)
    if settings_of(context).json:
        print_answer(settings_of(context), "emulator-down", {"name": name, "was_there": was_there})
    console.note(f"the emulator {name} was removed" if was_there else f"there is no emulator {name}")


@emulator.command(short_help="Show an emulator's endpoint, droplets and memory.")
@_NAME
@common_options
@click.pass_context
def status(context: click.Context, name: str) -> None:
    """Show an emulator's endpoint, its droplets, and the memory they use.

    \b
    Example:
      bakery emulator status
    """
    from bakery.emulator.daemon import lifecycle

    console = settings_of(context).console()
    answer = lifecycle.status(_running(name))
    if settings_of(context).json:
        print_answer(settings_of(context), "emulator-status", answer)
        return
    console.print(f"endpoint      {answer['endpoint']}")
    console.print(f"machines      {answer['machines']}")
    console.print(f"public range  {answer['public_range']}")
    console.print(f"latency       {answer['latency']}")
    console.print(f"droplets      {answer['droplets']}, {answer['running']} active")
    console.print(f"memory        {answer['memory_bytes'] / 1024**2:.0f} MiB")
    console.print(f"firewalls     {'enforced' if answer['firewalls_enforced'] else _UNENFORCED}")


@emulator.command(name="list")
@common_options
@column_options(LIST_HEADER)
@read_only()
@click.pass_context
def list_(context: click.Context) -> None:
    """List the emulators of this user. A crashed one was not stopped, and its process has ended.

    \b
    Example:
      bakery emulator list -o name
    """
    from bakery.emulator.daemon.folder import list_emulators, state_of, up_command

    console, found = settings_of(context).console(), list_emulators()
    shown = [
        {"name": each.name, "endpoint": each.endpoint, "state": state_of(each), "machines": each.machines}
        for each in found
    ]
    if settings_of(context).json:
        print_answer(settings_of(context), "emulator-list", {"emulators": shown})
    elif shown:
        rows = [tuple(emulator.values()) for emulator in shown]
        print_table(settings_of(context), Table(header=LIST_HEADER, rows=rows))
    else:
        console.note(Hint("there are no emulators; to start one: ", up_command("default")))


@emulator.command(short_help="Print environment variables for DigitalOcean clients.")
@_NAME
@common_options
@click.pass_context
def env(context: click.Context, name: str) -> None:
    """Print environment variables for DigitalOcean clients: eval "$(bakery emulator env)".

    \b
    Example:
      eval "$(bakery emulator env)"
    """
    if settings_of(context).json:
        message = "the output contains a token, which bakery does not print as JSON"
        raise UsageError(message=message, hint=Hint('eval "$(', Command("emulator env"), ')"'))
    running = _running(name)
    click.echo(f"export DIGITALOCEAN_API_URL={shlex.quote(running.endpoint)}")
    click.echo(f"export DIGITALOCEAN_TOKEN={shlex.quote(running.token)}")
    click.echo(f"export BAKERY_ADDRESS_URL={shlex.quote(running.address_url)}")


@emulator.command()
@_NAME
@click.option("--console", "printed", is_flag=True, help="Show its console instead of its journal.")
@click.option("--follow", is_flag=True, help="Show the journal's last lines and new ones, until Ctrl-C.")
@click.option(
    "--all", "folder", type=click.Path(path_type=Path), help="Write the logs of all droplets into this folder."
)
@click.argument("droplet", required=False, shell_complete=completions.nodes)
@common_options
@click.pass_context
def logs(
    context: click.Context,
    name: str,
    printed: bool,  # noqa: FBT001 - a click flag
    follow: bool,  # noqa: FBT001 - a click flag
    folder: Path | None,
    droplet: str | None,
) -> None:
    """Show the journal of a droplet, given by its name or id.

    \b
    Examples:
      bakery emulator logs demo-nomad-client-1 --follow
      bakery emulator logs --all logs/
    """
    from bakery.emulator.daemon import droplets

    if settings_of(context).json:
        message = "logs are text, not JSON"
        raise UsageError(message=message, hint="run the command without --json")
    if follow and (printed or folder is not None):
        message = "--follow shows the journal of one droplet"
        raise UsageError(message=message, hint="leave out --console and --all")
    _refuse_memory(name)
    if folder is not None:
        droplets.write_logs(name, folder)
        return
    if droplet is None:
        message = "give the name or id of a droplet, or --all FOLDER"
        raise click.UsageError(message)
    number = droplets.find(name, droplet)
    if follow:
        sys.stdout.flush()
        droplets.follow_journal(name, number)
    click.echo(droplets.read_console(name, number) if printed else droplets.read_journal(name, number))


@emulator.command(
    name="exec", short_help="Run a command inside a droplet.", context_settings={"ignore_unknown_options": True}
)
@_NAME
@click.argument("droplet", shell_complete=completions.nodes)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(name: str, droplet: str, command: tuple[str, ...]) -> int:
    """Run a command as root inside a droplet: bakery emulator exec DROPLET COMMAND...

    \b
    Example:
      bakery emulator exec demo-nomad-client-1 systemctl status nomad
    """
    from bakery.emulator.daemon import droplets

    _refuse_memory(name)
    number = droplets.find(name, droplet)
    done = droplets.run_inside(_running(name), number, command)
    if done is None:
        message = f"the droplet {droplet} is not running"
        raise EmulatorError(message=message)
    click.echo(done.stdout, nl=False)
    click.echo(done.stderr, nl=False, err=True)
    return done.returncode


def _refuse_memory(name: str) -> None:
    """Raise EmulatorError if the droplets are in memory, whether the emulator runs or not."""
    from bakery.emulator.daemon.folder import down_command, emulator_dir, up_command

    found = emulator_dir(name).read()
    if found is not None and found.machines == "memory":
        message = f"the droplets of the emulator {name} are in memory: they have no processes and no logs"
        again = joined("; ", (down_command(name), up_command(name)))
        raise EmulatorError(message=message, hint=Hint("for droplets that boot: ", again))


emulator.add_command(fault)
emulator.add_command(impair)
emulator.add_command(requests)
emulator.add_command(stand_in)
