"""Runs a command inside a booted droplet, for users and tests."""

from collections.abc import Sequence
from pathlib import Path

from bakery.emulator.host import cgroups
from bakery.emulator.machines.interface import MachineFailure
from bakery.proc import Completed, run

COMMAND_SECONDS = 600.0
_NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd")
# A guest that shuts down sends SIGSTOP to all its processes (systemd-shutdown: kill(-1, SIGSTOP)). An nsenter that
# has forked then stops as its child does (util-linux, continue_as_child), and never continues; its child is not
# reaped, and so the guest does not end. A shell that waits for the command does not stop.
_WAITING_SHELL = ("--no-fork", "sh", "-c", '"$@"; exit $?', "sh")


def enter_command(cgroup: str, argv: Sequence[str | Path]) -> list[str]:
    """Return the command that runs ``argv`` as root inside the droplet whose processes are in ``cgroup``.

    Raises:
        MachineFailure: the droplet is not running.
    """
    pid = cgroups.guest_init(cgroup)
    if pid is None:
        message = f"the droplet of {cgroup} is not running"
        raise MachineFailure(message)
    return ["nsenter", f"--target={pid}", *_NAMESPACES, *_WAITING_SHELL, *(str(word) for word in argv)]


def exec_in(cgroup: str, argv: Sequence[str | Path], *, seconds: float = COMMAND_SECONDS) -> Completed:
    """Run a command to its end and return what it printed; ``returncode`` is the command's.

    Raises:
        MachineFailure: the droplet is not running.
        CommandError: the command did not end within ``seconds``.
    """
    return run(enter_command(cgroup, argv), seconds=seconds, check=False)
