"""Queries for the gossip keys, which may take seconds longer than the rest of an observation."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait

from bakery.agents.model import GossipKeys
from bakery.cloud.together import start_read
from bakery.observe.gather import Answer
from bakery.wait import Clock

KEYS_SECONDS = 10.0
"""Seconds for which an answer is used again: a query takes 0.5 s, or 8 s if a member does not answer."""
PATIENCE = 1.0
"""Seconds that an observation waits for an answer."""
_NONE_YET: Answer[GossipKeys] = Answer(error="the members have not all answered yet")


class KeyQueries:
    """Asks one product for its gossip keys, and uses an answer for ten seconds, or until there is a newer one.

    It waits for an answer for one second at most.

    A member that joined a moment ago can miss a query, and the agent then waits 3 s for it (seen in launches;
    hashicorp/serf, serf/query.go, DefaultQueryTimeout). So the next call sends another query, and the first answer
    counts.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running: list[Future[Answer[GossipKeys]]] = []
        self._known: Answer[GossipKeys] | None = None
        self._known_since = 0.0

    def __call__(self, query: Callable[[], Answer[GossipKeys]]) -> Answer[GossipKeys]:
        """Return the last answer, an error if ``query`` failed, or the error that there is no answer yet."""
        if self._known is not None and self._clock.now() - self._known_since < KEYS_SECONDS:
            return self._known
        self._running.append(start_read(query))
        done, _ = wait(self._running, timeout=PATIENCE, return_when=FIRST_COMPLETED)
        if not done:
            return self._known or _NONE_YET
        answer = next(future for future in reversed(self._running) if future in done).result()
        if answer.value is None:
            self._running = [future for future in self._running if future not in done]
        else:
            self._running.clear()
            self._known, self._known_since = answer, self._clock.now()
        return answer
