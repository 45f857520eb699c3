"""What droplets have said, read from an emulator's folder, whether they run or not."""

from contextlib import suppress
from pathlib import Path

from bakery.emulator.machines.nspawn_disk import Disk
from bakery.errors import EmulatorError
from bakery.files import PRIVATE_FILE, PRIVATE_FOLDER, write_atomically
from bakery.proc import run

NAME_FILE = "name"
"""In a droplet's folder: its name, for commands that only see the folder."""


def droplet_folders(folder: Path) -> dict[int, Path]:
    """The folders of the droplets that are there, by droplet id."""
    return {int(path.name): path for path in sorted((folder / "droplets").glob("[0-9]*"))}


def droplet_names(folder: Path) -> dict[int, str]:
    """Their names, by droplet id; of one that is being made or removed there is none."""
    names = {}
    for number, path in droplet_folders(folder).items():
        with suppress(FileNotFoundError):
            names[number] = (path / NAME_FILE).read_text(encoding="utf-8")
    return names


def find(folder: Path, droplet: str) -> int:
    """The id of a droplet that is given by id or by name.

    Raises:
        EmulatorError: there is no such droplet; the error names those that are.
    """
    names = droplet_names(folder)
    for number, name in names.items():
        if droplet in {str(number), name}:
            return number
    message = f"there is no droplet {droplet}"
    there = ", ".join(sorted(names.values())) or "none"
    raise EmulatorError(message=message, details=f"droplets here: {there}")


def journal(droplet_folder: Path) -> str:
    """The droplet's journal as text; empty before it has started to write one."""
    files = Disk(folder=droplet_folder, lower=()).upper / "var/log/journal"
    if not files.is_dir():
        return ""
    return run(["journalctl", f"--directory={files}", "--no-pager", "--output=short-precise"], check=False).stdout


def console(folder: Path, droplet_id: int) -> Path:
    """The file with all that the droplet has printed on its console."""
    return folder / "consoles" / f"{droplet_id}.log"


def keep(folder: Path, target: Path) -> None:
    """Write every droplet's journal and console into ``target``, readable by their owner only."""
    target.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    folders = droplet_folders(folder)
    for number, name in droplet_names(folder).items():
        write_atomically(target / f"{name}.journal", journal(folders[number]).encode(), mode=PRIVATE_FILE)
        printed = console(folder, number)
        if printed.exists():
            write_atomically(target / f"{name}.console", printed.read_bytes(), mode=PRIVATE_FILE)
