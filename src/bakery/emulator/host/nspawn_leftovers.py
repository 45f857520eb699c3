"""Files that a killed systemd-nspawn leaves in /run; they block the next start of a machine of the same name."""

from contextlib import suppress
from pathlib import Path

RUN = Path("/run/systemd/nspawn")


def name(machine: str, root: Path) -> str:
    """Return the name of a machine's leftovers; ``root`` is the overlay's upper folder, with the root's inode."""
    return f"{machine}:{root.stat().st_ino}"


def find(leftover: str) -> list[Path]:
    """Return the leftover files and folders that exist."""
    machine, _, inode = leftover.partition(":")
    folder = RUN / "propagate" / machine
    locks = sorted((RUN / "locks").glob(f"inode-*:{inode}")) if inode.isdigit() else []
    return [folder, *locks] if machine and folder.is_dir() else locks


def remove(leftover: str) -> None:
    """Remove the leftovers of a machine that is off. Idempotent."""
    for path in find(leftover):
        with suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink()
