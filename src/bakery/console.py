"""Print results to stdout and progress to stderr, with colours only on a terminal.

Rooms below ``cli`` report progress through the :class:`Reporter` port; its default prints nothing.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import IO, Protocol

from bakery.hints import Text


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """Return "1 droplet" or "2 droplets"; ``plural`` is needed if it is not the singular with an s."""
    return f"{number} {singular if number == 1 else plural or f'{singular}s'}"


def clock_text(seconds: float) -> str:
    """Return "0:07", "12:30" or "1:02:03"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def transfer_text(done: int, total: int | None) -> str:
    """Return "12.5 of 90.0 MiB", or "12.5 MiB" if the total is not known."""
    whole = "" if total is None else f" of {total / 2**20:.1f}"
    return f"{done / 2**20:.1f}{whole} MiB"


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

    def expect(self, names: Sequence[str]) -> None:
        """Announce the nodes that the next states are about."""

    def phase(self, text: str) -> None:
        """Print what a program that runs for minutes does now."""

    def transferred(self, done: int, total: int | None) -> None:
        """Show how many bytes of a download have arrived, and of how many; None if that is not known."""

    def waiting(self, reason: str, *, left: float | None = None) -> None:
        """Show what a wait still waits for, one reason per line. Called after each poll.

        ``left`` is the number of seconds after which the wait is given up.
        """


class Silent:
    """A reporter that prints nothing."""

    def note(self, text: Text) -> None: ...

    def warn(self, text: Text) -> None: ...

    @contextmanager
    def step(self, title: str) -> Iterator[None]:  # noqa: ARG002 - the port's name
        yield

    def node(self, name: str, state: str) -> None: ...

    def expect(self, names: Sequence[str]) -> None: ...

    def phase(self, text: str) -> None: ...

    def transferred(self, done: int, total: int | None) -> None: ...

    def waiting(self, reason: str, *, left: float | None = None) -> None: ...


SILENT: Reporter = Silent()


class Display(Protocol):
    """Progress in lines of a terminal that are drawn over."""

    def begin(self) -> None:
        """Begin a step, which may be inside another."""

    def end(self) -> str:
        """End the innermost step, and return one line about it; empty if there is nothing to say."""

    def expect(self, names: Sequence[str]) -> None:
        """As :meth:`Reporter.expect`."""

    def node(self, name: str, state: str) -> None:
        """As :meth:`Reporter.node`."""

    def waiting(self, reason: str, left: float | None) -> None:
        """As :meth:`Reporter.waiting`."""

    def phase(self, text: str) -> str:
        """Show what a program does now, and return the text with the time since the step began."""

    def transferred(self, done: int, total: int | None) -> None:
        """As :meth:`Reporter.transferred`."""

    def line(self, text: str) -> None:
        """Print a line above."""

    def pause(self) -> None:
        """Remove the lines until the next event."""

    def close(self) -> None:
        """Remove the lines for good."""


Listener = Callable[[str, Mapping[str, object]], None]
"""Called with the name of an event (note, warning, step, step_end, node, waiting, change) and its fields."""
REMIND_SECONDS = 30.0
"""Seconds between progress lines of a wait when stderr is not a terminal."""
_CLEAR_SCREEN = "\x1b[H\x1b[2J"
_ERASE_LINE = "\r\x1b[K"
_STYLES = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "dim": "2"}


def wants_colour(stream: IO[str], *, no_color: bool) -> bool:
    """Whether to print colours: on a terminal other than ``TERM=dumb``, and elsewhere with ``FORCE_COLOR``.

    ``--no-color`` and ``NO_COLOR`` come first. https://no-color.org/, https://force-color.org/
    """
    if no_color or os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or _erases(stream)


