"""Makes the Nomad servers of a first launch join each other.

They are created in one wave, so that no user-data has the address of another, and they find each other through
Consul only after a minute: the first query fails, because Consul has no leader or no tokens yet, and is repeated
after 45 to 67 s (hashicorp/nomad nomad/server.go, setupBootstrapHandler).
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from bakery.agents.interface import NomadApi
from bakery.errors import AgentError

_PARALLEL = 8


class NomadJoin:
    """The servers that have been joined, until they elect a leader."""

    def __init__(self, servers: Iterable[tuple[NomadApi, str]]) -> None:
        """``servers`` are the API and the VPC address of each server."""
        self._servers = tuple(servers)
        self._joined: tuple[str, ...] = ()
        self._done = len(self._servers) < 2

    def attempt(self) -> None:
        """Join the servers that answer, if these are more than before and none sees a leader.

        Raises no AgentError.
        """
        if self._done:
            return
        with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
            leaders = list(pool.map(lambda server: _leader(server[0]), self._servers))
        self._done = any(leaders)
        answering = [server for server, leader in zip(self._servers, leaders, strict=True) if leader == ""]
        if not self._done and len(answering) > max(len(self._joined), 1):
            self._join(answering)

    def _join(self, answering: Sequence[tuple[NomadApi, str]]) -> None:
        (first, own), *others = answering
        addresses = tuple(address for _, address in others)
        try:
            if first.join(addresses) == len(addresses):
                self._joined = (own, *addresses)
        except AgentError:
            return  # it is tried again at the next poll


def _leader(nomad: NomadApi) -> str | None:
    try:
        return nomad.leader()
    except AgentError:
        return None
