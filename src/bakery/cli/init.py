"""``bakery init``: a commented cluster file."""

import re
import shlex
from pathlib import Path

import click

from bakery.cli.session import common_options, session_of
from bakery.errors import ConfigError, UsageError


@click.command()
@click.option("--cluster", help="Name of the cluster; the folder's name if it is a fit one, else 'demo'.")
@click.option("--region", default="fra1", show_default=True, help="DigitalOcean region slug.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@common_options
@click.pass_context
def init(context: click.Context, cluster: str | None, region: str, force: bool) -> None:  # noqa: FBT001 - a click flag
    """Write a commented bakery.yaml with every default spelled out."""
    from bakery.config.load import parse_cluster
    from bakery.config.template import cluster_file
    from bakery.files import write_atomically

    session = session_of(context)
    path = session.settings.cluster_file
    if path.is_dir():
        message = f"{path} is a folder"
        raise UsageError(message, hint=f"name a file in it: -f {shlex.quote(str(path / 'bakery.yaml'))}")
    if path.exists() and not force:
        message = f"{path} exists"
        raise UsageError(message, hint="--force replaces it, -f FILE writes another")
    text = cluster_file(cluster=_name_from(Path.cwd()) if cluster is None else cluster, region=region)
    try:
        parse_cluster(text, path)
    except ConfigError as error:
        raise _of_flags(error) from error
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        message = f"cannot write {path}"
        raise UsageError(message, details=error.strerror, hint="-f FILE writes another") from error
    if session.settings.json:
        session.console.json({"file": str(path)})
    session.console.note(f"wrote {path}")
    session.console.note("next: bakery plan, bakery build-image, bakery launch")


def _of_flags(error: ConfigError) -> UsageError:
    """The same without a place: there is no file yet to look into."""
    first = error.problems[0]
    return UsageError(first.message, hint=first.hint)


def _name_from(folder: Path) -> str:
    return folder.name if re.fullmatch(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?", folder.name) else "demo"
