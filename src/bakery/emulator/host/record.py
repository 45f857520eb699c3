"""Writes down everything the emulator makes before it is made, and takes it all away again."""

import json
import os
import threading
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from bakery.emulator.host import cgroups, nspawn_leftovers
from bakery.proc import run


class Kind(Enum):
    """The sorts of things that outlive a process that made them."""

    FOLDER = "folder"
    """An absolute path."""
    NAMESPACE = "namespace"
    """A network namespace's name in /run/netns."""
    LINK = "link"
    """A network interface of the host."""
    MOUNT = "mount"
    """A mounted folder that is given back once it is empty."""
    NSPAWN = "nspawn"
    """What systemd-nspawn leaves in /run: the machine's name, a colon, the inode of its root."""
    CGROUP = "cgroup"
    """A path below the root of every cgroup hierarchy; its processes are ours."""


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One thing on the machine, by the name under which it can be found again."""

    kind: Kind
    name: str


class Record:
    """An append-only file of things made and things gone; safe to read after a crash at any point."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def will_make(self, kind: Kind, name: str) -> None:
        """To be called before the thing is made; on disk when it returns."""
        self._append("made", Thing(kind=kind, name=name))

    def gone(self, kind: Kind, name: str) -> None:
        """To be called after the thing is gone."""
        self._append("gone", Thing(kind=kind, name=name))

    def things(self) -> tuple[Thing, ...]:
        """What may still exist, oldest first."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return ()
        return parse(lines)

    def remove_all(self) -> tuple[Thing, ...]:
        """Take away what is left, newest first, and return what had to be taken away.

        Raises:
            DeadlineError: a process of ours does not die.
            CommandError: the kernel refuses to give a namespace or a link back.
        """
        removed = []
        for thing in reversed(self.things()):
            if self._is_ours(thing) and remove(thing):
                removed.append(thing)
            self.gone(thing.kind, thing.name)
        return tuple(removed)

    def clear(self) -> None:
        """Start an empty file; only after :meth:`remove_all`."""
        self._path.unlink(missing_ok=True)

    def _is_ours(self, thing: Thing) -> bool:
        """A folder is removed only below the record's own, whatever somebody wrote into the file."""
        return thing.kind is not Kind.FOLDER or self._path.parent in Path(thing.name).parents

    def _append(self, event: str, thing: Thing) -> None:
        line = json.dumps({"event": event, "kind": thing.kind.value, "name": thing.name}) + "\n"
        with self._lock:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, line.encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def parse(lines: list[str]) -> tuple[Thing, ...]:
    """The things made and not gone, oldest first. A torn line was never acted upon, so it is skipped."""
    left: dict[Thing, None] = {}
    for line in lines:
        try:
            entry = json.loads(line)
            thing = Thing(kind=Kind(entry["kind"]), name=entry["name"])
            made = entry["event"] == "made"
        except (ValueError, KeyError, TypeError):
            continue
        left.pop(thing, None)
        if made:
            left[thing] = None
    return tuple(left)


def exists(thing: Thing) -> bool:
    """Whether it is there now."""
    match thing.kind:
        case Kind.FOLDER:
            return Path(thing.name).exists()
        case Kind.NAMESPACE:
            return Path("/run/netns", thing.name).exists()
        case Kind.LINK:
            return Path("/sys/class/net", thing.name).exists()
        case Kind.MOUNT:
            return Path(thing.name).is_mount() and not any(Path(thing.name).iterdir())
        case Kind.NSPAWN:
            return bool(nspawn_leftovers.find(thing.name))
        case Kind.CGROUP:
            return cgroups.exists(thing.name)


def remove(thing: Thing) -> bool:
    """Take one thing away; False if it was not there."""
    if not exists(thing):
        return False
    match thing.kind:
        case Kind.FOLDER:
            run(["rm", "-rf", "--one-file-system", "--", thing.name], seconds=300)
        case Kind.NAMESPACE:
            run(["ip", "netns", "delete", thing.name])
        case Kind.LINK:
            # A veth whose other end went with its namespace may vanish between the look and the command.
            run(["ip", "link", "delete", "dev", thing.name], check=exists(thing))
        case Kind.MOUNT:
            run(["umount", thing.name])
        case Kind.NSPAWN:
            nspawn_leftovers.remove(thing.name)
        case Kind.CGROUP:
            cgroups.remove(thing.name)
    return True
