"""Runs functions inside a network namespace, in a thread that enters it and ends."""

import ctypes
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

FOLDER = Path("/run/netns")  # ip-netns(8)
CLONE_NEWNET = 0x40000000  # linux/sched.h; os.setns came with Python 3.12


def inside(namespace: str, work: Callable[[], T]) -> T:
    """Run ``work`` in a thread that has entered the namespace, and return its result.

    Raises:
        OSError: the namespace does not exist, or this user may not enter it.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def enter_and_work() -> None:
        try:
            enter(namespace)
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=enter_and_work, name=f"in {namespace}")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def listen(namespace: str, address: str, port: int) -> socket.socket:
    """Return a TCP socket that listens on ``address`` inside the namespace; any thread can use it."""
    return inside(namespace, lambda: socket.create_server((address, port), backlog=128))


def write_settings(namespace: str, settings: dict[str, str]) -> None:
    """Write ``/proc/sys/net`` values of the namespace; keys are paths below it ("ipv4/ip_forward")."""

    def write() -> None:
        for key, value in settings.items():
            Path("/proc/sys/net", key).write_text(value, encoding="ascii")

    inside(namespace, write)


def enter(namespace: str) -> None:
    """Move the calling thread into the namespace, for good. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(FOLDER / namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(descriptor, CLONE_NEWNET) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), namespace)
    finally:
        os.close(descriptor)
