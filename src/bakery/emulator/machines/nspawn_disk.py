"""Droplets' disks: one overlay per droplet; a snapshot is a layer below the disks of other droplets."""

import json
import re
import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bakery.emulator.machines.interface import MachineFailure
from bakery.emulator.machines.nspawn_seed import SEED
from bakery.files import ensure_private_folder, write_atomically
from bakery.proc import run

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_COPY_SECONDS = 600
LAYERS = "layers.json"


@dataclass(frozen=True, kw_only=True)
class Disk:
    """The folders of one droplet. ``lower`` has the newest layer first, as overlay expects."""

    folder: Path
    lower: tuple[Path, ...]

    @property
    def root(self) -> Path:
        """The mount point of the overlay, in the machine's own mount namespace."""
        return self.folder / "root"

    @property
    def upper(self) -> Path:
        """The files that the droplet has written."""
        return self.folder / "upper"

    @property
    def work(self) -> Path:
        """Overlay's work folder."""
        return self.folder / "work"

    @property
    def docker(self) -> Path:
        """/var/lib/docker: docker cannot put its overlay on an overlay."""
        return self.folder / "docker"

    @property
    def modules(self) -> Path:
        """Mounted as the kernel's folder of modules, if the image has none."""
        return self.folder / "modules"

    def mount_options(self) -> str:
        """Return the options of ``mount -t overlay``."""
        lower = ":".join(_escape(path) for path in self.lower)
        return f"lowerdir={lower},upperdir={_escape(self.upper)},workdir={_escape(self.work)}"

    def note_layers(self) -> None:
        """Save the list of layers, for an emulator that is resumed."""
        (self.folder / LAYERS).write_text(json.dumps([str(path) for path in self.lower]), encoding="utf-8")

    def make(self) -> None:
        """Create the folders, empty."""
        ensure_private_folder(self.folder)
        for folder in (self.root, self.upper, self.work):
            folder.mkdir(mode=0o755)  # the guest's / has the upper folder's mode
        self.docker.mkdir(mode=0o710)

    def wipe(self) -> None:
        """Delete the folders with their content."""
        run(["rm", "-rf", "--one-file-system", "--", self.folder], seconds=_COPY_SECONDS)


def find_disk(folder: Path) -> Disk | None:
    """Return the disk in a droplet's folder from its saved list of layers; None if it cannot be read."""
    try:
        lower = json.loads((folder / LAYERS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return Disk(folder=folder, lower=tuple(Path(path) for path in lower))


class Snapshots:
    """Snapshots by key, each a layer on top of the layers of its droplet.

    A layer is deleted with the last droplet or snapshot that needs it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._layers: dict[str, tuple[Path, ...]] = {}
        self._users: dict[str, tuple[Path, ...]] = {}

    def layers(self, key: str) -> tuple[Path, ...] | None:
        """Return the layers of a snapshot, newest first; None if the key is unknown."""
        with self._lock:
            return self._layers.get(key)

    def use(self, user: str, layers: tuple[Path, ...]) -> None:
        """Keep the layers until ``user`` releases them."""
        with self._lock:
            self._users[user] = layers

    def release(self, user: str) -> None:
        """Delete the layers of ``user`` that nothing else needs."""
        with self._lock:
            self._users.pop(user, None)
            self._collect()

    def add(self, key: str, disk: Disk) -> int:
        """Copy the files that the droplet has written to a new layer; return its size in bytes.

        Raises:
            MachineFailure: the key is taken or cannot be a file name.
        """
        if not _KEY.fullmatch(key) or self.layers(key) is not None:
            message = f"the key {key!r} of a snapshot is taken, or cannot be a file name"
            raise MachineFailure(message)
        ensure_private_folder(self._folder)
        layer, half = self._folder / key, self._folder / f".{key}.half"
        run(["cp", "-a", "--reflink=auto", disk.upper, half], seconds=_COPY_SECONDS)
        shutil.rmtree(half / SEED, ignore_errors=True)
        half.rename(layer)
        with self._lock:
            self._layers[key] = (layer, *disk.lower)
            self._note()
        return _size(layer)

    def adopt(self) -> None:
        """Take over the snapshots that another emulator has left in the folder."""
        with suppress(OSError, ValueError):
            noted = json.loads((self._folder / LAYERS).read_text(encoding="utf-8"))
            with self._lock:
                self._layers = {key: tuple(Path(path) for path in paths) for key, paths in noted.items()}

    def delete(self, key: str) -> None:
        """Delete the snapshot, and its layer if nothing needs it."""
        with self._lock:
            self._layers.pop(key, None)
            self._note()
            self._collect()

    def _note(self) -> None:
        ensure_private_folder(self._folder)
        noted = {key: [str(path) for path in paths] for key, paths in self._layers.items()}
        write_atomically(self._folder / LAYERS, json.dumps(noted).encode())

    def _collect(self) -> None:
        needed = {path for layers in [*self._layers.values(), *self._users.values()] for path in layers}
        if not self._folder.is_dir():
            return
        for layer in self._folder.iterdir():
            if layer not in needed and layer.is_dir() and not layer.name.startswith("."):
                run(["rm", "-rf", "--one-file-system", "--", layer], seconds=_COPY_SECONDS)


def _size(folder: Path) -> int:
    return int(run(["du", "-s", "--block-size=1", folder], seconds=_COPY_SECONDS).stdout.split()[0])


def _escape(path: Path) -> str:
    # Documentation/filesystems/overlayfs.rst: ":" separates lower layers, "," mount options, "\" escapes.
    return re.sub(r"([\\:,])", r"\\\1", str(path))
