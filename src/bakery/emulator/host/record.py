"""Writes down everything the emulator makes before it is made, and takes it all away again."""

import json
import os
import threading
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from bakery.emulator.host import cgroups, nspawn_leftovers
from bakery.proc import run


class ResourceKind(Enum):
    """The sorts of resources that outlive a process that made them."""

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
class HostResource:
    """One resource on the machine, by the name under which it can be found again."""

    kind: ResourceKind
    name: str


class ResourceRecord:
    """An append-only file of resources made and resources gone; safe to read after a crash at any point."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def will_make(self, kind: ResourceKind, name: str) -> None:
        """To be called before the resource is made; on disk when it returns."""
        self._append("made", HostResource(kind=kind, name=name))

    def gone(self, kind: ResourceKind, name: str) -> None:
        """To be called after the resource is gone."""
        self._append("gone", HostResource(kind=kind, name=name))

    def resources(self) -> tuple[HostResource, ...]:
        """What may still exist, oldest first."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return ()
        return parse(lines)

    def remove_all(self) -> tuple[HostResource, ...]:
        """Take away what is left, newest first, and return what had to be taken away.

        Raises:
            DeadlineError: a process of ours does not die.
            CommandError: the kernel refuses to give a namespace or a link back.
        """
        removed = []
        for resource in reversed(self.resources()):
            if self._is_ours(resource) and remove(resource):
                removed.append(resource)
            self.gone(resource.kind, resource.name)
        return tuple(removed)

    def clear(self) -> None:
        """Start an empty file; only after :meth:`remove_all`."""
        self._path.unlink(missing_ok=True)

    def _is_ours(self, resource: HostResource) -> bool:
        """A folder is removed only below the record's own, whatever somebody wrote into the file."""
        return resource.kind is not ResourceKind.FOLDER or self._path.parent in Path(resource.name).parents

    def _append(self, event: str, resource: HostResource) -> None:
        line = json.dumps({"event": event, "kind": resource.kind.value, "name": resource.name}) + "\n"
        with self._lock:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, line.encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def parse(lines: list[str]) -> tuple[HostResource, ...]:
    """The resources made and not gone, oldest first. A torn line was never acted upon, so it is skipped."""
    left: dict[HostResource, None] = {}
    for line in lines:
        try:
            entry = json.loads(line)
            resource = HostResource(kind=ResourceKind(entry["kind"]), name=entry["name"])
            made = entry["event"] == "made"
        except (ValueError, KeyError, TypeError):
            continue
        left.pop(resource, None)
        if made:
            left[resource] = None
    return tuple(left)


def exists(resource: HostResource) -> bool:
    """Whether it is there now."""
    match resource.kind:
        case ResourceKind.FOLDER:
            return Path(resource.name).exists()
        case ResourceKind.NAMESPACE:
            return Path("/run/netns", resource.name).exists()
        case ResourceKind.LINK:
            return Path("/sys/class/net", resource.name).exists()
        case ResourceKind.MOUNT:
            return Path(resource.name).is_mount() and not any(Path(resource.name).iterdir())
        case ResourceKind.NSPAWN:
            return bool(nspawn_leftovers.find(resource.name))
        case ResourceKind.CGROUP:
            return cgroups.exists(resource.name)


def remove(resource: HostResource) -> bool:
    """Take one resource away; False if it was not there."""
    if not exists(resource):
        return False
    match resource.kind:
        case ResourceKind.FOLDER:
            run(["rm", "-rf", "--one-file-system", "--", resource.name], seconds=300)
        case ResourceKind.NAMESPACE:
            run(["ip", "netns", "delete", resource.name])
        case ResourceKind.LINK:
            # A veth whose other end went with its namespace may vanish between the look and the command.
            run(["ip", "link", "delete", "dev", resource.name], check=exists(resource))
        case ResourceKind.MOUNT:
            run(["umount", resource.name])
        case ResourceKind.NSPAWN:
            nspawn_leftovers.remove(resource.name)
        case ResourceKind.CGROUP:
            cgroups.remove(resource.name)
    return True
