"""The servers of one product: a request is sent to one that answers."""

from collections.abc import Callable, Sequence
from threading import Lock

from bakery.agents.model import Target
from bakery.agents.passage import FindSecrets, Passage, PassedReply, PassedRequest
from bakery.browser.callers import Caller
from bakery.errors import AgentError

FindTargets = Callable[[], Sequence[Target]]
"""Returns the servers to try, best first, with the token of now. It is called for each request."""


class Upstream:
    """Sends requests to the server that answered last, and to the others once it is gone.

    The tokens that ``hidden`` returns, and the one that is sent, are removed from replies.
    """

    def __init__(
        self, product: str, find: FindTargets, look_again: Callable[[], None], hidden: FindSecrets
    ) -> None:
        self.product = product
        self._find = find
        self._look_again = look_again
        self._hidden = hidden
        self._passages: dict[Target, Passage] = {}
        self._best = self._worst = ""
        """Names of the server that answered last, and of the last one that answered with 5xx."""
        self._lock = Lock()

    def send(self, request: PassedRequest, caller: Caller) -> PassedReply:
        """Return the reply of the first server that can be reached; if there is none, of those that are there now.

        Only a request that may be sent twice is sent to another server after it was sent to one.

        Raises:
            AgentError: no server can be reached; the details have the reason of each.
        """
        try:
            return self._try_all(request, caller)
        except _NotSentError as error:
            before = tuple(self._find())
            self._look_again()
            if tuple(self._find()) == before:
                raise self._unreached(error.reasons) from None
        try:
            return self._try_all(request, caller)
        except _NotSentError as error:
            raise self._unreached(error.reasons) from None

    def close(self) -> None:
        """Close the connections."""
        for passage in self._passages.values():
            passage.close()

    def _try_all(self, request: PassedRequest, caller: Caller) -> PassedReply:
        reasons: list[str] = []
        for passage in self._in_order():
            try:
                reply = self._try_one(passage, request, caller)
            except _NotSentError as error:
                reasons += error.reasons
                continue
            self._remember(passage.name, reply.status)
            return reply
        raise _NotSentError(reasons)

    def _try_one(self, passage: Passage, request: PassedRequest, caller: Caller) -> PassedReply:
        """Send to one server; a safe request twice, because the server may have closed the idle connection.

        Raises:
            AgentError: the connection broke after a request that may not be sent twice, or the browser is gone.
        """
        reason = ""
        for fresh in (False, True) if request.is_safe else (True,):
            try:
                connection = passage.connect(fresh=fresh)
            except AgentError as error:
                raise _NotSentError([error.full_message]) from None
            caller.abort = connection.abort
            try:
                return passage.exchange(connection, request)
            except AgentError as error:
                if caller.is_gone or not request.is_safe:
                    raise
                reason = error.full_message
        raise _NotSentError([reason])

    def _remember(self, name: str, status: int) -> None:
        if status >= 500:
            self._worst = name
        else:
            self._best, self._worst = name, "" if self._worst == name else self._worst

    def _in_order(self) -> list[Passage]:
        """Return the servers, the best first. Connections of servers or tokens of before are closed."""
        targets = list(self._find())
        with self._lock:
            old = [passage for target, passage in self._passages.items() if target not in targets]
            self._passages = {
                target: self._passages.get(target) or Passage(target, product=self.product, hidden=self._hidden)
                for target in targets
            }
            found = list(self._passages.values())
        for passage in old:
            passage.close()
        return sorted(found, key=lambda each: (each.name == self._worst, each.name != self._best))

    def _unreached(self, reasons: list[str]) -> AgentError:
        message = f"no {self.product} server can be reached"
        return AgentError(message=message, details="\n".join(reasons) or None, status=0)


class _NotSentError(Exception):
    """No server has got the request, or it may be sent again."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(*reasons)
        self.reasons = reasons
