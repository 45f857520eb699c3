"""Cgroups of droplets, one in every hierarchy: to find, limit and end their processes."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bakery.emulator.host.failure import MachineFailure
from bakery.wait import Pending, wait_until

KILL_SECONDS = 30.0
FREEZE_SECONDS = 10.0
PREFIX = "bakery-"


@dataclass(frozen=True, kw_only=True)
class Hierarchy:
    """A mounted cgroup hierarchy; ``unified`` means version 2."""

    mount: Path
    unified: bool
    controllers: tuple[str, ...] = ()


def parse_mountinfo(text: str) -> tuple[Hierarchy, ...]:
    """Return the cgroup hierarchies in the text of ``/proc/self/mountinfo`` (proc(5))."""
    found: dict[Path, Hierarchy] = {}
    for line in text.splitlines():
        left, _, right = line.partition(" - ")  # after it: type, source, options
        mount = Path(left.split()[4])
        kind, _, options = right.split(maxsplit=2)
        if kind in {"cgroup", "cgroup2"}:
            controllers = tuple(options.split(","))
            found[mount] = Hierarchy(mount=mount, unified=kind == "cgroup2", controllers=controllers)
    return tuple(found.values())


def hierarchies() -> tuple[Hierarchy, ...]:
    """Return the hierarchies of this machine."""
    return parse_mountinfo(Path("/proc/self/mountinfo").read_text(encoding="utf-8"))


def make(name: str, *, memory: int | None = None) -> tuple[Path, ...]:
    """Create the cgroup ``name`` in every hierarchy and return its folders; ``memory`` is its limit in MB."""
    folders = []
    for hierarchy in hierarchies():
        folder = hierarchy.mount
        for part in Path(name).parts:
            folder = folder / part
            folder.mkdir(exist_ok=True)
            _inherit_cpuset(folder)
        if memory is not None:
            _limit_memory(folder, memory * 1024 * 1024)
        folders.append(folder)
    return tuple(folders)


def give_cpu(name: str, share: float) -> None:
    """Give the cgroup's processes that share of CPU time, relative to the default share of a cgroup, 1.

    Nothing happens if the cgroup does not exist, or if no hierarchy controls CPU time.
    Source: cpu.shares (version 1), cpu.weight (version 2, Documentation/admin-guide/cgroup-v2.rst).
    """
    for hierarchy in hierarchies():
        for file, default in (("cpu.shares", 1024), ("cpu.weight", 100)):
            found = hierarchy.mount / name / file
            with suppress(OSError):
                if found.exists():
                    found.write_text(str(max(round(default * share), 1)), encoding="ascii")


def exists(name: str) -> bool:
    """Return whether any hierarchy has the cgroup. Raises ValueError for a name that is not the emulator's."""
    if not name.startswith(PREFIX) or ".." in Path(name).parts:
        message = f"{name!r} is not a cgroup of the emulator's"
        raise ValueError(message)  # an empty name would be the whole machine
    return any((hierarchy.mount / name).is_dir() for hierarchy in hierarchies())


def members(name: str) -> set[int]:
    """Return the pids in the cgroup and below it, in all hierarchies."""
    pids: set[int] = set()
    if not exists(name):
        return pids
    for hierarchy in hierarchies():
        for folder in _folders(hierarchy.mount / name):
            with suppress(OSError):
                text = (folder / "cgroup.procs").read_text(encoding="ascii")
                pids |= {int(pid) for pid in text.split()}
    return pids


def kill(name: str) -> None:
    """Send SIGKILL to every process in the cgroup until none is left.

    Raises:
        DeadlineError: some processes do not end; the error names them.
    """
    wait_until(lambda: _killed(name), what=f"the processes of {name} to end", seconds=KILL_SECONDS, every=0.02)


@contextmanager
def frozen(name: str) -> Iterator[None]:
    """Freeze the cgroup while the block runs.

    Raises:
        DeadlineError: the kernel did not freeze it in time.
    """
    file, stop, go = _freezer(name)
    file.write_text(stop, encoding="ascii")
    try:
        wait_until(
            lambda: True if _is_frozen(file) else Pending(f"{file} shows that it still runs"),
            what=f"{name} to be frozen",
            seconds=FREEZE_SECONDS,
            every=0.005,
        )
        yield
    finally:
        file.write_text(go, encoding="ascii")


