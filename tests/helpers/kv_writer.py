"""A writer that notes what Consul acknowledged, so that a checker can tell whether any of it was lost."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from uuid import uuid4

from bakery.errors import CommandError
from tests.helpers.cluster_e2e import Cluster

PREFIX = "e2e/faults"
TRY_SECONDS = 2.0
"""A server that has not acknowledged by then is left for the next; on a machine at rest a write takes 0.05 s."""
PAUSE_SECONDS = 0.05
"""Between writes, or the writer itself would be the load."""


@dataclass
class KvWriter:
    """Writes one key after another, to the server that answered last, while the ``with`` block runs."""

    cluster: Cluster
    addresses: Sequence[str]
    folder: str = field(default_factory=lambda: f"{PREFIX}/{uuid4().hex}")
    """Its own: what an earlier writer left must not stand for what this one wrote."""
    acknowledged: dict[str, str] = field(default_factory=dict)
    longest_gap: float = 0.0
    """Seconds without an acknowledged write, those before the first and after the last counted too."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "KvWriter":
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

    def lost(self) -> dict[str, str]:
        """Acknowledged writes that the cluster does not hold."""
        shown = self.cluster.tool("consul", "kv", "get", "-recurse", f"{self.folder}/").stdout
        held = dict(line.split(":", maxsplit=1) for line in shown.splitlines())
        return {key: value for key, value in self.acknowledged.items() if held.get(key) != value}

    def _run(self) -> None:
        last = time.monotonic()
        number = 0
        while not self._stop.is_set():
            key, value = f"{self.folder}/{number:06}", f"value-{number}"
            acknowledged = self._write(key, value)
            now = time.monotonic()
            self.longest_gap = max(self.longest_gap, now - last)
            if acknowledged:
                self.acknowledged[key] = value
                last = now
            number += 1
            self._stop.wait(PAUSE_SECONDS)

    def _write(self, key: str, value: str) -> bool:
        """A write that nobody answered for is neither acknowledged nor repeated: it may stand or not."""
        servers = self._servers
        for _ in range(len(servers)):
            words = ("consul", "kv", "put", f"-http-addr=https://{servers[0]}:8501", key, value)
            try:
                if self.cluster.tool(*words, check=False, seconds=TRY_SECONDS).returncode == 0:
                    return True
            except CommandError:
                pass
            servers.rotate(-1)
        return False
