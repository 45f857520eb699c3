"""A writer that notes what Consul acknowledged, so that a checker can tell whether any of it was lost."""

import time
from dataclasses import dataclass, field
from uuid import uuid4

import requests

from tests.helpers.server_loop import ServerLoop

PREFIX = "e2e/faults"
PAUSE_SECONDS = 0.1
"""Between writes, or the writer itself would be the load."""


@dataclass
class KvWriter(ServerLoop):
    """Writes one key after another, to the server that answered last, while the ``with`` block runs."""

    folder: str = field(default_factory=lambda: f"{PREFIX}/{uuid4().hex}")
    """Its own: what an earlier writer left must not stand for what this one wrote."""
    acknowledged: dict[str, str] = field(default_factory=dict)
    longest_gap: float = 0.0
    """Seconds without an acknowledged write, those before the first and after the last counted too."""

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
            try:
                if self._ask("PUT", f"/v1/kv/{key}", value).text.strip() == "true":
                    return True
            except requests.RequestException:
                pass
            servers.rotate(-1)
        return False
