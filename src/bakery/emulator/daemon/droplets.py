"""A look into the droplets of one emulator: their logs, a command inside one of them, the limits of bad links."""

from collections.abc import Sequence
from pathlib import Path

from bakery.emulator.account.settings import IMPAIRMENT_MOST
from bakery.emulator.daemon.folder import EmulatorRecord, emulator_dir
from bakery.emulator.machines import nspawn_exec, nspawn_logs
from bakery.emulator.machines.interface import MachineFailure
from bakery.emulator.network.router import cgroup_of
from bakery.proc import Completed


def find(emulator: str, droplet: str) -> int:
    """The id of a droplet that is given by id or by name, whether the emulator runs or not.

    Raises:
        EmulatorError: there is no such droplet; the error names those that are.
    """
    return nspawn_logs.find(emulator_dir(emulator).folder, droplet)


def read_journal(emulator: str, droplet_id: int) -> str:
    """The droplet's journal as text; empty before it has started to write one."""
    return nspawn_logs.journal(nspawn_logs.droplet_folders(emulator_dir(emulator).folder)[droplet_id])


def read_console(emulator: str, droplet_id: int) -> str:
    """All that the droplet has printed on its console."""
    return nspawn_logs.console(emulator_dir(emulator).folder, droplet_id).read_text(
        encoding="utf-8", errors="replace"
    )


def write_logs(emulator: str, folder: Path) -> None:
    """Write every droplet's journal and console into ``folder``, readable by their owner only."""
    nspawn_logs.keep(emulator_dir(emulator).folder, folder)


def run_inside(running: EmulatorRecord, droplet_id: int, command: Sequence[str]) -> Completed | None:
    """Run ``command`` as root inside the droplet and return what it printed; None if the droplet is off.

    Raises:
        CommandError: it did not end in time.
    """
    try:
        return nspawn_exec.exec_in(f"{cgroup_of(running.network)}/{droplet_id}", command)
    except MachineFailure:
        return None


def impairment_limit(field: str) -> float:
    """The most that a field of an impairment may be: a share, seconds, or bits a second."""
    return IMPAIRMENT_MOST[field]
