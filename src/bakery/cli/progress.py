"""Progress on a terminal, in lines that are drawn over: the nodes and their states, what is waited for, the time.

It draws with rich, which is imported only by commands that wait.
"""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

from rich.console import Console as Terminal
from rich.live import Live
from rich.text import Text

from bakery.cli import signals
from bakery.cli.times import STATES
from bakery.console import clock_text, transfer_text

ORDER = (*STATES, "deleted")
"""States from the first to the last; a droplet in another state counts as before the first."""
STYLES = {"healthy": "green", "deleted": "green", "active": "cyan", "joined": "cyan"}
MOST_ROWS = 24
"""With more nodes only their numbers by state are shown, and the slowest nodes."""
SLOWEST = 5
BAR = 30
"""Characters of a bar."""
REFRESHES_PER_SECOND = 4


class LiveProgress:
    """The lines below the last printed line: there inside a step, and outside of one while a wait lasts.

    Rich draws in a thread of its own, which holds rich's lock. So drawing never takes the lock of this object:
    what it reads is replaced, not changed.
    """

    def __init__(self, *, no_color: bool, now: Callable[[], float] = time.monotonic) -> None:
        self._terminal = Terminal(
            file=sys.stderr, force_terminal=True, no_color=no_color, highlight=False, soft_wrap=True
        )
        self._now = now
        self._lock = threading.RLock()
        self._live: Live | None = None
        self._steps: tuple[float, ...] = ()
        """When each open step began: a step may be inside another."""
        self._nodes: dict[str, tuple[str, float]] = {}
        """Key: a node. Value: its state, and since when."""
        self._expected: tuple[str, ...] = ()
        self._phase: tuple[str, float] | None = None
        self._transfer: tuple[int, int | None] | None = None
        """Bytes of a download, and of how many."""
        self._reason = ""
        self._waits_since: float | None = None
        self._deadline: float | None = None
        self._closed = False
        signals.before_message(self.close)

    def begin(self) -> None:
        """Begin a step."""
        with self._lock:
            self._steps = (*self._steps, self._now())
            self._forget_wait()
            self._open()

    def end(self) -> str:
        """End the innermost step, and return one line about it; empty if there is nothing to say."""
        with self._lock:
            seconds = self._now() - self._steps[-1] if self._steps else 0.0
            self._steps = self._steps[:-1]
            self._forget_wait()
            self._phase = self._transfer = None
            parts = [*([self._counts()] if self._nodes else []), clock_text(seconds)]
            if not self._steps:
                self.pause()
        return ", ".join(parts) if seconds >= 1 else ""

    def expect(self, names: Sequence[str]) -> None:
        """Take the names of the nodes that the next states are about."""
        with self._lock:
            self._expected = tuple(names)
            self._nodes = {name: entry for name, entry in self._nodes.items() if name in self._expected}

    def node(self, name: str, state: str) -> None:
        """Show that a node has reached a state."""
        with self._lock:
            if self._state(name) != state:
                self._nodes = {**self._nodes, name: (state, self._now())}
            self._open()

    def waiting(self, reason: str, left: float | None) -> None:
        """Show what is waited for, and in how many seconds its deadline is."""
        with self._lock:
            now = self._now()
            self._reason = reason
            self._waits_since = now if self._waits_since is None else self._waits_since
            self._deadline = None if left is None else now + left
            self._open()

    def phase(self, text: str) -> str:
        """Show what a program does now, and return the text with the time since the step began."""
        with self._lock:
            now = self._now()
            self._phase = (text, now)
            began = self._steps[-1] if self._steps else now
            return f"{clock_text(now - began):>5}  {text}"

    def transferred(self, done: int, total: int | None) -> None:
        """Show how much of a download has arrived."""
        with self._lock:
            self._transfer = (done, total)
            self._open()

    def line(self, text: str) -> None:
        """Print a line above."""
        with self._lock:
            if self._live is not None and not self._steps:
                self.pause()
            self._terminal.print(Text.from_ansi(text), soft_wrap=True)

    def pause(self) -> None:
        """Remove the lines until the next event: something else is printed, or a question is asked."""
        with self._lock:
            if self._live is not None:
                self._live.stop()
                self._live = None

    def close(self) -> None:
        """Remove the lines for good."""
        with self._lock:
            self._closed = True
            self.pause()

    def render(self) -> Text:
        """Return the lines as they are now; none is wider than the terminal."""
        work = (*self._phase_lines(), *self._transfer_lines())
        lines = [*self._node_lines(), *work, self._time_line(), *self._reason_lines()]
        width = self._terminal.width - 1
        for line in lines:
            line.truncate(width, overflow="ellipsis")
        return Text("\n").join(lines)

    def _open(self) -> None:
        if self._live is None and not self._closed:
            self._live = Live(
                console=self._terminal,
                get_renderable=self.render,
                refresh_per_second=REFRESHES_PER_SECOND,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def _forget_wait(self) -> None:
        self._reason, self._waits_since, self._deadline = "", None, None

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._expected, *self._nodes)))

    def _node_lines(self) -> list[Text]:
        names, now = self._names, self._now()
        if len(names) > min(MOST_ROWS, self._terminal.height - 5):
            unfinished = [name for name in names if self._state(name) not in ("healthy", "deleted")]
            names = tuple(sorted(unfinished, key=lambda name: _rank(self._state(name))))[:SLOWEST]
        width = max(map(len, names), default=0)
        return [self._node_line(name, width, now) for name in names]

    def _node_line(self, name: str, width: int, now: float) -> Text:
        state, since = self._nodes.get(name, ("", now))
        shown = state or "-"
        time_in_state = clock_text(now - since) if state else ""
        return Text.assemble(
            f"    {name:<{width}}  ", (f"{shown:<16}", STYLES.get(state, "")), (time_in_state, "dim")
        )

    def _phase_lines(self) -> list[Text]:
        phase = self._phase
        if phase is None:
            return []
        text, since = phase
        return [Text(f"    {text}: {clock_text(self._now() - since)}")]

    def _transfer_lines(self) -> list[Text]:
        if self._transfer is None:
            return []
        done, total = self._transfer
        if not total:
            return [Text(f"    {transfer_text(done, None)}")]
        full = min(done * BAR // total, BAR)
        return [Text(f"    [{'#' * full:<{BAR}}]  {transfer_text(done, total)}")]

    def _time_line(self) -> Text:
        now, steps, deadline = self._now(), self._steps, self._deadline
        began = steps[0] if steps else self._waits_since
        parts = [self._counts()] if self._names else []
        parts.append(clock_text(now - (now if began is None else began)))
        if deadline is not None:
            parts.append(f"deadline in {clock_text(max(deadline - now, 0))}")
        return Text(f"    {', '.join(parts)}", style="bold")

    def _reason_lines(self) -> list[Text]:
        first, *others = self._reason.splitlines() or [""]
        if not first:
            return []
        more = f" (and {len(others)} more)" if others else ""
        return [Text(f"    waiting: {first}{more}", style="dim")]

    def _state(self, name: str) -> str:
        return self._nodes.get(name, ("",))[0]

    def _counts(self) -> str:
        """Return "7 of 9 healthy, 2 joined": the latest state first."""
        counts = Counter(state for state, _ in self._nodes.values())
        ordered = sorted(counts.items(), key=lambda entry: _rank(entry[0]), reverse=True)
        total = len(self._names)
        if not ordered:
            return f"0 of {total}"
        (state, number), *others = ordered
        return ", ".join([f"{number} of {total} {state}", *(f"{count} {name}" for name, count in others)])


def _rank(state: str) -> int:
    return ORDER.index(state) if state in ORDER else -1
