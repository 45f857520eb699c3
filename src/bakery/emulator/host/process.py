"""A process that the emulator has started, and how it is ended with all of its children."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from bakery.emulator.host import cgroups
from bakery.proc import run

PROC = Path("/proc/self")


class Process(Protocol):
    """The part of the result of :func:`bakery.proc.start` that is used here."""

    @property
    def pid(self) -> int: ...

    def kill(self) -> None:
        """Send SIGKILL."""

    def wait(self) -> int:
        """Wait for its end and return its exit code."""


def end(process: Process | None, cgroup: str) -> None:
    """Kill a process and everything it started; a guest's PID 1 survives the death of nspawn."""
    if process is not None:
        process.kill()  # first the process itself: it may not have joined its cgroup yet
        process.wait()
    cgroups.remove(cgroup)


def start_time(pid: int) -> int | None:
    """Return when a process started, in clock ticks after boot (proc(5), stat, field 22); None if it has ended.

    macOS has no /proc: there it is in seconds after 1970.
    """
    if not PROC.exists():
        return start_time_from_ps(pid)
    with suppress(OSError):
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        words = text.rpartition(")")[2].split()
        # When only its first thread has ended, a process is shown as a zombie, but still holds its sockets.
        ended = words[0] in {"Z", "X"} and len(list(Path(f"/proc/{pid}/task").iterdir())) <= 1
        return None if ended else int(words[19])
    return None


def start_time_from_ps(pid: int) -> int | None:
    """Return the same from ps(1), in seconds after 1970: ``lstart`` is like "Sun Nov 29 06:12:31 2026"."""
    done = run(["ps", "-o", "state=", "-o", "lstart=", "-p", str(pid)], check=False)
    state, _, started = done.stdout.strip().partition(" ")
    if done.returncode != 0 or state.startswith(("Z", "X")):
        return None
    return int(time.mktime(time.strptime(started.strip(), "%a %b %d %H:%M:%S %Y")))
