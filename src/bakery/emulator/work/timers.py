"""One thread that calls functions later: a thread for each of 5,000 waiting droplets would be too many."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable


class Timers:
    """Functions, each called once after its seconds. A function must return soon and must not raise."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="timers", daemon=True)

    def call_after(self, seconds: float, function: Callable[[], None]) -> None:
        """Call ``function`` after that time, unless the timers are closed first."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), function))
            if self._thread.ident is None:
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """End the thread, and drop the functions that are not due yet."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        while (function := self._next()) is not None:
            function()

    def _next(self) -> Callable[[], None] | None:
        """Wait for the next function that is due; None once the timers are closed."""
        with self._changed:
            while not self._closing:
                left = self._due[0][0] - time.monotonic() if self._due else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(left)
        return None
