"""Ctrl-C and SIGTERM: said at once, then everything under way is closed in order."""

import os
import signal
from types import FrameType

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_seen = 0


class Terminated(BaseException):
    """SIGTERM or SIGHUP: unwinds like Ctrl-C."""


def install() -> None:
    """Handle the signals from now on. One that the parent told us to ignore (nohup, a background job) stays so."""
    for number in _NUMBERS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def was_repeated() -> bool:
    """Whether the user asked more than once: then nothing more is waited for."""
    return _seen > 1


def _stop(number: int, _frame: FrameType | None) -> None:
    global _seen  # noqa: PLW0603 - the process's own count
    _seen += 1
    if _seen > 2:
        os._exit(128 + number)
    if _seen == 1:
        # Not by sys.stderr: its lock may be held by what was interrupted.
        os.write(2, b"\nstopping: what is under way is being closed; once more stops at once\n")
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Terminated
