"""The seconds of a command: by step and by node."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bakery.console import Console

STATES = ("requested", "has its address", "active", "joined", "healthy")
"""The states of a node in a launch, in their order (``Reporter.node``)."""


@dataclass(kw_only=True)
class _Step:
    title: str
    depth: int
    begins: float
    seconds: float | None = None


class Times:
    """Takes the time of the console's steps, and of the states that nodes reach."""

    def __init__(self, console: Console, *, now: Callable[[], float] = time.monotonic) -> None:
        self._console, self._now, self._began = console, now, now()
        self._steps: list[_Step] = []
        self._nodes: dict[str, dict[str, float]] = {}
        console.listeners.append(self._take)

    def as_json(self) -> dict[str, Any]:
        """Return ``seconds`` of ``bakery launch --json``. Steps are in order; a step in a step has a ``depth``."""
        return {
            "total": round(self._seconds, 2),
            "steps": [
                {
                    "title": step.title,
                    "depth": step.depth,
                    "begins": round(step.begins, 2),
                    "seconds": round(self._seconds_of(step), 2),
                }
                for step in self._steps
            ],
            "nodes": [
                {"name": name, "states": {state: round(at, 2) for state, at in states.items()}}
                for name, states in sorted(self._nodes.items())
            ],
        }

    def show(self) -> None:
        """With ``-v``, write the seconds of each step, and when each node reached each state."""
        rows = [(f"{'  ' * step.depth}{step.title}", f"{self._seconds_of(step):.1f}") for step in self._steps]
        self._table(("STEP", "SECONDS"), [*rows, ("all", f"{self._seconds:.1f}")])
        reached = [state for state in STATES if any(state in states for states in self._nodes.values())]
        nodes = [
            (name, *(f"{states[state]:.1f}" if state in states else "-" for state in reached))
            for name, states in sorted(self._nodes.items())
        ]
        if nodes:
            self._table(("NODE", *map(str.upper, reached)), nodes)

    @contextmanager
    def shown_if_it_fails(self) -> Iterator[None]:
        """If the block raises, also at Ctrl-C: show the seconds until then."""
        try:
            yield
        except BaseException:
            self.show()
            raise

    @property
    def _seconds(self) -> float:
        return self._now() - self._began

    def _seconds_of(self, step: _Step) -> float:
        return self._seconds - step.begins if step.seconds is None else step.seconds

    def _take(self, event: str, fields: Mapping[str, object]) -> None:
        running = [step for step in self._steps if step.seconds is None]
        if event == "step":
            self._steps.append(_Step(title=str(fields["title"]), depth=len(running), begins=self._seconds))
        elif event == "step_end" and running:
            running[-1].seconds = self._seconds - running[-1].begins
        elif event == "node":
            self._nodes.setdefault(str(fields["name"]), {})[str(fields["state"])] = self._seconds

    def _table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
        for first, *others in (header, *rows):
            right = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
            self._console.detail("    " + "  ".join([first.ljust(widths[0]), *right]))
