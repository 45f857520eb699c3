"""The lock of a cluster: one bakery at a time changes it. The kernel releases the lock of a dead process."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bakery.config.paths import owner_file
from bakery.errors import DeadlineError, LockedError
from bakery.files import PRIVATE_FILE, ensure_private_folder, file_lock, write_atomically
from bakery.launch.base.write_errors import cannot_write, explain_write_errors
from bakery.wait import Pending, wait_until


@contextmanager
def locked(path: Path, *, cluster: str) -> Iterator[None]:
    """Hold the lock of the cluster while the block runs. ``owner_file(path)`` names the process that holds it.

    Raises:
        LockedError: another process holds the lock; the details name its pid, host and start time.
        UsageError: the folder is not writable.
    """
    with explain_write_errors(path):
        ensure_private_folder(path.parent)
    owner = owner_file(path)
    message, hint = f"another bakery works on cluster {cluster}", "wait for it, then run the same command again"
    with ExitStack() as held:
        try:
            held.enter_context(file_lock(path, seconds=0, busy=LockedError(message=message)))
        except LockedError:
            raise LockedError(message=message, details=_wait_for_owner(owner), hint=hint) from None
        except OSError as error:
            raise cannot_write(path, error) from error
        try:
            with explain_write_errors(owner):
                write_atomically(owner, json.dumps(_ourselves()).encode(), mode=PRIVATE_FILE)
            yield
        finally:
            owner.unlink(missing_ok=True)


def _ourselves() -> dict[str, str | int]:
    started = datetime.now(UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": socket.gethostname(), "started": started}


def _wait_for_owner(path: Path) -> str:
    """Describe the owner. The owner file may appear a moment after the lock is taken, so poll for a second."""
    try:
        return wait_until(lambda: _owner(path), what="its name", seconds=1, every=0.02)
    except DeadlineError:
        return "its process is not known"


def _owner(path: Path) -> str | Pending:
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
        return f"process {owner['pid']} on {owner['host']}, since {owner['started']}"
    except (OSError, ValueError, KeyError, TypeError):
        return Pending("it has not written it yet")
