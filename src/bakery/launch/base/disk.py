"""A disk that is full or a folder that may not be written to, said so that the user can act."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bakery.config.paths import ROOT_VARIABLE
from bakery.errors import UsageError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What stands in ``path`` is as it was if the block fails: files are replaced whole.

    Raises:
        UsageError: instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> UsageError:
    message = f"cannot write {path}"
    hint = f"make room or give access, then run the same command again; {ROOT_VARIABLE} moves the folder"
    return UsageError(message=message, details=error.strerror or type(error).__name__, hint=hint)
