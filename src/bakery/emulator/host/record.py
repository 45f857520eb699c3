"""Lists every resource of the emulator on this machine before it is created, and removes them again."""

import json
import os
import threading
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from bakery.emulator.host import cgroups, nspawn_leftovers
from bakery.proc import run


class ResourceKind(Enum):
    """The kinds of resources that outlive the process that created them."""

    FOLDER = "folder"
    """An absolute path."""
    NAMESPACE = "namespace"
    """A network namespace's name in /run/netns."""
    LINK = "link"
    """A network interface of the host."""
    MOUNT = "mount"
    """A mounted folder that is unmounted once it is empty."""
    NSPAWN = "nspawn"
    """Leftovers of systemd-nspawn in /run: the machine's name, a colon, the inode of its root."""
    CGROUP = "cgroup"
    """A path below the root of every cgroup hierarchy; its processes belong to the emulator."""


@dataclass(frozen=True, kw_only=True)
class HostResource:
    """One resource on this machine, by kind and name."""

    kind: ResourceKind
    name: str


class ResourceRecord:
    """An append-only file of created and removed resources; a crash at any point leaves it readable."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def will_make(self, kind: ResourceKind, name: str) -> None:
        """Record a resource before it is created; it is on disk when this returns."""
        self._append("made", HostResource(kind=kind, name=name))

    def gone(self, kind: ResourceKind, name: str) -> None:
        """Record that a resource has been removed."""
        self._append("gone", HostResource(kind=kind, name=name))

    def resources(self) -> tuple[HostResource, ...]:
        """Return the resources that may still exist, oldest first."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return ()
        return parse(lines)

    def remove_all(self) -> tuple[HostResource, ...]:
        """Remove all resources, newest first, and return those that existed.

        Raises:
            DeadlineError: a process of the emulator does not end.
            CommandError: the kernel refuses to remove a namespace or a link.
        """
        removed = []
        for resource in reversed(self.resources()):
            if self._is_ours(resource) and remove(resource):
                removed.append(resource)
            self.gone(resource.kind, resource.name)
        return tuple(removed)

    def clear(self) -> None:
        """Delete the file; only after :meth:`remove_all`."""
        self._path.unlink(missing_ok=True)

    def _is_ours(self, resource: HostResource) -> bool:
        """Return False for a folder outside the record's own, in case the file was changed."""
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
    """Return the resources that were created and not removed, oldest first.

    An incomplete line is skipped: its resource was not created.
    """
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
    """Return whether the resource exists now."""
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
    """Remove one resource; return False if it did not exist."""
    if not exists(resource):
        return False
    match resource.kind:
        case ResourceKind.FOLDER:
            run(["rm", "-rf", "--one-file-system", "--", resource.name], seconds=300)
        case ResourceKind.NAMESPACE:
            run(["ip", "netns", "delete", resource.name])
        case ResourceKind.LINK:
            # A veth disappears with the namespace of its other end, also between this check and the command.
            run(["ip", "link", "delete", "dev", resource.name], check=exists(resource))
        case ResourceKind.MOUNT:
            run(["umount", resource.name])
        case ResourceKind.NSPAWN:
            nspawn_leftovers.remove(resource.name)
        case ResourceKind.CGROUP:
            cgroups.remove(resource.name)
    return True
