"""The commands of ``bakery demo``, in the folder and with the variables of the demo."""

import os
import shlex
from itertools import count
from typing import TYPE_CHECKING

from bakery.cli.demo_removal import CLUSTER, FILE
from bakery.cli.invocation import Invocation
from bakery.cli.options import Settings
from bakery.cli.shown_commands import ShownCommands, choose_port
from bakery.config.defaults import NOMAD_VERSION
from bakery.errors import ExitCode
from bakery.hints import Command

if TYPE_CHECKING:
    from bakery.config.model import ClusterConfig

EMULATOR_PORT = 7180
"""If it is free."""
PORTS = "80/tcp, 8080/tcp, 8081/tcp from vpc"
"""Of the clients. Jobs are reached from outside only at ports that the cluster file opens."""


def walk(commands: ShownCommands, *, memory: bool, small: bool, port: int | None) -> None:
    """Show and run every command, from the cluster file to a look at the cluster.

    Raises:
        click.exceptions.Exit: a command failed. It has printed its error.
    """
    commands.line(f"$ cd {shlex.quote(os.getcwd())}")  # noqa: PTH109 - as a shell prints it
    commands.line(f"$ export BAKERY_EMULATOR={os.environ['BAKERY_EMULATOR']}")
    steps = count(1)
    commands.title(f"{next(steps)}. The cluster file")
    _write_file(commands, small=small)
    commands.run(Command("plan", "--offline"))
    invocation = Invocation(Settings(cluster_file=FILE, local=True, quiet=commands.settings.quiet))
    if not memory:
        commands.title(f"{next(steps)}. Programs: Packer, Consul, Nomad")
        _find_programs(commands, invocation.config)
    commands.title(f"{next(steps)}. A local DigitalOcean")
    commands.run(_emulator_up(port, memory=memory))
    if memory:
        commands.title(
            f"{next(steps)}. Droplets in memory boot nothing: an empty snapshot in place of a baked one"
        )
        commands.run(Command("emulator stand-in"))
    else:
        commands.title(f"{next(steps)}. One snapshot for every role, baked with Packer")
        commands.run(Command("build-image", "--yes"), "--local")
    commands.title(f"{next(steps)}. The droplets: one cluster, no SSH")
    commands.run(Command("launch", "--yes", *(("--wait", "active") if memory else ())), "--local")
    commands.title(f"{next(steps)}. Looking at it")
    if memory:
        commands.line("Droplets in memory run no agents, and status says so (exit code 7).")
        commands.run(Command("status"), "--local", codes=(ExitCode.DONE, ExitCode.CHECKS))
    else:
        commands.run(Command("status"), "--local")
        _look(commands, invocation)


def _emulator_up(port: int | None, *, memory: bool) -> Command:
    """Return the command that starts the emulator; one that runs already keeps its port if none was asked for."""
    from bakery.emulator.daemon.folder import find_running

    if port is None and find_running(os.environ["BAKERY_EMULATOR"]) is None:
        port = choose_port(EMULATOR_PORT)
    ports = () if port is None else ("--port", str(port))
    return Command("emulator up", *ports, *(("--machines", "memory") if memory else ()))


def _write_file(commands: ShownCommands, *, small: bool) -> None:
    """Write the cluster file, with open ports for jobs; an existing one is used."""
    if FILE.exists():
        commands.line(f"{FILE} exists, and is used")
        return
    commands.run(Command("init", "--cluster", CLUSTER, *(["--small"] if small else [])))
    before = FILE.read_text(encoding="utf-8")
    role = "  all-in-one:    {count: 1" if small else "  nomad-client:  {count: 3"
    after = _with_versions_of_the_checkout(before.replace(role, f"{role}, ports: [{PORTS}]"))
    FILE.write_text(after, encoding="utf-8")
    commands.line("with ports open for jobs:")
    commands.line(next(line for line in after.splitlines() if line.startswith(role)))
    if after.count(f"nomad: {NOMAD_VERSION}\n") == 0:
        commands.line("with the version of Nomad that this checkout builds from source, and its tests run:")
        commands.line(next(line for line in after.splitlines() if line.startswith("  nomad: ")))


def _with_versions_of_the_checkout(text: str) -> str:
    """Return the cluster file with the version that ``toolchain/`` builds. A wheel does not have that folder."""
    from bakery.toolchain.model import ToolName
    from bakery.toolchain.source import MODULES, read_version

    if not MODULES.is_dir():
        return text
    return text.replace(f"nomad: {NOMAD_VERSION}\n", f"nomad: {read_version(ToolName.NOMAD)}\n")


def _find_programs(commands: ShownCommands, config: "ClusterConfig") -> None:
    from bakery.operations.programs import ensure_programs

    for tool in ensure_programs(config.image, commands.settings.console()):
        commands.line(f"  {tool.name:<28} {tool.path}")


def _look(commands: ShownCommands, invocation: Invocation) -> None:
    """Run consul and nomad with the variables of ``bakery env``, and print what they print."""
    from bakery import proc
    from bakery.operations.collect_env import Rights, collect_env
    from bakery.toolchain.find import find_tool
    from bakery.toolchain.model import ToolName, places_from_environment

    variables = collect_env(invocation, Rights(), other_cloud=False)
    image = invocation.config.image
    places = places_from_environment(checksums=image.checksums)
    consul = find_tool(ToolName.CONSUL, image.consul, places=places)
    nomad = find_tool(ToolName.NOMAD, image.nomad, places=places)
    looks = ((consul, ["members"]), (nomad, ["server", "members"]), (nomad, ["node", "status"]))
    commands.line('\n$ eval "$(' + Command("env", "--local").line() + ')"')
    secrets = [variables[name] for name in ("CONSUL_HTTP_TOKEN", "NOMAD_TOKEN") if name in variables]
    for tool, words in looks:
        commands.line(f"\n$ {tool.name} {' '.join(words)}")
        commands.line(proc.run([tool.path, *words], env=variables, secrets=secrets).stdout.rstrip())
