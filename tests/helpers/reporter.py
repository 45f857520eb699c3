"""A reporter that records what it is told."""

from collections.abc import Iterator
from contextlib import contextmanager

from bakery.console import Silent
from bakery.hints import Text


class RecordingReporter(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []
        """Notes, titles of steps, and warnings after ``warning: ``, in order."""
        self.warnings: list[str] = []
        self.transfers: list[tuple[int, int | None]] = []
        """Bytes so far, and of how many."""
        self.nodes: list[tuple[str, str]] = []
        """Name and state."""

    def note(self, text: Text) -> None:
        self.lines.append(str(text))

    def warn(self, text: Text) -> None:
        self.lines.append(f"warning: {text}")
        self.warnings.append(str(text))

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        self.lines.append(title)
        yield

    def phase(self, text: str) -> None:
        self.lines.append(f"    {text}")

    def transferred(self, done: int, total: int | None) -> None:
        self.transfers.append((done, total))

    def node(self, name: str, state: str) -> None:
        self.nodes.append((name, state))
