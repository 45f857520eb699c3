"""The history of a cluster: which command changed it, who ran it, when, and how it ended.

The file is beside the journal, with one JSON object a line. A line that cannot be read is skipped: the last one of
a run that was killed may be cut off.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bakery.files import PRIVATE_FILE, write_atomically

KEPT_EVENTS = frozenset({"begin", "step", "node", "warning", "end"})
"""The events that the file has: not every note, and not what a wait waits for."""
MOST_BYTES = 1 << 20
"""Size from which the older half of the file is deleted."""


@dataclass(frozen=True, kw_only=True)
class NodeEvent:
    """A droplet that reached a state during a run."""

    at: str
    """Time in UTC, as in RFC 3339."""
    name: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a command that changes a cluster."""

    id: str
    began: str
    """Time in UTC, as in RFC 3339."""
    who: str
    """The user and the machine: "ann@laptop"."""
    command: str
    """The command line, quoted for a shell."""
    ended: str | None = None
    """None if the run has not ended, or was killed."""
    exit_code: int | None = None
    message: str | None = None
    """The error with which it ended."""
    changed: bool | None = None
    """Whether it sent a request that changes the account, or wrote credentials or the cluster file.

    None if the run has not ended, or was recorded by an older bakery.
    """
    nodes: tuple[NodeEvent, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def changed_nothing(self) -> bool:
        """Whether it is known that the run changed nothing."""
        return self.changed is False and not self.nodes

    @property
    def outcome(self) -> str:
        """One of: done, failed, interrupted, not ended."""
        if self.exit_code is None:
            return "not ended"
        if self.exit_code == 0:
            return "done"
        return "interrupted" if self.exit_code > 128 else "failed"


def append_event(path: Path, event: Mapping[str, Any]) -> None:
    """Append one event to the file, which is created with mode 0600 in the existing state folder.

    Raises:
        OSError: the file cannot be written.
    """
    line = json.dumps(event, sort_keys=True) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, PRIVATE_FILE)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def shorten_history(path: Path) -> None:
    """Delete the older half of the file if it is larger than :data:`MOST_BYTES`.

    Raises:
        OSError: the file cannot be read or written.
    """
    if path.exists() and path.stat().st_size > MOST_BYTES:
        lines = path.read_bytes().splitlines(keepends=True)
        write_atomically(path, b"".join(lines[len(lines) // 2 :]), mode=PRIVATE_FILE)


def load_runs(path: Path) -> tuple[Run, ...]:
    """Return the runs in the file, oldest first; none if there is no file."""
    runs: dict[str, Run] = {}
    for event in _events(path):
        kind, number = event.get("event"), str(event.get("run"))
        if kind == "begin":
            runs[number] = Run(id=number, began=event["at"], who=event["who"], command=event["command"])
        elif number in runs:
            runs[number] = _with_event(runs[number], event)
    return tuple(runs.values())


def _with_event(run: Run, event: Mapping[str, Any]) -> Run:
    if event["event"] == "node":
        node = NodeEvent(at=event["at"], name=event["name"], state=event["state"])
        return replace(run, nodes=(*run.nodes, node))
    if event["event"] == "warning":
        return replace(run, warnings=(*run.warnings, event["text"]))
    if event["event"] == "end":
        ended = replace(run, ended=event["at"], exit_code=event["exit_code"], message=event["message"])
        return replace(ended, changed=event.get("changed"))
    return run


def _events(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and {"event", "run", "at"} <= event.keys():
            yield event
