"""Writes the account to disk after every change, so that an emulator that was killed can be resumed."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from bakery.emulator.account import serialization
from bakery.emulator.account.state import AccountState
from bakery.files import write_secret


class AccountStore:
    """One thread that writes the account; changes that arrive during a write share the next one."""

    def __init__(self, state: AccountState, file: Path | None) -> None:
        """Without a ``file`` nothing is written."""
        self._state = state
        self._file = file
        self._written = ""
        self._lock = threading.Lock()
        self._next: Future[None] | None = None
        """The write that is asked for and has not begun."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="account")

    def start_save(self) -> Future[None]:
        """Ask for a write and return at once; when the future is done, the account of now is on disk.

        The future raises OSError if the file could not be written; the next write then has these changes too.
        """
        if self._file is None:
            nothing: Future[None] = Future()
            nothing.set_result(None)
            return nothing
        with self._lock:
            if self._next is None:
                self._next = self._thread.submit(self._write, self._file)
            return self._next

    def save(self) -> None:
        """Return when the account is on disk; not on the event loop. Raises OSError."""
        self.start_save().result()

    def close(self) -> None:
        """Finish the write that runs, and the one that is asked for."""
        self._thread.shutdown()

    def _write(self, file: Path) -> None:
        with self._lock:
            self._next = None  # what changes from here on may not be in the snapshot below
        with self._state.lock:
            snapshot = serialization.take_snapshot(self._state)
        text = serialization.to_json(snapshot)
        if text != self._written:
            write_secret(file, text.encode())
            self._written = text
