"""Counts Consul's alive voters again and again, in the words of Consul's autopilot."""

import json
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType

from bakery.errors import CommandError
from tests.helpers.cluster_e2e import Cluster

PAUSE_SECONDS = 0.2
TRY_SECONDS = 2.0
_VOTING = {"leader", "voter"}


@dataclass
class VoterSampler:
    """Samples while the ``with`` block runs; a server that does not answer is left for the next."""

    cluster: Cluster
    addresses: Sequence[str]
    counts: list[int] = field(default_factory=list)
    """The number of alive voters in each sample."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "VoterSampler":
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
        while not self._stop.is_set():
            count = self._sample()
            if count is not None:
                self.counts.append(count)
            self._stop.wait(PAUSE_SECONDS)

    def _sample(self) -> int | None:
        servers = self._servers
        where = f"-http-addr=https://{servers[0]}:8501"
        words = ("consul", "operator", "autopilot", "state", "-format=json", where)
        try:
            state = json.loads(self.cluster.tool(*words, seconds=TRY_SECONDS).stdout)
        except (CommandError, ValueError):
            servers.rotate(-1)
            return None
        found = state["Servers"].values()
        return sum(each["Status"] in _VOTING and each["NodeStatus"] == "alive" for each in found) or None
