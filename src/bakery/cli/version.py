"""``bakery version``: the versions of bakery and of the programs that it uses."""

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bakery import __version__
from bakery.cli.answers import print_answer, print_table
from bakery.cli.columns import column_options
from bakery.cli.invocation import Invocation, invocation_of
from bakery.cli.options import common_options
from bakery.cli.read_only import read_only
from bakery.cli.table import Table

if TYPE_CHECKING:
    from bakery.config.model import Image

HEADER = ("PROGRAM", "VERSION", "PATH")


@click.command()
@common_options
@column_options(HEADER)
@read_only()
@click.pass_context
def version(context: click.Context) -> None:
    """Show the version of bakery, its commit in a checkout, and the programs that it uses.

    Consul and Nomad have the versions of the cluster file, if there is one. A program without a path is downloaded
    when it is needed.

    \b
    Examples:
      bakery version
      bakery version -o json
    """
    invocation = invocation_of(context)
    tools = _tools(invocation)
    value = {
        "bakery": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "tools": tools,
    }
    if invocation.settings.json:
        print_answer(invocation.settings, "version", value)
        return
    rows = [
        ("bakery", __version__ + (f" ({value['commit']})" if value["commit"] else ""), str(_package())),
        ("python", platform.python_version(), "-"),
        *((tool["name"], tool["version"], tool["path"] or "-") for tool in tools),
    ]
    print_table(invocation.settings, Table(header=HEADER, rows=rows, drops=("PATH",)))


def _tools(invocation: Invocation) -> list[dict[str, Any]]:
    from bakery.config.defaults import CONSUL_VERSION, NOMAD_VERSION
    from bakery.toolchain.find import find_local_tool
    from bakery.toolchain.model import PACKER_VERSION, ToolName, places_from_environment

    image = _image(invocation)
    consul, nomad = (image.consul, image.nomad) if image is not None else (CONSUL_VERSION, NOMAD_VERSION)
    places = places_from_environment(checksums=image.checksums if image is not None else None)
    wanted = ((ToolName.PACKER, PACKER_VERSION), (ToolName.CONSUL, consul), (ToolName.NOMAD, nomad))
    found = [(name, number, find_local_tool(name, number, places=places)) for name, number in wanted]
    return [
        {"name": name.value, "version": number, "path": str(tool.path) if tool is not None else None}
        for name, number, tool in found
    ]


def _image(invocation: Invocation) -> "Image | None":
    """Return what the cluster file says about the snapshot; None without a file."""
    from bakery.config.load import STDIN

    file = invocation.settings.cluster_file
    return invocation.config.image if file == STDIN or file.exists() else None


def _package() -> Path:
    return Path(__file__).resolve().parents[1]


def _commit() -> str | None:
    """Return the commit of the checkout that bakery runs from; None for an installed package, or without git."""
    from bakery.errors import BakeryError
    from bakery.proc import run

    checkout = _package().parents[1]
    if not (checkout / ".git").exists():
        return None
    # core.fsmonitor may name a program of the repository, which must not run.
    git: list[str | Path] = ["git", "-c", "core.fsmonitor=false", "-C", checkout]
    try:
        done = run([*git, "rev-parse", "--short=12", "HEAD"], seconds=10, check=False)
    except BakeryError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
