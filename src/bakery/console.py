"""Print results to stdout and progress to stderr, with colours only on a terminal.

Rooms below ``cli`` report progress through the :class:`Reporter` port; its default prints nothing.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import IO, Any, Protocol

from bakery.hints import Text


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """Return "1 droplet" or "2 droplets"; ``plural`` is needed if it is not the singular with an s."""
    return f"{number} {singular if number == 1 else plural or f'{singular}s'}"


class Reporter(Protocol):
    """Where rooms report progress while they work."""

    def note(self, text: Text) -> None:
        """Print a line."""

    def warn(self, text: Text) -> None:
        """Print a warning: something the user should act on, although the work continues."""

    def step(self, title: str) -> AbstractContextManager[None]:
        """Print the title of a step; leaving the context ends the step."""

    def node(self, name: str, state: str) -> None:
        """Print that droplet ``name`` reached ``state`` ("requested", "active", "joined", "healthy")."""

    def waiting(self, reason: str) -> None:
        """Show what a wait still waits for, one reason per line. Called after each poll."""


class Silent:
    """A reporter that prints nothing."""

    def note(self, text: Text) -> None: ...

    def warn(self, text: Text) -> None: ...

    @contextmanager
    def step(self, title: str) -> Iterator[None]:  # noqa: ARG002 - the port's name
        yield

    def node(self, name: str, state: str) -> None: ...

    def waiting(self, reason: str) -> None: ...


SILENT: Reporter = Silent()

REMIND_SECONDS = 30.0
"""Seconds between progress lines of a wait when stderr is not a terminal."""
_ERASE_LINE = "\r\x1b[K"
_STYLES = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "dim": "2"}


def wants_colour(stream: IO[str], *, no_color: bool) -> bool:
    """Whether to print colours: on a terminal, without ``NO_COLOR``, ``TERM=dumb`` and ``--no-color``.

    https://no-color.org/
    """
    return not no_color and not os.environ.get("NO_COLOR") and _erases(stream)


def _erases(stream: IO[str]) -> bool:
    """Whether a line on ``stream`` can be erased and written again."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


class Console:
    """Print to the standard streams: plain lines that read well in CI logs, with colours on a terminal."""

    def __init__(
        self,
        *,
        quiet: bool = False,
        verbose: bool = False,
        no_color: bool = False,
        spell: Callable[[Text], str] = str,
    ) -> None:
        """``spell`` writes the commands in a text, with the global options that the user gave."""
        self.spell = spell
        self.quiet = quiet
        self.verbose = verbose
        self._colour = wants_colour(sys.stderr, no_color=no_color)
        self._colour_out = wants_colour(sys.stdout, no_color=no_color)
        self._last_states: dict[str, str] = {}
        self._line_is_temporary = False
        """Whether the last line on the terminal is to be erased before the next one."""
        self._last_written = time.monotonic()

    def style(self, text: str, style: str, *, out: bool = False) -> str:
        """Return ``text`` in one of the named styles, or unchanged without colours."""
        if not (self._colour_out if out else self._colour):
            return text
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"

    def note(self, text: Text, *, even_if_quiet: bool = False) -> None:
        """Write a line to stderr; with ``-q`` only if the user has to read it before answering a question."""
        if even_if_quiet or not self.quiet:
            self._write(self.spell(text))

    def detail(self, text: Text) -> None:
        """Write a line to stderr with ``-v`` only."""
        if self.verbose and not self.quiet:
            self._write(self.style(self.spell(text), "dim"))

    def warn(self, text: Text) -> None:
        self._write(f"{self.style('warning:', 'yellow')} {self.spell(text)}")

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        started = time.monotonic()
        self.note(f"{self.style('==>', 'cyan')} {title}")
        try:
            yield
        finally:
            self._erase()
        self.detail(f"    {title}: {time.monotonic() - started:.1f} s")

    def node(self, name: str, state: str) -> None:
        if self._last_states.get(name) != state:
            self._last_states[name] = state
            self.note(f"    {name:<28} {state}")

    def waiting(self, reason: str) -> None:
        """Show what a wait waits for: on a terminal in one line that is replaced, elsewhere every 30 seconds."""
        if self.quiet:
            return
        first, *others = reason.splitlines() or [""]
        text = f"    waiting: {first}" + (f" (and {len(others)} more)" if others else "")
        if _erases(sys.stderr):
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(_ERASE_LINE + self.style(text[:width], "dim"))
            sys.stderr.flush()
            self._line_is_temporary = True
        elif time.monotonic() - self._last_written >= REMIND_SECONDS:
            self._write(text)

    def print(self, text: Text) -> None:
        """Write a line of the result to stdout."""
        self._erase()
        line = self.spell(text)
        sys.stdout.write(line if line.endswith("\n") else line + "\n")
        sys.stdout.flush()

    def print_json(self, value: Any) -> None:  # noqa: ANN401 - any JSON value
        """Write the result to stdout as one JSON document."""
        self.print(json.dumps(value, indent=2, sort_keys=True))

    def print_table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a table to stdout: columns aligned left, two spaces between them, no frame, fit for awk."""
        widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
        lines = [
            "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
        ]
        head = "  ".join(cell.ljust(width) for cell, width in zip(header, widths, strict=True)).rstrip()
        self.print("\n".join([self.style(head, "bold", out=True), *(line.rstrip() for line in lines)]))

    def _write(self, text: str) -> None:
        self._erase()
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
        self._last_written = time.monotonic()

    def _erase(self) -> None:
        if self._line_is_temporary:
            sys.stderr.write(_ERASE_LINE)
            sys.stderr.flush()
            self._line_is_temporary = False
