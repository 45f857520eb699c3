"""Running a command inside a booted droplet, for people and tests who look for a fault."""

from collections.abc import Sequence
from pathlib import Path

from bakery.emulator.host import cgroups
from bakery.emulator.machines.interface import MachineFailure
from bakery.proc import Completed, run

COMMAND_SECONDS = 600.0
_NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd")
# A guest that shuts down stops all its processes (systemd-shutdown: kill(-1, SIGSTOP)). An nsenter that has forked
# stops with its child (util-linux, continue_as_child), for good, and the child, reaped by nobody, keeps the guest
# from ending. A shell that waits does not follow.
_WAITING_SHELL = ("--no-fork", "sh", "-c", '"$@"; exit $?', "sh")


def enter_command(cgroup: str, argv: Sequence[str | Path]) -> list[str]:
    """The words that run ``argv`` as root inside the droplet whose processes are in ``cgroup``.

    Raises:
        MachineFailure: it is not running.
    """
    pid = cgroups.guest_init(cgroup)
    if pid is None:
        message = f"the droplet of {cgroup} is not running"
        raise MachineFailure(message)
    return ["nsenter", f"--target={pid}", *_NAMESPACES, *_WAITING_SHELL, *(str(word) for word in argv)]


def exec_in(cgroup: str, argv: Sequence[str | Path], *, seconds: float = COMMAND_SECONDS) -> Completed:
    """Run a command to its end and return what it printed; its failure is in ``returncode``.

    Raises:
        MachineFailure: the droplet is not running.
        CommandError: it did not end within ``seconds``.
    """
    return run(enter_command(cgroup, argv), seconds=seconds, check=False)
