"""A writer that notes what Consul acknowledged, so that a checker can tell whether any of it was lost."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType

from bakery.errors import BakeryError
from tests.helpers.cluster_e2e import Cluster

PREFIX = "e2e/faults"


@dataclass
class KvWriter:
    """Writes one key after another, through whichever server answers, while the ``with`` block runs."""

    cluster: Cluster
    addresses: Sequence[str]
    acknowledged: dict[str, str] = field(default_factory=dict)
    longest_gap: float = 0.0
    """Seconds between two acknowledged writes."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "KvWriter":
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def lost(self) -> dict[str, str]:
        """Acknowledged writes that the cluster does not hold."""
        shown = self.cluster.tool("consul", "kv", "get", "-recurse", f"{PREFIX}/").stdout
        held = dict(line.split(":", maxsplit=1) for line in shown.splitlines())
        return {key: value for key, value in self.acknowledged.items() if held.get(key) != value}

    def _run(self) -> None:
        last = time.monotonic()
        number = 0
        while not self._stop.is_set():
            key, value = f"{PREFIX}/{number:06}", f"value-{number}"
            if self._write(key, value):
                self.acknowledged[key] = value
                self.longest_gap = max(self.longest_gap, time.monotonic() - last)
                last = time.monotonic()
            number += 1

    def _write(self, key: str, value: str) -> bool:
        """A write that nobody answered for is neither acknowledged nor repeated: it may stand or not."""
        for address in self.addresses:
            try:
                words = ("consul", "kv", "put", f"-http-addr=https://{address}:8501", key, value)
                if self.cluster.tool(*words, check=False, seconds=5).returncode == 0:
                    return True
            except BakeryError:
                continue
        return False
