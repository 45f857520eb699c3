"""Notices browsers that no longer wait for a reply.

A page of Consul's or Nomad's UI keeps several blocking queries open, and drops them when the user leaves it. Each
would stay open at the server for minutes, and a server admits few per address: Nomad 100, Consul 200
(``limits.http_max_conns_per_client``).
"""

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread

LOOK_SECONDS = 0.5


class Caller:
    """The browser's end of one request."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.abort: Callable[[], None] = lambda: None
        """What ends the request at the server; set when it is sent."""

    @property
    def is_gone(self) -> bool:
        """Whether the browser has closed the connection. Does not wait."""
        try:
            poll = select.poll()
            poll.register(self.connection, select.POLLIN)
            return bool(poll.poll(0)) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except (OSError, ValueError):
            return True


class Callers:
    """The requests under way. A thread looks twice a second which browsers are gone."""

    def __init__(self) -> None:
        self._waiting: set[Caller] = set()
        self._lock = Lock()
        self._ended = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more, and end the requests that are under way."""
        self._ended.set()
        for caller in self._list():
            caller.abort()

    @contextmanager
    def waiting(self, connection: socket.socket) -> Iterator[Caller]:
        """Yield a caller that is looked at until the context ends."""
        caller = Caller(connection)
        with self._lock:
            self._waiting.add(caller)
        try:
            yield caller
        finally:
            with self._lock:
                self._waiting.discard(caller)

    def _list(self) -> list[Caller]:
        with self._lock:
            return list(self._waiting)

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            for caller in self._list():
                if caller.is_gone:
                    self._abort(caller)

    def _abort(self, caller: Caller) -> None:
        """Abort, unless the request has ended meanwhile: its connection may serve another one."""
        with self._lock:
            if caller in self._waiting:
                caller.abort()
