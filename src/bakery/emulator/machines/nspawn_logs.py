"""Journals and consoles of droplets, read from an emulator's folder, whether they run or not."""

from contextlib import suppress
from pathlib import Path

from bakery.emulator.machines.nspawn_disk import Disk
from bakery.errors import EmulatorError
from bakery.files import PRIVATE_FILE, PRIVATE_FOLDER, write_atomically
from bakery.proc import find_on_path, run

NAME_FILE = "name"
"""The file in a droplet's folder with the droplet's name, for commands that have only the folder."""


def droplet_folders(folder: Path) -> dict[int, Path]:
    """Return the folders of all droplets, by droplet id."""
    return {int(path.name): path for path in sorted((folder / "droplets").glob("[0-9]*"))}


def droplet_names(folder: Path) -> dict[int, str]:
    """Return the names by droplet id, without droplets that are being created or removed."""
    names = {}
    for number, path in droplet_folders(folder).items():
        with suppress(FileNotFoundError):
            names[number] = (path / NAME_FILE).read_text(encoding="utf-8")
    return names


def find(folder: Path, droplet: str) -> int:
    """Return the id of a droplet given by id or name.

    Raises:
        EmulatorError: there is no droplet of this id or name; the error names all droplets.
    """
    names = droplet_names(folder)
    for number, name in names.items():
        if droplet in {str(number), name}:
            return number
    message = f"there is no droplet {droplet}"
    there = ", ".join(sorted(names.values())) or "none"
    raise EmulatorError(message=message, details=f"droplets here: {there}")


def journal(droplet_folder: Path) -> str:
    """Return the droplet's journal as text; empty if it has not written one yet."""
    files = _journal_files(droplet_folder)
    return run(("journalctl", *_options(files)), check=False).stdout if files.is_dir() else ""


def follow_command(droplet_folder: Path) -> tuple[str, ...]:
    """Return the command that prints the journal's last lines and each new one until a signal.

    Raises:
        EmulatorError: the droplet has not written a journal yet.
    """
    files = _journal_files(droplet_folder)
    if not files.is_dir():
        message = "the droplet has not written a journal yet"
        raise EmulatorError(message=message, hint="run the same command again in some seconds")
    program = find_on_path("journalctl", reason="to read the journal", hint="it is a part of systemd")
    return (str(program), *_options(files), "--follow")


def _journal_files(droplet_folder: Path) -> Path:
    return Disk(folder=droplet_folder, lower=()).upper / "var/log/journal"


def _options(files: Path) -> tuple[str, ...]:
    """Return the options of journalctl."""
    return (f"--directory={files}", "--no-pager", "--output=short-precise")


def console(folder: Path, droplet_id: int) -> Path:
    """Return the file with everything that the droplet has printed on its console."""
    return folder / "consoles" / f"{droplet_id}.log"


def write_all(folder: Path, target: Path) -> None:
    """Write every droplet's journal and console into ``target``, readable only by their owner."""
    target.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    folders = droplet_folders(folder)
    for number, name in droplet_names(folder).items():
        write_atomically(target / f"{name}.journal", journal(folders[number]).encode(), mode=PRIVATE_FILE)
        printed = console(folder, number)
        if printed.exists():
            write_atomically(target / f"{name}.console", printed.read_bytes(), mode=PRIVATE_FILE)
