"""Writes the account down after every change, so that an emulator that was killed can go on."""

from pathlib import Path

from bakery.emulator.account import serialization
from bakery.emulator.account.state import State
from bakery.files import write_secret


class AccountStore:
    """Without a file it keeps nothing."""

    def __init__(self, state: State, file: Path | None) -> None:
        self._state = state
        self._file = file
        self._written = ""

    def save(self) -> None:
        """On disk when it returns, so that no client has heard of anything that is not."""
        if self._file is None:
            return
        with self._state.lock:
            text = serialization.dump(self._state)
            if text != self._written:
                write_secret(self._file, text.encode())
                self._written = text
