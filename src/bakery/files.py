"""Writing files so that neither a crash nor another user of the machine can spoil them."""

import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bakery.errors import LockedError

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def ensure_private_folder(path: Path) -> None:
    """Make ``path`` (and its parents) a folder that only its owner can enter.

    Parents that bakery makes are private too; an existing folder of ours is narrowed to 0700.
    """
    for folder in [*reversed(path.parents), path]:
        if not folder.exists():
            folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    if path.stat().st_mode & 0o777 != PRIVATE_FOLDER:
        path.chmod(PRIVATE_FOLDER)


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace ``path`` by ``content``: temporary name with its final mode, fsync, rename, fsync of the folder.

    After a crash at any point the file holds the old content or the new, whole.
    """
    temporary = temporary_beside(path)
    try:
        write_new(temporary, content, mode=mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def replace_content(path: Path, content: bytes) -> None:
    """:func:`write_atomically` over a file of the user's: its mode and owner stay, and a link its target."""
    target = path.resolve()
    before = target.stat()
    temporary = temporary_beside(target)
    try:
        write_new(temporary, content, mode=stat.S_IMODE(before.st_mode))
        if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
            with suppress(PermissionError):  # only root may give a file away
                os.chown(temporary, before.st_uid, before.st_gid)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def temporary_beside(path: Path) -> Path:
    """A new hidden name in the folder of ``path``: ``.NAME.RANDOM.tmp``."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")


def write_new(path: Path, content: bytes, *, mode: int) -> None:
    """Make the file ``path``, on disk when it returns; never over one that is there, never through a link."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(stream.fileno(), mode)  # whatever the umask says
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Have the folder's names on disk: a rename or a new link survives a crash from then on."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_secret(path: Path, content: bytes) -> None:
    """:func:`write_atomically` with mode 0600, in a folder that is made 0700."""
    ensure_private_folder(path.parent)
    write_atomically(path, content, mode=PRIVATE_FILE)


def write_secret_file(path: Path, content: bytes) -> None:
    """:func:`write_atomically` with mode 0600, in a folder that the user chose and that stays as it is."""
    write_atomically(path, content, mode=PRIVATE_FILE)


@contextmanager
def file_lock(path: Path, *, seconds: float, busy: LockedError) -> Iterator[None]:
    """Hold the lock file ``path`` (0600) while the block runs. The system frees the lock of a process that dies.

    Raises:
        LockedError: ``busy``, if another process has held it for ``seconds``.
        OSError: the lock file cannot be made or opened.
    """
    import filelock

    lock = filelock.FileLock(path, timeout=seconds, mode=PRIVATE_FILE)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise busy from None
    try:
        yield
    finally:
        lock.release()


def file_sha256(path: Path) -> str:
    """Hex digest of what the file holds."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_private(path: Path) -> bool:
    """Whether nobody but the owner may read or write ``path``."""
    return path.stat().st_mode & 0o077 == 0
