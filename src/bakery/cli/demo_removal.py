"""``bakery demo --remove``: the emulator, the cluster file and the credentials of one demo."""

import shutil
from contextlib import suppress
from pathlib import Path

from bakery.console import Reporter
from bakery.errors import UsageError
from bakery.hints import Command, Hint

CLUSTER = "demo"
FILE = Path("bakery.yaml")
STATE = Path(".bakery")


def remove_demo(folder: Path, name: str, *, is_named: bool, reporter: Reporter) -> None:
    """Remove the demo in ``folder`` and the emulator in which it was launched.

    ``name`` is the emulator of a demo that was not launched; with ``is_named`` the user has given it, and another
    emulator is refused.

    Raises:
        UsageError: the folder is not a demo's, or the emulator is not this demo's. Nothing was removed.
    """
    from bakery.emulator.daemon import lifecycle

    _check_cluster(folder)
    if not _has_demo(folder):
        _check_elsewhere(folder, name, is_named=is_named)
        reporter.note(f"there is nothing to remove: no demo is in {folder}")
        return
    emulator = _emulator_of(folder, name, is_named=is_named)
    was_there = emulator is not None and lifecycle.down(emulator, reporter=reporter)
    remove_files(folder)
    if was_there:
        reporter.note(f"the emulator {emulator} and the demo in {folder} were removed")
    else:
        reporter.note(f"the demo in {folder} was removed; its emulator was gone already")


def _check_cluster(folder: Path) -> None:
    """Check that the cluster in ``folder`` is the demo's, and that it is not in an account at DigitalOcean.

    Raises:
        UsageError: it is another cluster, or the credentials are needed to destroy the cluster.
    """
    from bakery.config.load import load_cluster
    from bakery.launch.base.place import load_place

    file = folder / FILE
    cluster = load_cluster(file).cluster if file.exists() else CLUSTER
    place = load_place(_record(folder, cluster))
    if cluster == CLUSTER and (place is None or place.is_local):
        return
    where = f" on {place.name}" if place is not None else ""
    message = f"{file} is not of the demo: it has the cluster {cluster}{where}"
    raise UsageError(message=message, hint=Command("destroy", "-f", str(file)))


def _record(folder: Path, cluster: str) -> Path:
    return folder / STATE / cluster / "cloud.json"


def _has_demo(folder: Path) -> bool:
    return (folder / FILE).exists() or (folder / STATE / CLUSTER).exists()


def _check_elsewhere(folder: Path, name: str, *, is_named: bool) -> None:
    """Check that the user does not mean what is elsewhere: a demo in the current folder, or an emulator."""
    from bakery.emulator.daemon.folder import down_command

    if (STATE / CLUSTER).exists():
        message = f"no demo is in {folder}; one is in the current folder"
        raise UsageError(message=message, hint=_remove_command(Path()))
    if is_named and _is_there(name):
        message = f"no demo is in {folder}; nothing says that the emulator {name} is a demo's"
        raise UsageError(message=message, hint=down_command(name))


def _emulator_of(folder: Path, name: str, *, is_named: bool) -> str | None:
    """Return the name of the demo's emulator; None if it is gone.

    Raises:
        UsageError: the user has named another one, or nothing says whether ``name`` is this demo's.
    """
    from bakery.emulator.daemon.folder import list_emulators
    from bakery.launch.base.place import load_place

    place = load_place(_record(folder, CLUSTER))
    if place is None:
        if not is_named and _is_there(name):
            message = f"nothing in {folder} says which emulator its demo is on, and the emulator {name} exists"
            hint = Hint("if it is of this demo: ", _remove_command(folder, name))
            raise UsageError(message=message, hint=hint)
        return name
    found = next((each.name for each in list_emulators() if each.team_uuid == place.owner), None)
    if is_named and name != found and _is_there(name):
        message = f"the demo in {folder} is not on the emulator {name}"
        details = f"it was launched on {place.name}"
        raise UsageError(message=message, details=details, hint=_remove_command(folder, found))
    return found


def _is_there(name: str) -> bool:
    from bakery.emulator.daemon.folder import emulator_dir

    return emulator_dir(name).read() is not None


def _remove_command(folder: Path, name: str | None = None) -> Command:
    names = () if name is None else ("--name", name)
    return Command("demo", "--remove", *names, "--folder", str(folder))


def remove_files(folder: Path) -> None:
    """Delete the cluster file and the state of the demo's cluster, and the folder if nothing else is in it."""
    shutil.rmtree(folder / STATE / CLUSTER, ignore_errors=True)
    (folder / FILE).unlink(missing_ok=True)
    with suppress(OSError):  # the state of other clusters, or other files, are in the folder
        if {entry.name for entry in (folder / STATE).iterdir()} == {".gitignore"}:
            shutil.rmtree(folder / STATE)
    with suppress(OSError):
        folder.rmdir()
