"""Counts Consul's alive voters again and again, in the words of Consul's autopilot."""

from dataclasses import dataclass, field

import requests

from tests.helpers.server_loop import ServerLoop

PAUSE_SECONDS = 0.2
_VOTING = {"leader", "voter"}


@dataclass
class VoterSampler(ServerLoop):
    """Samples while the ``with`` block runs; a server that does not answer is left for the next."""

    counts: list[int] = field(default_factory=list)
    """The number of alive voters in each sample."""

    def _run(self) -> None:
        while not self._stop.is_set():
            count = self._sample()
            if count is not None:
                self.counts.append(count)
            self._stop.wait(PAUSE_SECONDS)

    def _sample(self) -> int | None:
        try:
            state = self._ask("GET", "/v1/operator/autopilot/state").json()
        except (requests.RequestException, ValueError):
            self._servers.rotate(-1)
            return None
        found = state["Servers"].values()
        return sum(each["Status"] in _VOTING and each["NodeStatus"] == "alive" for each in found) or None
