"""An agent's log, line by line, from now on: Consul's and Nomad's ``/v1/agent/monitor``.

Neither sends lines of the past. Consul answers at once (agent/agent_endpoint.go, AgentMonitor); Nomad answers with
its first line (command/agent/agent_endpoint.go, streamMonitor), so a quiet agent looks like a hanging one.
"""

import queue
import threading
from collections.abc import Iterator

from bakery.agents.transport import READ_SECONDS, AgentHttp
from bakery.errors import AgentError
from bakery.wait import SystemClock

_Piece = bytes | AgentError | None
"""A piece of the body, why there are no more, or None at the end of the body."""


def follow(http: AgentHttp, path: str, *, seconds: float | None, answers_at_once: bool) -> Iterator[str]:
    """Yield each line that the agent logs until ``seconds`` have passed; None means until the agent ends.

    Raises:
        AgentError: the agent cannot be reached, refuses, does not answer in time, or has ended.
    """
    pieces: queue.Queue[_Piece] = queue.Queue()
    # A daemon thread, because a read cannot be interrupted, and the end of the process must not wait for one.
    threading.Thread(target=_read, args=(http, path, pieces), daemon=True).start()
    if answers_at_once:
        _wait_for_answer(http, pieces)
    clock = SystemClock()
    end = None if seconds is None else clock.now() + seconds
    rest = b""
    ended: AgentError | None = None
    while ended is None:
        try:
            piece = pieces.get(timeout=None if end is None else max(end - clock.now(), 0))
        except queue.Empty:
            break
        if isinstance(piece, bytes):
            *lines, rest = (rest + piece).split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)
        else:
            ended = piece or AgentError(message=f"{http.name} ended its log", details="the agent stopped")
    if rest:
        yield rest.decode(errors="replace")
    if ended is not None:
        raise ended


def _wait_for_answer(http: AgentHttp, pieces: "queue.Queue[_Piece]") -> None:
    try:
        first = pieces.get(timeout=READ_SECONDS)
    except queue.Empty:
        message = f"{http.name} did not answer within {READ_SECONDS:.0f} s"
        raise AgentError(message=message) from None
    if isinstance(first, AgentError):
        raise first


def _read(http: AgentHttp, path: str, pieces: "queue.Queue[_Piece]") -> None:
    try:
        for piece in http.stream(path):
            pieces.put(piece)
    except AgentError as error:
        pieces.put(error)
    else:
        pieces.put(None)
