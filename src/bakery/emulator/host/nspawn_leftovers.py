"""What systemd-nspawn leaves in /run when it or its guest is killed; it blocks the next start of the same name."""

from contextlib import suppress
from pathlib import Path

RUN = Path("/run/systemd/nspawn")


def name(machine: str, root: Path) -> str:
    """The name of a machine's traces. ``root`` is the overlay's upper folder: its inode is also the root's."""
    return f"{machine}:{root.stat().st_ino}"


def find(trace: str) -> list[Path]:
    """The files and folders that are there."""
    machine, _, inode = trace.partition(":")
    folder = RUN / "propagate" / machine
    locks = sorted((RUN / "locks").glob(f"inode-*:{inode}")) if inode.isdigit() else []
    return [folder, *locks] if machine and folder.is_dir() else locks


def remove(trace: str) -> None:
    """Remove them; idempotent. The machine must be off."""
    for path in find(trace):
        with suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink()
