"""Run commands of bakery one after another in this process, each printed as a user types it."""

import os
import shlex
import socket
from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import click

from bakery.cli.options import Settings
from bakery.errors import ExitCode
from bakery.hints import Command

_DROPPED = ("BAKERY_CLUSTER_FILE", "BAKERY_STATE_DIR")
"""Variables that would lead the commands to another cluster than that of the folder."""


@contextmanager
def shell_in(folder: Path, **variables: str) -> Iterator[None]:
    """Change the folder and the variables of this process while the block runs."""
    before = dict(os.environ)
    for name in _DROPPED:
        os.environ.pop(name, None)
    os.environ.update(variables)
    try:
        with chdir(folder):
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def choose_port(preferred: int = 0) -> int:
    """Return a port on 127.0.0.1 that is free now: the preferred one, or else another."""
    with suppress(OSError), socket.create_server(("127.0.0.1", preferred)) as server:
        return int(server.getsockname()[1])
    return choose_port()


@dataclass(frozen=True, kw_only=True)
class ShownCommands:
    """Prints titles and commands to stdout, and runs the commands. With ``--quiet`` it only runs them."""

    settings: Settings

    def title(self, text: str) -> None:
        """Print a line between two commands."""
        self._print(f"\n{self.settings.console().style(text, 'bold', out=True)}")

    def line(self, text: str) -> None:
        """Print a line of text or of a shell."""
        self._print(text)

    def run(self, command: Command, *options: str, codes: tuple[ExitCode, ...] = (ExitCode.DONE,)) -> None:
        """Print and run a command. ``options`` are global options, such as ``--local``.

        Raises:
            click.exceptions.Exit: it ended with another exit code than ``codes``. It has printed its error.
        """
        from bakery.cli.main import run

        line = command.line(options)
        self._print(f"\n$ {line}")
        arguments = [*shlex.split(line)[1:], *self._passed_on()]
        code = run(arguments, changes_nothing=self.settings.changes_nothing)
        if code not in codes:
            raise click.exceptions.Exit(code)

    def _passed_on(self) -> list[str]:
        given = {"-q": self.settings.quiet, "-v": self.settings.verbose, "--no-color": self.settings.no_color}
        return [option for option, is_given in given.items() if is_given]

    def _print(self, text: str) -> None:
        if not self.settings.quiet:
            click.echo(text)
