"""Parse rendered user-data and check it before a droplet is created with it."""

import re
from collections.abc import Iterable
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


def check_document(text: str, name: str) -> None:
    """Check that ``text`` is a cloud-config of bakery's that DigitalOcean accepts. ``name`` names it in errors.

    Raises:
        RenderError: it is not. Except for the size, the cause is a defect of a template.
    """
    if text.splitlines()[0] != FIRST_LINE:
        _refuse(name, f"its first line is not {FIRST_LINE}")
    document = _parse(text, name)
    if set(document) not in (KEYS, KEYS | {CREATES_FOLDERS}):
        _refuse(name, f"its keys are {_names(document)} and not {_names(KEYS)}")
    for entry in document["write_files"]:
        _check_file(entry, name)
    for command in document.get(CREATES_FOLDERS, ()):
        if command[:-1] != list(CREATE_FOLDER) or not is_created(command[-1]):
            _refuse(name, f"it runs {command}")
    _check_size(text, document["write_files"], name)


def _check_size(text: str, entries: list[dict[str, str]], name: str) -> None:
    size = len(text.encode())
    if size > MAX_USER_DATA:
        message = f"the user-data of {name} has {size} bytes, and DigitalOcean accepts at most {MAX_USER_DATA}"
        largest = max(entries, key=lambda entry: len(entry["content"]))
        hint = f"shorten {largest['path']}, its largest part with {len(largest['content'])} bytes; {_ADVICE}"
        raise RenderError(message=message, hint=hint)


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        document = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader, either of them
    except yaml.YAMLError:
        # No details: the error quotes the document, and the document contains private keys.
        _refuse(name, "it is not YAML")
    if not isinstance(document, dict):
        _refuse(name, "it is not a mapping")
    return document


def _check_file(entry: dict[str, Any], name: str) -> None:
    path = entry.get("path")
    if set(entry) != FILE_KEYS:
        _refuse(name, f"the entry for {path} has the keys {_names(entry)}")
    if not is_writable(str(path)):
        _refuse(name, f"it writes {path}, which bakery does not write on a node")
    mode = entry["permissions"]
    if not isinstance(mode, str) or not _MODE.match(mode):
        _refuse(name, f"the permissions of {path} are {mode!r} and not a string such as '0640'")


def _names(keys: Iterable[str]) -> str:
    return ", ".join(sorted(map(str, keys)))


def _refuse(name: str, details: str) -> NoReturn:
    message = f"the user-data of {name} is not valid"
    raise RenderError(
        message=message, details=details, hint="this is a defect of bakery's templates; please report it"
    )
