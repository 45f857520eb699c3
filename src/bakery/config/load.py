"""Load a cluster file: return its ClusterConfig, or raise one error that lists all its problems."""

import errno
import shlex
import stat
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TextIO

from bakery.config.assemble import assemble
from bakery.config.document import Document, Place
from bakery.config.findings import FieldPath, Finding, unbroken
from bakery.config.model import ClusterConfig
from bakery.config.reading import DocumentSyntaxError, read_document
from bakery.config.shape import shape_of
from bakery.config.validate import check
from bakery.errors import ConfigError, Problem
from bakery.hints import Command, Hint

STDIN = Path("-")
"""A cluster file that is read from standard input. Its state folder is in the current folder."""
MAX_BYTES = 64 * 1024
_INIT = Hint(Command("init"), " writes a cluster file to start from")


def load_cluster(path: Path) -> ClusterConfig:
    """Read, check and complete the cluster file at ``path``.

    Raises:
        ConfigError: the file cannot be read, or has problems; ``problems`` lists all of them in file order.
    """
    return parse_cluster(read_text(path), path)


def read_text(path: Path) -> str:
    """Return the cluster file's text unchanged, with its line endings and byte order mark.

    Raises:
        ConfigError: the file cannot be read, or is not UTF-8.
    """
    return _decode(_read(path), path)


def parse_cluster(text: str, path: Path) -> ClusterConfig:
    """Check and complete the text of a cluster file. ``path`` is where the file is or will be.

    Raises:
        ConfigError: the text has problems; ``problems`` lists all of them in file order.
    """
    text = text.removeprefix("\N{BYTE ORDER MARK}")
    if len(text) > MAX_BYTES:
        raise _too_large(path)
    try:
        document = read_document(text)
    except DocumentSyntaxError as error:
        raise _wrong(path, [error.problem]) from None
    if document.root is None or document.root.data is None:
        message = f"{shown(path)} is empty"
        raise ConfigError(message=message, hint=_INIT, file=shown(path))
    return _checked(document, path)


def problem_at(path: Path, field: FieldPath, message: str, hint: str) -> ConfigError:
    """Return the error for a problem that a later check found in a field of the cluster file at ``path``."""
    document = read_document(read_text(path).removeprefix("\N{BYTE ORDER MARK}"))
    place = document.place_of(Finding(path=field, message=message, at_key=True))
    return _wrong(path, [document.problem(place, message, hint)])


def _checked(document: Document, path: Path) -> ClusterConfig:
    of_yaml = [placed.finding for placed in document.findings]
    shape, of_types = shape_of(document)
    of_types = unbroken(of_types, of_yaml)
    findings = [*of_types, *unbroken(check(shape, path.parent), [*of_yaml, *of_types])]
    placed = [(each.place, each.finding) for each in document.findings]
    placed += [(document.place_of(finding), finding) for finding in findings]
    if placed:
        raise _wrong(path, _problems(document, placed))
    return assemble(shape, path)


def _problems(document: Document, placed: Iterable[tuple[Place, Finding]]) -> list[Problem]:
    in_order = sorted(placed, key=lambda pair: pair[0])
    return [document.problem(place, each.message, each.hint, hides=each.hides) for place, each in in_order]


def _read(path: Path) -> bytes:
    """Return the file's bytes. Refuse a pipe or a device before opening it, because reading could block."""
    if path == STDIN:
        return _read_stdin(sys.stdin)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _no_file(path)
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        message = f"there is no cluster file {path}"
        raise ConfigError(message=message, hint=_INIT, file=str(path)) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        message = f"cannot read {path}"
        details = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            message=message, details=details, hint=_unreadable(error, path), file=str(path)
        ) from error
    if len(content) > MAX_BYTES:
        raise _too_large(path)
    return content


@lru_cache(maxsize=1)
def _read_stdin(stream: TextIO) -> bytes:
    """Return what standard input has; it can be read once only."""
    content = stream.buffer.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise _too_large(STDIN)
    return content


def shown(path: Path) -> str:
    """Return the cluster file's name for errors and messages."""
    return "standard input" if path == STDIN else str(path)


def _unreadable(error: OSError | ValueError, path: Path) -> str:
    """Return the hint for an error of the operating system."""
    quoted = shlex.quote(str(path))
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.EACCES, errno.EPERM):
        as_owner = f"chmod u+r {quoted}, and chmod u+x for each folder above it"
        return f"as the owner of the file: {as_owner}; or name another file with -f"
    if number == errno.ELOOP:
        return f"its symbolic links form a loop: ls -l {quoted}; or name another file with -f"
    return "name another file with -f"


def _no_file(path: Path) -> ConfigError:
    if not path.is_dir():
        return ConfigError(message=f"{path} is not a file", hint="name the cluster file with -f", file=str(path))
    inside = shlex.quote(str(path / "bakery.yaml"))
    return ConfigError(message=f"{path} is a folder", hint=f"name the file in it: -f {inside}", file=str(path))


def _decode(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        document = Document(text=content.decode("utf-8", errors="replace"))
        place = document.place_at(len(content[: error.start].decode("utf-8")))
        hint = "save the file as UTF-8"
        problem = document.problem(place, f"the byte 0x{content[error.start]:02x} is not UTF-8", hint)
        raise _wrong(path, [problem]) from None


def _too_large(path: Path) -> ConfigError:
    message = f"{shown(path)} has more than {MAX_BYTES // 1024} KiB; no cluster file needs so much"
    return ConfigError(message=message, file=shown(path))


def _wrong(path: Path, problems: list[Problem]) -> ConfigError:
    number = f"{len(problems)} problems" if len(problems) > 1 else "a problem"
    return ConfigError(message=f"{shown(path)} has {number}", file=shown(path), problems=tuple(problems))