def width_of(stream: IO[str]) -> int | None:
    """Return how many columns a line on ``stream`` may have: those of the terminal; None if it is not one."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


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
        display: Callable[[], Display] | None = None,
    ) -> None:
        """``spell`` writes the commands in a text, with the global options that the user gave.

        ``display`` is called for the first progress on a terminal.
        """
        self._make_display = display if _erases(sys.stderr) and not quiet else None
        self._display: Display | None = None
        self._began = time.monotonic()
        self.spell = spell
        self.quiet = quiet
        self.verbose = verbose
        self._colour = wants_colour(sys.stderr, no_color=no_color)
        self._colour_out = wants_colour(sys.stdout, no_color=no_color)
        self.listeners: list[Listener] = []
        """What gets each event beside the terminal, also with ``--quiet``."""
        self._last_states: dict[str, str] = {}
        self._last_reason = ""
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
        self._emit("note", text=self.spell(text))
        if even_if_quiet or not self.quiet:
            self._write(self.spell(text))

    def detail(self, text: Text) -> None:
        """Write a line to stderr with ``-v`` only."""
        if self.verbose and not self.quiet:
            self._write(self.style(self.spell(text), "dim"))

    def warn(self, text: Text) -> None:
        self._emit("warning", text=self.spell(text))
        self._write(f"{self.style('warning:', 'yellow')} {self.spell(text)}")

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        started = time.monotonic()
        self._emit("step", title=title)
        if not self.quiet:
            self._write(f"{self.style('==>', 'cyan')} {title}")
        display = self._shown()
        if display is not None:
            display.begin()
        try:
            yield
        finally:
            self._erase()
            summary = display.end() if display is not None else ""
            if display is not None and summary:
                display.line(self.style(f"    {summary}", "dim"))
        seconds = time.monotonic() - started
        self._emit("step_end", title=title, seconds=round(seconds, 1))
        self.detail(f"    {title}: {seconds:.1f} s")

    def node(self, name: str, state: str) -> None:
        if self._last_states.get(name) != state:
            self._last_states[name] = state
            self._emit("node", name=name, state=state)
            display = self._shown()
            if display is not None:
                display.node(name, state)
            elif not self.quiet:
                self._write(f"    {name:<28} {state}")

    def expect(self, names: Sequence[str]) -> None:
        display = self._shown()
        if display is not None:
            display.expect(names)

    def phase(self, text: str) -> None:
        self._emit("phase", text=text)
        display = self._shown()
        shown = display.phase(text) if display is not None else text
        if not self.quiet:
            self._write(f"    {shown}")

    def transferred(self, done: int, total: int | None) -> None:
        """Show the bytes of a download: on a terminal as a bar, elsewhere every 30 seconds."""
        display = self._shown()
        if display is not None:
            display.transferred(done, total)
        elif not self.quiet and time.monotonic() - self._last_written >= REMIND_SECONDS:
            self._write(f"    {transfer_text(done, total)}")

    def waiting(self, reason: str, *, left: float | None = None) -> None:
        """Show what a wait waits for: on a terminal in lines that are replaced, elsewhere every 30 seconds."""
        if reason != self._last_reason:
            self._last_reason = reason
            self._emit("waiting", reason=reason)
        display = self._shown()
        if display is not None:
            display.waiting(reason, left)
        elif not self.quiet:
            self._wait_line(reason)

    def _wait_line(self, reason: str) -> None:
        first, *others = reason.splitlines() or [""]
        text = f"    waiting: {first}" + (f" (and {len(others)} more)" if others else "")
        if _erases(sys.stderr):
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(_ERASE_LINE + self.style(text[:width], "dim"))
            sys.stderr.flush()
            self._line_is_temporary = True
        elif time.monotonic() - self._last_written >= REMIND_SECONDS:
            self._write(text)

    def pause(self) -> None:
        """Remove the lines that are drawn over: something else uses the terminal."""
        self._erase()
        if self._display is not None:
            self._display.pause()

    def close(self, *, done: bool) -> None:
        """End the progress of this command; if it is ``done``, print the time that it took."""
        if self._display is None:
            return
        self._display.close()
        if done and not self.quiet:
            self._write(self.style(f"took {clock_text(time.monotonic() - self._began)}", "dim"))

    def print(self, text: Text) -> None:
        """Write a line of the result to stdout."""
        self.pause()
        line = self.spell(text)
        sys.stdout.write(line if line.endswith("\n") else line + "\n")
        sys.stdout.flush()

    def clear_screen(self) -> None:
        """Clear the terminal of stdout, so that the next lines replace those that it shows."""
        if _erases(sys.stdout):
            self._erase()
            sys.stdout.write(_CLEAR_SCREEN)
            sys.stdout.flush()  # before the next line on stderr, which is not buffered

    def _write(self, text: str) -> None:
        self._erase()
        if self._display is not None:
            self._display.line(text)
        else:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()
        self._last_written = time.monotonic()

    def change(self) -> None:
        """Tell the listeners that this command has changed something. Prints nothing."""
        self._emit("change")

    def _emit(self, event: str, **fields: object) -> None:
        for listener in self.listeners:
            listener(event, fields)

    def _shown(self) -> Display | None:
        """Return the display, which is made at the first call; None without a terminal and with ``--quiet``."""
        if self._display is None and self._make_display is not None:
            self._display = self._make_display()
        return self._display

    def _erase(self) -> None:
        if self._line_is_temporary:
            sys.stderr.write(_ERASE_LINE)
            sys.stderr.flush()
            self._line_is_temporary = False
