"""Requests of clients from this machine, at a steady rate, each on a connection of its own."""

import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType

from bakery.wait import Pending, wait_until

ANSWER_SECONDS = 10.0
AT_ONCE = 64
"""Requests that may be under way at the same time; more than a second's worth."""


@dataclass
class ClientLoad:
    """Asks for ``/`` while the ``with`` block runs. A request that is not answered with 200 is lost."""

    address: str
    host: str
    """The name in the request and in TLS."""
    tls: bool = True
    """Whether to ask by HTTPS, at port 443; else by HTTP, at port 80."""
    rate: float = 30.0
    """Requests in a second."""
    answers: Counter[str] = field(default_factory=Counter)
    """How often each body was the answer."""
    lost: list[str] = field(default_factory=list)
    """When, in seconds since the first request, and why."""

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._context = ssl.create_default_context()
        # An emulated load balancer's certificate is signed by itself.
        self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE

    def __enter__(self) -> "ClientLoad":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def asked(self) -> int:
        """How many requests have an answer, or are lost."""
        return self.answers.total() + len(self.lost)

    def wait_until_asked(self, count: int) -> None:
        """Go on until so many requests are done."""

        def enough() -> bool | Pending:
            return True if self.asked >= count else Pending(f"{self.asked} requests are done")

        wait_until(enough, what=f"{count} requests", seconds=count / self.rate * 5, every=0.5)

    def _run(self) -> None:
        begun, number = time.monotonic(), 0
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            while not self._stop.is_set():
                pool.submit(self._ask, begun)
                number += 1
                self._stop.wait(max(0.0, begun + number / self.rate - time.monotonic()))

    def _ask(self, begun: float) -> None:
        at = time.monotonic() - begun
        try:
            status, body = self.get()
        except OSError as error:
            self.lost.append(f"{at:.2f}: {error!r}")
            return
        if status == 200:
            self.answers[body] += 1
        else:
            self.lost.append(f"{at:.2f}: status {status}")

    def get(self) -> tuple[int, str]:
        """Return status and body of one answer. Raises OSError."""
        with self._connected() as connection:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n\r\n".encode())
            answer = connection.makefile("rb").read().decode()
        head, _, body = answer.partition("\r\n\r\n")
        words = head.split(maxsplit=2)
        if len(words) < 2:
            message = "the connection ended without an answer"
            raise ConnectionError(message)
        return int(words[1]), body.strip()

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        with socket.create_connection((self.address, 443 if self.tls else 80), ANSWER_SECONDS) as plain:
            if not self.tls:
                yield plain
                return
            with self._context.wrap_socket(plain, server_hostname=self.host) as secured:
                yield secured
