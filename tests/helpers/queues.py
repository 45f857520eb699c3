"""Waits for the emulator's machine work."""

from bakery.emulator.work.queues import Queues
from bakery.wait import Pending, wait_until


def drain(queues: Queues, seconds: float) -> None:
    """Wait until no task runs or waits. Raises DeadlineError."""

    def idle() -> bool | Pending:
        return Pending(f"{queues.busy} tasks are unfinished") if queues.busy else True

    wait_until(idle, what="the emulator's machine work", seconds=seconds, every=0.01)
