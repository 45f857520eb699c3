"""Counts Consul's alive voters again and again, in the words of Consul's autopilot."""

import json
from dataclasses import dataclass, field

from bakery.errors import CommandError
from tests.helpers.server_loop import TRY_SECONDS, ServerLoop

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
