"""Ctrl-C and SIGTERM: said at once, then everything under way is closed in order."""

import os
import signal
from contextlib import suppress
from types import FrameType

from bakery.errors import ExitCode

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_seen = 0


class Terminated(BaseException):
    """SIGTERM or SIGHUP: unwinds like Ctrl-C."""


def install() -> None:
    """Handle the signals from now on. One that the parent told us to ignore (nohup, a background job) stays so."""
    for number in _NUMBERS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, _frame: FrameType | None) -> None:
    global _seen  # noqa: PLW0603 - the process's own count
    _seen += 1
    if _seen > 1:
        # Closing may hang too, on the same slow reply; whatever is left is safe to leave.
        _say(b"\nstopped at once; the same command goes on from there\n")
        os._exit(ExitCode.INTERRUPTED if number == signal.SIGINT else ExitCode.TERMINATED)
    _say(b"\nstopping: what is under way is being closed; once more stops at once\n")
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Terminated


def _say(text: bytes) -> None:
    """Not by sys.stderr: its lock may be held by what was interrupted. The terminal may be gone."""
    with suppress(OSError):
        os.write(2, text)
