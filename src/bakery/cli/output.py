"""Files that a user asked for, at a place of the user's choice."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bakery.errors import UsageError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what the system says against writing ``path`` into an error for people.

    Raises:
        UsageError: with the system's words.
    """
    try:
        yield
    except OSError as error:
        message = f"cannot write {path}"
        raise UsageError(message, details=error.strerror, hint="name another place with -o") from error


def refuse_existing(path: Path, *, force: bool) -> None:
    """Never over a file that is there, unless told.

    Raises:
        UsageError: it is there.
    """
    if path.exists() and not force:
        message = f"{path} exists"
        raise UsageError(message, hint="--force replaces it, -o FILE writes another")


def ensure_folder(path: Path) -> None:
    """Make ``path`` private if it is not there; a folder that is there stays as its owner wants it."""
    from bakery.files import ensure_private_folder

    if not path.is_dir():
        ensure_private_folder(path)
