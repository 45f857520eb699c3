"""The emulator that a command uses."""

from typing import TYPE_CHECKING

import click

from bakery.cli import completions
from bakery.errors import EmulatorError

if TYPE_CHECKING:
    from bakery.emulator.daemon.lifecycle import EmulatorRecord

NAME = click.option(
    "--name",
    default="default",
    show_default="BAKERY_EMULATOR, else default",
    envvar="BAKERY_EMULATOR",
    help="Name of the emulator.",
    shell_complete=completions.emulators,
)


def running(name: str) -> "EmulatorRecord":
    """Return the emulator of that name.

    Raises:
        EmulatorError: it does not run; the hint is the command that starts it.
    """
    from bakery.emulator.daemon.folder import find_running, start_hint

    found = find_running(name)
    if found is None:
        message = f"the emulator {name} is not running"
        raise EmulatorError(message=message, hint=start_hint(name))
    return found
