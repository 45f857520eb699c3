"""Write files safely: a crash leaves no partial file, and secrets are private from the start."""

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
_RANDOM_BYTES = 6


def ensure_private_folder(path: Path) -> None:
    """Create the folder ``path`` and its parents with mode 0700.

    An existing ``path`` gets mode 0700; existing parents are not changed.
    """
    for folder in [*reversed(path.parents), path]:
        if not folder.exists():
            folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    if path.stat().st_mode & 0o777 != PRIVATE_FOLDER:
        path.chmod(PRIVATE_FOLDER)


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace the content of ``path`` atomically: temporary file with the final mode, fsync, rename, folder fsync.

    After a crash at any point the file has the complete old content or the complete new content.
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
    """Like :func:`write_atomically` for a file of the user: keep its mode, its owner and a symbolic link to it."""
    target = path.resolve()
    before = target.stat()
    temporary = temporary_beside(target)
    try:
        write_new(temporary, content, mode=stat.S_IMODE(before.st_mode))
        if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
            with suppress(PermissionError):  # only root may change the owner of a file
                os.chown(temporary, before.st_uid, before.st_gid)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def temporary_beside(path: Path) -> Path:
    """Return a new hidden name in the folder of ``path``: ``.NAME.RANDOM.tmp``."""
    return path.with_name(f".{path.name}.{secrets.token_hex(_RANDOM_BYTES)}.tmp")


def temporaries_beside(path: Path) -> tuple[Path, ...]:
    """Return the names of :func:`temporary_beside` that exist: each may be a whole copy of ``path``."""
    return tuple(sorted(path.parent.glob(f".{path.name}.{'?' * 2 * _RANDOM_BYTES}.tmp")))


def write_new(path: Path, content: bytes, *, mode: int) -> None:
    """Create the file ``path`` and fsync it. Never replace an existing file or follow a link."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(stream.fileno(), mode)  # independent of the umask
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Fsync the folder, so that renames and new links in it survive a crash."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_secret(path: Path, content: bytes) -> None:
    """Like :func:`write_atomically` with mode 0600; create the folder with mode 0700."""
    ensure_private_folder(path.parent)
    write_atomically(path, content, mode=PRIVATE_FILE)


def write_secret_file(path: Path, content: bytes) -> None:
    """Like :func:`write_atomically` with mode 0600, in a folder of the user, whose mode is not changed."""
    write_atomically(path, content, mode=PRIVATE_FILE)


@contextmanager
def file_lock(path: Path, *, seconds: float, busy: LockedError) -> Iterator[None]:
    """Hold the lock file ``path`` (0600) while the block runs. The system frees the lock of a process that dies.

    Raises:
        LockedError: ``busy``, if another process has held the lock for ``seconds``.
        OSError: the lock file cannot be created or opened.
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
    """Return the SHA256 of the file's content in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_private(path: Path) -> bool:
    """Return whether only the owner may read or write ``path``."""
    return path.stat().st_mode & 0o077 == 0
