"""The user's cache of tools. An entry is complete or does not exist.

``<cache>/<tool>/<version>-<key>/`` contains the program (or the members of a set) and ``tool.json``.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from bakery.errors import LockedError
from bakery.files import file_lock, file_sha256
from bakery.toolchain.model import CNI_PLUGINS, Origin, Tool, ToolName

RELEASE_KEY = "release-"
"""First part of the key of an unpacked release; the rest is its archive's SHA256."""
_LABEL = "tool.json"
_LOCK_SECONDS = (
    3600  # seconds; a cold build of the slowest tool takes minutes, so after an hour the other process hangs
)


def members(name: ToolName) -> tuple[str, ...]:
    """Return the names of the tool's files."""
    return CNI_PLUGINS if name is ToolName.CNI else (name.value,)


def sha256_of(name: ToolName, path: Path) -> str:
    """Return the hex digest of a program, or of the names and digests of a set's members."""
    if name is not ToolName.CNI:
        return file_sha256(path)
    lines = "".join(f"{file_sha256(path / member)}  {member}\n" for member in members(name))
    return hashlib.sha256(lines.encode()).hexdigest()


def find_cached(cache: Path, name: ToolName, version: str, *, release: str | None = None) -> Tool | None:
    """Return the newest cached tool of that version whose digest is unchanged; None if there is none.

    With ``release``, the key of one release, programs of other releases are passed over.
    """
    others = f"{version}-{RELEASE_KEY}"
    folders = [
        folder
        for folder in (cache / name).glob(f"{version}-*")
        if (folder / _LABEL).is_file()
        and (release is None or not folder.name.startswith(others) or folder.name == f"{version}-{release}")
    ]
    for folder in sorted(folders, key=lambda folder: (folder / _LABEL).stat().st_mtime, reverse=True):
        tool = _read(folder, name, version)
        if tool is not None:
            return tool
    return None


def find_by_key(cache: Path, name: ToolName, version: str, key: str) -> Tool | None:
    """Return the tool published under this key; None if there is none."""
    return _read(_folder(cache, name, version, key), name, version)


def publish(
    cache: Path, name: ToolName, version: str, *, key: str, origin: Origin, fill: Callable[[Path], None]
) -> Tool:
    """Call ``fill`` to write the tool's files into an empty folder, then make the folder visible in one step.

    Of several processes one calls ``fill``; the others return its result.

    Raises:
        LockedError: another process has held the lock for an hour.
    """
    (cache / name).mkdir(parents=True, exist_ok=True)
    lock = cache / name / f".{version}-{key}.lock"
    message = f"another process has been building {name} {version} for an hour"
    with file_lock(
        lock, seconds=_LOCK_SECONDS, busy=LockedError(message=message, hint=f"end it, or remove {lock}")
    ):
        found = find_by_key(cache, name, version, key)
        return found or _fill_and_rename(_folder(cache, name, version, key), name, version, origin, fill)


def _fill_and_rename(
    target: Path, name: ToolName, version: str, origin: Origin, fill: Callable[[Path], None]
) -> Tool:
    for left in [target, *target.parent.glob(f".{target.name}.tmp-*")]:
        shutil.rmtree(left, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.tmp-", dir=target.parent))
    try:
        fill(temporary)
        for member in members(name):
            (temporary / member).chmod(0o755)
        digest = sha256_of(name, _program(temporary, name))
        label = {"version": version, "origin": origin.value, "sha256": digest}
        (temporary / _LABEL).write_text(json.dumps(label), encoding="utf-8")
        temporary.chmod(0o755)
        temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return Tool(name=name, version=version, path=_program(target, name), sha256=digest, origin=origin)


def _read(folder: Path, name: ToolName, version: str) -> Tool | None:
    try:
        label = json.loads((folder / _LABEL).read_text(encoding="utf-8"))
        path = _program(folder, name)
        digest = sha256_of(name, path)
        if (label["sha256"], label["version"]) != (digest, version):
            return None
        return Tool(name=name, version=version, path=path, sha256=digest, origin=Origin(label["origin"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _program(folder: Path, name: ToolName) -> Path:
    return folder if name is ToolName.CNI else folder / name


def _folder(cache: Path, name: ToolName, version: str, key: str) -> Path:
    return cache / name / f"{version}-{key}"
