"""A thread that asks a cluster's servers again and again while a ``with`` block runs."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.helpers.cluster_e2e import Cluster

TRY_SECONDS = 2.0
"""A server that has not answered by then is left for the next; on a machine at rest it takes 0.05 s."""


@dataclass
class ServerLoop:
    """Runs :meth:`_run` in a thread until the block ends."""

    cluster: Cluster
    addresses: Sequence[str]
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._servers = deque(self.addresses)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def turn_to(self, addresses: Sequence[str]) -> None:
        """The servers are these from now on."""
        self._servers = deque(addresses)

    def _run(self) -> None:
        raise NotImplementedError
