"""Turns a failed write of the state folder (disk full, no permission) into an error with a next step."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bakery.config.paths import ROOT_VARIABLE
from bakery.errors import UsageError


@contextmanager
def explain_write_errors(path: Path) -> Iterator[None]:
    """Run a block that writes ``path``. If it fails, the file is as before: files are replaced whole.

    Raises:
        UsageError: instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> UsageError:
    """Return the error for a write of ``path`` that failed."""
    message = f"cannot write {path}"
    hint = f"make room or give access, then run the same command again; {ROOT_VARIABLE} moves the folder"
    return UsageError(message=message, details=error.strerror or type(error).__name__, hint=hint)
