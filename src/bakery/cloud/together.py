"""Send independent reads at the same time: one after another, ten of them take seconds."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def start_read(read: Callable[[], T], *, at_once: bool = True) -> "Future[T]":
    """Start ``read`` in a thread of its own; with ``at_once`` False it has been called when this returns.

    The thread does not keep the process alive: a read may be given up, for example at Ctrl-C. So it must not be
    used for a request that changes anything.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(read())
        except BaseException as error:
            future.set_exception(error)

    if at_once:
        threading.Thread(target=run, daemon=True).start()
    else:
        run()
    return future
