"""Droplets of one emulator from outside its process: logs, commands inside, limits of impairments."""

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from bakery.emulator.account.settings import IMPAIRMENT_MOST
from bakery.emulator.daemon.folder import EmulatorRecord, emulator_dir
from bakery.emulator.machines import nspawn_exec, nspawn_logs
from bakery.emulator.machines.interface import MachineFailure
from bakery.emulator.network.router import cgroup_of
from bakery.proc import Completed, clean_environment, replace_process


def find(emulator: str, droplet: str) -> int:
    """Return the id of a droplet given by id or name, whether the emulator runs or not.

    Raises:
        EmulatorError: there is no droplet of this id or name; the error names all droplets.
    """
    return nspawn_logs.find(emulator_dir(emulator).folder, droplet)


def read_journal(emulator: str, droplet_id: int) -> str:
    """Return the droplet's journal as text; empty if it has not written one yet."""
    return nspawn_logs.journal(nspawn_logs.droplet_folders(emulator_dir(emulator).folder)[droplet_id])


def follow_journal(emulator: str, droplet_id: int) -> NoReturn:
    """Print the droplet's journal and each new line of it, in place of this process, until a signal ends it.

    Raises:
        EmulatorError: the droplet has not written a journal yet.
    """
    folder = nspawn_logs.droplet_folders(emulator_dir(emulator).folder)[droplet_id]
    replace_process(nspawn_logs.follow_command(folder), clean_environment())


def read_console(emulator: str, droplet_id: int) -> str:
    """Return everything that the droplet has printed on its console."""
    return nspawn_logs.console(emulator_dir(emulator).folder, droplet_id).read_text(
        encoding="utf-8", errors="replace"
    )


def write_logs(emulator: str, folder: Path) -> None:
    """Write every droplet's journal and console into ``folder``, readable only by their owner."""
    nspawn_logs.write_all(emulator_dir(emulator).folder, folder)


def run_inside(running: EmulatorRecord, droplet_id: int, command: Sequence[str]) -> Completed | None:
    """Run ``command`` as root inside the droplet and return what it printed; None if the droplet is off.

    Raises:
        CommandError: the command did not end in time.
    """
    try:
        return nspawn_exec.exec_in(f"{cgroup_of(running.network)}/{droplet_id}", command)
    except MachineFailure:
        return None


def impairment_limit(field: str) -> float:
    """Return the maximum of a field of an impairment: a share, seconds, or bits per second."""
    return IMPAIRMENT_MOST[field]
