"""Ctrl-C and SIGTERM: print that bakery is stopping, then unwind; a second signal exits at once."""

import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from bakery.errors import ExitCode

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE_S = 0.05
_NUDGES = 20
_seen = 0
_silent = False
_continues = True
"""Whether the command may leave something that a second run continues."""
_actions: list[Callable[[], None]] = []


class Terminated(BaseException):
    """SIGTERM or SIGHUP; it unwinds the stack like KeyboardInterrupt."""


def install() -> None:
    """Install the handlers. A signal that the parent set to be ignored (nohup, a background job) stays ignored."""
    for number in _NUMBERS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    _watch()


def say_nothing() -> None:
    """End without a word at a signal from now on: for a command that a user ends by a signal."""
    global _silent  # noqa: PLW0603 - the process's own
    _silent = True


def offer_to_continue(offers: bool) -> None:  # noqa: FBT001 - its only argument
    """Say at a second signal how to continue, or only that the command has stopped: it changes nothing."""
    global _continues  # noqa: PLW0603 - the process's own
    _continues = offers


def before_message(action: Callable[[], None]) -> None:
    """Call ``action`` at a signal, before its message is printed: it ends what is drawn on the terminal."""
    _actions.append(action)


def _watch() -> None:
    """Start a thread that interrupts blocking calls when a signal arrives.

    Python runs handlers in the main thread, between two bytecode instructions. A signal that arrives just before a
    blocking call, or in another thread, would wait until that call returns. The wake-up descriptor is written to
    in any case (https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd).
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)  # noqa: FBT003 - the socket module's signature
    signal.set_wakeup_fd(writer.detach(), warn_on_full_buffer=False)
    signal.signal(signal.SIGURG, lambda number, frame: None)  # noqa: ARG005 - a handler's signature
    threading.Thread(target=_nudge, args=(reader,), name="signals", daemon=True).start()


def _nudge(reader: socket.socket) -> None:
    """Interrupt the main thread's blocking call with SIGURG until it has run the handler.

    The handler shares no lock with this thread, because it may interrupt itself.
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
        # Unwinding may hang too, on the same slow reply. The next run finishes what is unfinished now.
        _say(b"\nstopped at once; to continue, run the same command again\n" if _continues else b"\nstopped\n")
        os._exit(ExitCode.INTERRUPTED if number == signal.SIGINT else ExitCode.TERMINATED)
    for action in _actions:
        with suppress(Exception):  # the signal may have interrupted the very drawing
            action()
    _say(b"\nstopping in order; a second signal stops at once\n")
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Terminated


def _say(text: bytes) -> None:
    """Write to stderr without sys.stderr, whose lock the interrupted code may hold. The terminal may be closed."""
    with suppress(OSError):
        os.write(2, b"" if _silent else text)