def _freezer(name: str) -> tuple[Path, str, str]:
    """Return the freezer's file, and the values that freeze and thaw.

    Version 2 comes first, because SIGKILL ends its frozen processes.
    """
    for hierarchy in sorted(hierarchies(), key=lambda each: not each.unified):
        for file, stop, go in (("cgroup.freeze", "1", "0"), ("freezer.state", "FROZEN", "THAWED")):
            found = hierarchy.mount / name / file
            if found.exists():
                return found, stop, go
    message = "this machine's control groups have no freezer"
    raise MachineFailure(message)


def _is_frozen(file: Path) -> bool:
    if file.name == "freezer.state":
        return file.read_text(encoding="ascii").strip() == "FROZEN"
    return "frozen 1" in file.with_name("cgroup.events").read_text(encoding="ascii")


def remove(name: str) -> None:
    """Kill the processes of the cgroup and remove it from every hierarchy."""
    kill(name)
    wait_until(lambda: _removed(name), what=f"the cgroup {name} to be removed", seconds=KILL_SECONDS, every=0.02)


def memory_in_use(name: str) -> int:
    """Return the bytes that its processes use, with the page cache of their files; 0 if there is no cgroup."""
    for hierarchy in hierarchies():
        for file in ("memory.usage_in_bytes", "memory.current"):
            with suppress(OSError):
                return int((hierarchy.mount / name / file).read_text(encoding="ascii"))
    return 0


def guest_init(name: str) -> int | None:
    """Return the host's pid of the guest's PID 1, or None if the guest does not run."""
    for pid in sorted(members(name)):
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
                if line.startswith("NSpid:") and line.split()[2:] == ["1"]:
                    return pid
    return None


def _killed(name: str) -> bool | Pending:
    left = members(name)
    _thaw(name)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if left:
        return Pending(f"still there: {', '.join(str(pid) for pid in sorted(left))}")
    return True


def _folders(top: Path) -> list[Path]:
    """Return the cgroup and all below it, parents first; os.walk skips those that a guest removes meanwhile."""
    return [Path(path) for path, _, _ in os.walk(top)]


def _thaw(name: str) -> None:
    # Processes in a frozen version 1 cgroup do not die. A crash during a snapshot, or a guest, can freeze one.
    for hierarchy in hierarchies():
        for folder in _folders(hierarchy.mount / name):
            if (folder / "freezer.state").exists():
                with suppress(OSError):
                    (folder / "freezer.state").write_text("THAWED", encoding="ascii")


def _removed(name: str) -> bool | Pending:
    _killed(name)  # a process that moved to another cgroup meanwhile may have been missed
    for hierarchy in hierarchies():
        top = hierarchy.mount / name
        for folder in reversed(_folders(top)):
            _rmdir(folder)
        if top != hierarchy.mount:
            _remove_empty_parents(top, hierarchy.mount)
    return True if not exists(name) else Pending("the kernel says it is busy")


def _remove_empty_parents(folder: Path, top: Path) -> None:
    for parent in folder.parents:
        if parent == top:
            return
        _rmdir(parent)


def _rmdir(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _inherit_cpuset(folder: Path) -> None:
    # cpuset(7): a new version 1 cpuset is empty, and no process may join it until both files are set.
    for name in ("cpuset.cpus", "cpuset.mems"):
        own = folder / name
        with suppress(OSError):
            if own.exists() and not own.read_text(encoding="ascii").strip():
                own.write_text((folder.parent / name).read_text(encoding="ascii"), encoding="ascii")


def _limit_memory(folder: Path, limit: int) -> None:
    for name in ("memory.limit_in_bytes", "memory.max"):
        with suppress(OSError):
            if (folder / name).exists():
                (folder / name).write_text(str(limit), encoding="ascii")
