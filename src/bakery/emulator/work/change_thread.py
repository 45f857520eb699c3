"""A thread that brings changes of the account to the machines."""

import threading
from collections.abc import Callable


class ChangeThread:
    """Calls ``work`` after a change, and again after changes that came meanwhile. ``work`` must not raise."""

    def __init__(self, name: str, work: Callable[[], None], *, delay_s: float = 0.0) -> None:
        """``delay_s`` is the time from a change to ``work``."""
        self._work = work
        self._delay_s = delay_s
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to work; changes noticed before are not lost."""
        self._thread.start()

    def notice(self) -> None:
        """Have ``work`` called soon."""
        self._changed.set()

    def close(self) -> None:
        """End the thread when its work has ended."""
        self._closing.set()
        self._changed.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while self._changed.wait() and not self._closing.is_set():
            self._changed.clear()
            self._closing.wait(self._delay_s)
            self._work()
