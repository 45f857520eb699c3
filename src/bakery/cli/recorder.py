"""Record the run of a command that changes a cluster: in its history, and with ``--events`` on stdout."""

import json
import os
import shlex
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from bakery.console import Console

F = TypeVar("F", bound=Callable[..., Any])


class Recorder:
    """The events of this run. They are kept once the cluster has a state folder: a refused launch makes none."""

    def __init__(self, arguments: Sequence[str], console: "Console", *, prints: bool) -> None:
        """Record the beginning. With ``prints`` each event is printed to stdout."""
        self._console, self.prints = console, prints
        self.result: Mapping[str, object] | None = None
        """The document of the command; the last event has it."""
        self._run = os.urandom(4).hex()
        self._path: Path | None = None
        self._waiting: list[dict[str, Any]] = []
        """Events of before the state folder exists."""
        self._broken = False
        self._changed = False
        self._lock = threading.Lock()
        """Threads that create droplets report their states."""
        console.listeners.append(self.record)
        self.record("begin", {"who": _who(), "command": shlex.join(["bakery", *arguments])})

    def keep_in(self, path: Path) -> None:
        """Keep the events in the file ``path`` once its folder exists."""
        from bakery.operations.history import shorten_history

        self._path = path
        try:
            shorten_history(path)
        except OSError as error:
            self._give_up(error)

    def record(self, event: str, fields: Mapping[str, object]) -> None:
        """Take one event. "change" is not kept: whether there was one is in the last event."""
        from datetime import UTC, datetime

        from bakery.operations.history import KEPT_EVENTS

        if event == "change":
            self._changed = True
            return
        entry = {"event": event, "run": self._run, "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", **fields}
        with self._lock:
            if self.prints:
                more = {"result": self.result} if event == "end" else {}
                sys.stdout.write(json.dumps(entry | more, sort_keys=True) + "\n")
                sys.stdout.flush()
            if event in KEPT_EVENTS and not self._broken:
                self._waiting.append(entry)
        self._keep()

    def end(self, exit_code: int, message: str | None) -> None:
        """Record the end of the run; ``message`` is the error's."""
        self.record("end", {"exit_code": exit_code, "message": message, "changed": self._changed})

    def _keep(self) -> None:
        from bakery.operations.history import append_event

        if self._path is None or self._broken or not self._path.parent.is_dir():
            return
        try:
            with self._lock:
                while self._waiting:
                    append_event(self._path, self._waiting[0])
                    del self._waiting[0]
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Warn once: the command itself must not fail because its history cannot be written."""
        self._broken = True
        self._console.warn(f"the history of the cluster cannot be written: {error.strerror} ({self._path})")


def _who() -> str:
    """Return "user@machine"; the user who called sudo, if one did."""
    import getpass

    try:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # the user id has no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def recorded(function: F) -> F:
    """Make a command record its run, unless it is a dry run, and give it the option ``--events``."""

    @wraps(function)
    def record(*args: Any, events: bool, **kwargs: Any) -> Any:  # noqa: ANN401 - a command's own
        from bakery.cli.options import settings_of
        from bakery.cli.read_only import nothing_changes

        settings = settings_of(click.get_current_context())
        if events:
            settings.output = "json"
        if kwargs.get("dry_run"):
            nothing_changes()
        else:
            settings.recorder = Recorder(settings.arguments, settings.console(), prints=events)
        return function(*args, **kwargs)

    return _events_option(record)  # type: ignore[return-value]


_events_option = click.option(
    "--events", is_flag=True, help="Print each event as a line of JSON to stdout; the last line has the result."
)
