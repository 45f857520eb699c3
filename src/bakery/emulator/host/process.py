"""A process that the emulator has started, and how it is ended with all of its children."""

from typing import Protocol

from bakery.emulator.host import cgroups


class Process(Protocol):
    """The part of the result of :func:`bakery.proc.start` that is used here."""

    @property
    def pid(self) -> int: ...

    def kill(self) -> None: ...

    def wait(self) -> int: ...


def end(process: Process | None, cgroup: str) -> None:
    """Kill a process and everything it started; a guest's PID 1 survives the death of nspawn."""
    if process is not None:
        process.kill()  # first the process itself: it may not have joined its cgroup yet
        process.wait()
    cgroups.remove(cgroup)
