"""Create a file exactly once and completely, even if several processes try at the same time."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bakery.errors import CredentialsError, LockedError
from bakery.files import PRIVATE_FILE, file_lock, sync_folder, temporaries_beside, temporary_beside, write_new

LOCK_SECONDS = 30.0
"""Seconds to wait for the lock. Creating a bundle takes less than one second."""


@contextmanager
def exclusive(folder: Path, *, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the lock of the credentials in ``folder`` while the block runs.

    Raises:
        LockedError: another process has held the lock for ``seconds``.
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


def delete_leftovers(path: Path) -> None:
    """Delete the temporary files of ``path`` that killed commands left. Call it under :func:`exclusive`."""
    for left in temporaries_beside(path):
        left.unlink(missing_ok=True)


def publish_once(path: Path, content: bytes) -> None:
    """Create the file ``path`` with mode 0600; never replace an existing file.

    After a crash at any point the file either does not exist or is complete. Call it under :func:`exclusive`: it
    first deletes temporary files of crashed attempts.

    Raises:
        CredentialsError: ``path`` exists already and was not changed, or the file system refuses.
    """
    delete_leftovers(path)
    temporary = temporary_beside(path)
    try:
        write_new(temporary, content, mode=PRIVATE_FILE)
        os.link(temporary, path)  # unlike a rename, a link refuses to replace
    except FileExistsError as error:
        message = f"{path} was created by another process at the same time"
        raise CredentialsError(
            message=message, hint="run the same command again; it will use the existing file"
        ) from error
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def _cannot_write(path: Path, error: OSError) -> CredentialsError:
    hint = (
        "the state folder needs a file system with hard links and free space; BAKERY_STATE_DIR sets another folder"
    )
    return CredentialsError(message=f"cannot write {path}", details=error.strerror, hint=hint)
