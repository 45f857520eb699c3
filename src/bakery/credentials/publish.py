"""Puts a file in place exactly once, whole, whoever else tries at the same time."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bakery.errors import CredentialsError, LockedError
from bakery.files import PRIVATE_FILE, file_lock, sync_folder, temporary_beside, write_new

LOCK_SECONDS = 30.0
"""Longer than making a bundle takes by far."""


@contextmanager
def exclusive(folder: Path, *, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the credentials of ``folder`` alone.

    Raises:
        LockedError: another process has held them for ``seconds``.
        CredentialsError: the folder cannot be written to.
    """
    message = f"another bakery has been working on the credentials in {folder} for {seconds:.0f} s"
    busy = LockedError(message=message, hint="wait for it, or stop it, and try again")
    with ExitStack() as held:
        try:
            held.enter_context(file_lock(folder / ".credentials.lock", seconds=seconds, busy=busy))
        except OSError as error:
            raise _cannot_write(folder, error) from error
        yield


def publish_once(path: Path, content: bytes) -> None:
    """Make ``path`` with mode 0600, never over an existing file.

    A crash at any point leaves no file of that name or the whole one. Call it under :func:`exclusive`: what
    crashed attempts left behind is removed first.

    Raises:
        CredentialsError: ``path`` exists, and is untouched; or the file system cannot do it.
    """
    for stale in path.parent.glob(f".{path.name}.*.tmp"):
        stale.unlink(missing_ok=True)
    temporary = temporary_beside(path)
    try:
        write_new(temporary, content, mode=PRIVATE_FILE)
        os.link(temporary, path)  # unlike a rename, a link refuses to replace
    except FileExistsError as error:
        message = f"{path} appeared while a new one was being made"
        raise CredentialsError(
            message=message, hint="run the same command again; it will use the file that is there"
        ) from error
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def _cannot_write(path: Path, error: OSError) -> CredentialsError:
    hint = "the state needs a local file system with hard links and free space; BAKERY_STATE_DIR moves it"
    return CredentialsError(message=f"cannot write {path}", details=error.strerror, hint=hint)
