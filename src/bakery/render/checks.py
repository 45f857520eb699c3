"""Parse rendered user-data and check it before a droplet is created with it."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NoReturn

import yaml

from bakery.config.host_volumes import is_created
from bakery.errors import RenderError
from bakery.render.model import CREATE_FOLDER, MAX_USER_DATA
from bakery.render.paths import is_writable

# PyYAML's parser in C (libyaml) is ten times as fast, but PyYAML may be built without it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

FIRST_LINE = "#cloud-config"
KEYS = frozenset({"ssh_pwauth", "write_files"})
"""The top-level keys of bakery's documents. They are checked because cloud-init 22.4 ignores unknown keys."""
CREATES_FOLDERS = "bootcmd"
"""A key only of clients with host volumes."""
FILE_KEYS = frozenset({"path", "owner", "permissions", "encoding", "content"})
_ADVICE = "the addresses of a few live servers are enough to join"
_MODE = re.compile(r"^0[0-7]{3}$")
_COMMENT = re.compile(r"\n# .*")
# A JSON string whose escapes YAML has too. YAML has no pairs of surrogates (d800 to dfff).
_JSON_STRING = r'"[ !#-\[\]-~]*+(?:\\(?:["\\bfnrt]|u(?!d[89a-f])[0-9a-f]{4})[ !#-\[\]-~]*+)*+"'
_CONTENT = re.compile(rf"\n    content: {_JSON_STRING}(?=\n)")


def check_document(text: str, name: str) -> None:
    """Check that ``text`` is a cloud-config of bakery's that DigitalOcean accepts. ``name`` names it in errors.

    Raises:
        RenderError: it is not. Except for the size, the cause is a defect of a template.
    """
    details = _defect(_shape(text))
    if details is not None:
        _refuse(name, details)
    _check_size(text, name)


def _shape(text: str) -> str:
    """Return ``text`` without comments and without the contents of files: the same for all nodes of a role.

    A content that is not a JSON string stays.
    """
    return _CONTENT.sub('\n    content: ""', _COMMENT.sub("", text))


@lru_cache(maxsize=64)
def _defect(shape: str) -> str | None:
    """Return what is wrong with a document of this shape, or None."""
    first, _, _ = shape.partition("\n")
    if first != FIRST_LINE:
        return f"its first line is not {FIRST_LINE}"
    try:
        document = yaml.load(shape, Loader=_LOADER)  # noqa: S506 - CSafeLoader
    except yaml.YAMLError:
        # No details: the error quotes the document, and the document may contain private keys.
        return "it is not YAML"
    if not isinstance(document, dict):
        return "it is not a mapping"
    return next(_defects(document), None)


def _defects(document: dict[str, Any]) -> Iterator[str]:
    if set(document) not in (KEYS, KEYS | {CREATES_FOLDERS}):
        yield f"its keys are {_names(document)} and not {_names(KEYS)}"
        return
    for entry in document["write_files"]:
        yield from _file_defects(entry)
    for command in document.get(CREATES_FOLDERS, ()):
        if command[:-1] != list(CREATE_FOLDER) or not is_created(command[-1]):
            yield f"it runs {command}"


def _file_defects(entry: dict[str, Any]) -> Iterator[str]:
    path, mode = entry.get("path"), entry.get("permissions")
    if set(entry) != FILE_KEYS:
        yield f"the entry for {path} has the keys {_names(entry)}"
    if not is_writable(str(path)):
        yield f"it writes {path}, which bakery does not write on a node"
    if not isinstance(mode, str) or not _MODE.match(mode):
        yield f"the permissions of {path} are {mode!r} and not a string such as '0640'"


def _check_size(text: str, name: str) -> None:
    size = len(text.encode())
    if size > MAX_USER_DATA:
        message = f"the user-data of {name} has {size} bytes, and DigitalOcean accepts at most {MAX_USER_DATA}"
        entries = yaml.load(text, Loader=_LOADER)["write_files"]  # noqa: S506 - CSafeLoader
        largest = max(entries, key=lambda entry: len(entry["content"]))
        hint = f"shorten {largest['path']}, its largest part with {len(largest['content'])} bytes; {_ADVICE}"
        raise RenderError(message=message, hint=hint)


def _names(keys: Iterable[str]) -> str:
    return ", ".join(sorted(map(str, keys)))


def _refuse(name: str, details: str) -> NoReturn:
    message = f"the user-data of {name} is not valid"
    raise RenderError(
        message=message, details=details, hint="this is a defect of bakery's templates; please report it"
    )
