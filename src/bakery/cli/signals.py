"""Ctrl-C and SIGTERM: said at once, then everything under way is closed in order."""

import os
import signal
import socket
import threading
from contextlib import suppress
from types import FrameType

from bakery.errors import ExitCode

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE_S = 0.05
_NUDGES = 20
_seen = 0


class Terminated(BaseException):
    """SIGTERM or SIGHUP: unwinds like Ctrl-C."""


def install() -> None:
    """Handle the signals from now on. One that the parent told us to ignore (nohup, a background job) stays so."""
    for number in _NUMBERS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    _watch()


def _watch() -> None:
    """Python runs handlers in the main thread, between two steps of its own.

    A signal that comes just before a blocking call, or to another thread, would wait for that call's end. The
    wake-up descriptor is written to in any case (https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd).
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)  # noqa: FBT003 - the socket module's signature
    signal.set_wakeup_fd(writer.detach(), warn_on_full_buffer=False)
    signal.signal(signal.SIGURG, lambda number, frame: None)  # noqa: ARG005 - a handler's signature
    threading.Thread(target=_nudge, args=(reader,), name="signals", daemon=True).start()


def _nudge(reader: socket.socket) -> None:
    """Interrupt the main thread's blocking call, if it has not heard a signal by itself.

    No lock is shared with the handler, which may interrupt itself.
    """
    sent, never = 0, threading.Event()
    while number := reader.recv(1):
        sent += number[0] in _NUMBERS
        for _ in range(_NUDGES):
            if number[0] not in _NUMBERS or never.wait(_PATIENCE_S) or _seen >= sent:
                break
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGURG)


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
