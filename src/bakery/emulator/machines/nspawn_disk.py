"""Droplets' disks: an overlay per droplet, and snapshots as layers that others start from."""

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
    """The folders of one droplet. ``lower`` is newest first, as overlay wants it."""

    folder: Path
    lower: tuple[Path, ...]

    @property
    def root(self) -> Path:
        """Where the overlay is mounted, in the machine's own mount namespace."""
        return self.folder / "root"

    @property
    def upper(self) -> Path:
        """What the droplet has written."""
        return self.folder / "upper"

    @property
    def work(self) -> Path:
        """overlay's own."""
        return self.folder / "work"

    @property
    def docker(self) -> Path:
        """/var/lib/docker: docker cannot put its overlay on an overlay."""
        return self.folder / "docker"

    @property
    def modules(self) -> Path:
        """What stands for the kernel's folder of modules, where the image has none."""
        return self.folder / "modules"

    def mount_options(self) -> str:
        """The options of ``mount -t overlay``."""
        lower = ":".join(_escape(path) for path in self.lower)
        return f"lowerdir={lower},upperdir={_escape(self.upper)},workdir={_escape(self.work)}"

    def note_layers(self) -> None:
        """Write down what the disk stands on, for an emulator that goes on."""
        (self.folder / LAYERS).write_text(json.dumps([str(path) for path in self.lower]), encoding="utf-8")

    def make(self) -> None:
        """Make the folders, empty."""
        ensure_private_folder(self.folder)
        for folder in (self.root, self.upper, self.work):
            folder.mkdir(mode=0o755)  # the guest's / has the upper folder's mode
        self.docker.mkdir(mode=0o710)

    def wipe(self) -> None:
        """Remove them with all that is in them."""
        run(["rm", "-rf", "--one-file-system", "--", self.folder], seconds=_COPY_SECONDS)


def find_disk(folder: Path) -> Disk | None:
    """The disk in a droplet's folder, from what was noted there."""
    try:
        lower = json.loads((folder / LAYERS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return Disk(folder=folder, lower=tuple(Path(path) for path in lower))


class Snapshots:
    """Snapshots by key, each a layer upon the layers its droplet was made from.

    Kept until the last droplet or snapshot that needs the layer is gone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._layers: dict[str, tuple[Path, ...]] = {}
        self._users: dict[str, tuple[Path, ...]] = {}

    def layers(self, key: str) -> tuple[Path, ...] | None:
        """The layers of a snapshot, newest first, or None."""
        with self._lock:
            return self._layers.get(key)

    def use(self, user: str, layers: tuple[Path, ...]) -> None:
        """Keep the layers as long as ``user`` is there."""
        with self._lock:
            self._users[user] = layers

    def release(self, user: str) -> None:
        """``user`` is gone."""
        with self._lock:
            self._users.pop(user, None)
            self._collect()

    def add(self, key: str, disk: Disk) -> int:
        """Copy what the droplet has written; returns the layer's size in bytes.

        Raises:
            MachineFailure: the key is taken or cannot be a file name.
        """
        if not _KEY.fullmatch(key) or self.layers(key) is not None:
            message = f"no snapshot can be kept under the key {key!r}"
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
        """Have the snapshots that another emulator has left in the folder."""
        with suppress(OSError, ValueError):
            noted = json.loads((self._folder / LAYERS).read_text(encoding="utf-8"))
            with self._lock:
                self._layers = {key: tuple(Path(path) for path in paths) for key, paths in noted.items()}

    def delete(self, key: str) -> None:
        """Forget the key, and remove the layer if nothing needs it."""
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
