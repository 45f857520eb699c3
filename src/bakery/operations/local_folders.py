"""The folders that bakery keeps on this machine outside of clusters: caches, records of bakes, logs."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs

from bakery.bake.sweep import lock
from bakery.errors import LockedError
from bakery.hints import Command, Hint, Text

MEANINGS = {
    "toolchain": "programs; downloaded again when they are needed",
    "bases": "base images of the emulator; built again when they are needed",
    "completion": "words for the shell's completion; asked again",
    "builds": "logs of bakes",
    "log": "reports of unexpected errors",
    "emulator": "locks of emulators that were taken down",
}
"""By the name of the folder."""
EMULATORS = "emulator"
"""Name of the folder of all emulators."""


@dataclass(frozen=True, kw_only=True)
class LocalFolder:
    """A folder of bakery's."""

    name: str
    meaning: str
    path: Path
    bytes: int
    """What its files hold together."""
    kept: Text | None = None
    """Why it is not deleted; None if it may be."""


def find_local_folders(emulators: Mapping[str, Path], *, boots: bool) -> tuple[LocalFolder, ...]:
    """Return bakery's folders in the user's cache, state and data folders.

    ``emulators`` has the folder of each emulator that was not taken down, by name. ``boots`` is whether one of
    them has droplets that boot: they run from the base images.
    """
    caches = [_folder(path) for path in _children(Path(platformdirs.user_cache_dir("bakery")))]
    if boots:
        why = Hint("droplets run from them: ", Command("emulator list"))
        caches = [replace(folder, kept=why) if folder.name == "bases" else folder for folder in caches]
    # On macOS the folder of the state is that of the data, with the emulators in it.
    states = [_folder(path) for path in _children(Path(platformdirs.user_state_dir("bakery")))]
    states = [folder for folder in states if folder.name != EMULATORS]
    states = [
        replace(folder, kept=_use_of_builds(folder.path)) if folder.name == "builds" else folder
        for folder in states
    ]
    locks = Path(platformdirs.user_data_dir("bakery")) / EMULATORS
    ended = [_folder(locks)] if locks.is_dir() and not any(_children(locks)) else []
    return (*caches, *states, *ended, *(_emulator(name, path) for name, path in sorted(emulators.items())))


def folder_of_state(path: Path, cluster: str) -> LocalFolder:
    """Return the state folder of a cluster."""
    meaning = f"credentials of the cluster {cluster}: without them it cannot be administered"
    return LocalFolder(name=cluster, meaning=meaning, path=path, bytes=_size(path))


def delete_folders(folders: tuple[LocalFolder, ...]) -> None:
    """Delete the folders that are not kept. Raises OSError for one that cannot be deleted."""
    for folder in folders:
        if folder.kept is None:
            shutil.rmtree(folder.path)


def _children(parent: Path) -> Iterator[Path]:
    return (path for path in sorted(parent.glob("*")) if path.is_dir() and not path.is_symlink())


def _folder(path: Path) -> LocalFolder:
    meaning = MEANINGS.get(path.name, "made again when it is needed")
    return LocalFolder(name=path.name, meaning=meaning, path=path, bytes=_size(path))


def _emulator(name: str, path: Path) -> LocalFolder:
    down = Command("emulator down", "--name", name)
    return LocalFolder(name=f"emulator {name}", meaning="droplets", path=path, bytes=_size(path), kept=down)


def _use_of_builds(folder: Path) -> Text | None:
    """Return why the records of bakes are needed: a bake runs, or a killed one left resources in an account."""
    try:
        with lock(folder):
            killed = any(folder.glob("*.build"))
    except LockedError:
        return "an image is being baked"
    return Hint("a killed bake left resources in the account: ", Command("gc", "--delete")) if killed else None


def _size(path: Path) -> int:
    """Return the bytes of all files below ``path``; a file that is deleted meanwhile has none."""
    total = 0
    for folder, _, files in os.walk(path):
        for file in files:
            with suppress(OSError):
                total += (Path(folder) / file).lstat().st_size
    return total
