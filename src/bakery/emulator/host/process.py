"""A process that the emulator has started, and its end with everything it started in turn."""

from typing import Protocol

from bakery.emulator.host import cgroups


class Process(Protocol):
    """What :func:`bakery.proc.start` returns, as far as it is needed here."""

    @property
    def pid(self) -> int: ...

    def kill(self) -> None: ...

    def wait(self) -> int: ...


def end(process: Process | None, cgroup: str) -> None:
    """Kill a process and all that it started: a guest's PID 1 survives the death of nspawn."""
    if process is not None:
        process.kill()  # by itself first: it may not have joined its cgroup yet
        process.wait()
    cgroups.remove(cgroup)
