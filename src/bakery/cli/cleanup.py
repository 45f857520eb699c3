"""``bakery cleanup``: delete what bakery keeps on this machine."""

from typing import TYPE_CHECKING

import click

from bakery.cli.answers import print_answer, print_table
from bakery.cli.columns import column_options
from bakery.cli.invocation import Invocation, invocation_of
from bakery.cli.options import common_options
from bakery.cli.table import Table
from bakery.console import counted
from bakery.errors import UsageError
from bakery.hints import Command

if TYPE_CHECKING:
    from bakery.operations.local_folders import LocalFolder

HEADER = ("FOLDER", "SIZE", "WHAT", "PATH")


@click.command()
@click.option(
    "--credentials",
    is_flag=True,
    help="Also the credentials of the cluster file's cluster. Refused while the cluster may exist.",
)
@click.option("--dry-run", is_flag=True, help="List the folders, and exit.")
@common_options
@column_options(HEADER)
@click.pass_context
def cleanup(context: click.Context, credentials: bool, dry_run: bool) -> None:  # noqa: FBT001 - click flags
    """List the caches, logs and records that bakery keeps on this machine, with their sizes; ask, and delete them.

    Emulators that were not taken down are kept, and base images that their droplets run from. Credentials are kept
    without --credentials. Run it before you uninstall bakery.

    \b
    Examples:
      bakery cleanup --dry-run
      bakery cleanup
    """
    from bakery.operations.local_folders import delete_folders

    invocation = invocation_of(context)
    folders = _find()
    if credentials:
        folders = (*folders, _credentials(invocation))
    removed = tuple(folder for folder in folders if folder.kept is None)
    _show(invocation, folders, deletes=bool(removed) and not dry_run)
    if dry_run:
        return
    if not removed:
        invocation.console.note("nothing to delete")
        return
    size = size_text(sum(folder.bytes for folder in removed))
    invocation.confirm(f"delete {counted(len(removed), 'folder')} ({size})?")
    delete_folders(removed)
    invocation.console.note(f"deleted {counted(len(removed), 'folder')} ({size})")


def size_text(size: int) -> str:
    """Return "0 KiB", "53 MiB" or "1.2 GiB"."""
    if size >= 1024**3:
        return f"{size / 1024**3:.1f} GiB"
    return f"{size / 1024**2:.0f} MiB" if size >= 1024**2 else f"{size / 1024:.0f} KiB"


def _find() -> "tuple[LocalFolder, ...]":
    from bakery.emulator.daemon.folder import emulator_dir, list_emulators
    from bakery.operations.local_folders import find_local_folders

    emulators = list_emulators()
    folders = {each.name: emulator_dir(each.name).folder for each in emulators}
    return find_local_folders(folders, boots=any(each.machines == "nspawn" for each in emulators))


def _credentials(invocation: Invocation) -> "LocalFolder":
    """Return the state folder of the cluster.

    Raises:
        UsageError: there is none, or the cluster was launched and not destroyed, as far as is known here, or
            user-data was rendered for nodes that bakery does not know.
    """
    from bakery.credentials.issue import rendered_roles
    from bakery.emulator.daemon.folder import list_running
    from bakery.launch.base.place import load_place
    from bakery.operations.local_folders import folder_of_state

    paths, cluster = invocation.paths, invocation.config.cluster
    if not paths.folder.is_dir():
        message = f"there are no credentials of {cluster} in {paths.root}"
        raise UsageError(message=message, hint="leave out --credentials")
    place = load_place(paths.place)
    if place is not None and (not place.is_local or place.endpoint in {each.endpoint for each in list_running()}):
        message = f"the cluster {cluster} was launched on {place.name} and not destroyed"
        local = ("--local",) if place.is_local and not invocation.settings.local else ()
        raise UsageError(message=message, hint=Command("destroy", *local))
    rendered = sorted(rendered_roles(paths))
    if rendered:
        message = (
            f"nodes of {cluster} that were made by hand may run: user-data was rendered for {', '.join(rendered)}"
        )
        raise UsageError(message=message, hint=f"if none of them runs, delete {paths.folder}")
    return folder_of_state(paths.folder, cluster)


def _show(invocation: Invocation, folders: "tuple[LocalFolder, ...]", *, deletes: bool) -> None:
    spell = invocation.settings.spell
    if invocation.settings.json:
        shown = [
            {
                "name": each.name,
                "path": str(each.path),
                "bytes": each.bytes,
                "kept": None if each.kept is None else spell(each.kept),
            }
            for each in folders
        ]
        print_answer(invocation.settings, "cleanup", {"folders": shown, "deletes": deletes})
        return
    rows = [
        (
            each.name,
            size_text(each.bytes),
            each.meaning if each.kept is None else f"kept: {spell(each.kept)}",
            str(each.path),
        )
        for each in folders
    ]
    if rows:
        print_table(invocation.settings, Table(header=HEADER, rows=rows, drops=("PATH",), folds="WHAT"))
