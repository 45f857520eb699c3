"""An agent's log, line by line: from now on (:func:`follow`), or a node's journal (:func:`read_journal`).

Consul's and Nomad's ``/v1/agent/monitor`` send no lines of the past. Consul answers at once
(agent/agent_endpoint.go, AgentMonitor); Nomad answers with its first line (command/agent/agent_endpoint.go,
streamMonitor), so a quiet agent looks like a hanging one. Nomad's ``/v1/agent/monitor/export`` runs journalctl on
the node (command/agent/monitor/export_monitor.go, cliReader).
"""

import queue
import re
import threading
from collections.abc import Iterator

from bakery.agents.transport import READ_SECONDS, AgentHttp
from bakery.errors import AgentError
from bakery.wait import SystemClock

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
"""ASCII's and Latin-1's control characters, but the tab."""
_Piece = bytes | AgentError | None
"""A piece of the body, why there are no more, or None at the end of the body."""


def follow(http: AgentHttp, path: str, *, seconds: float | None, answers_at_once: bool) -> Iterator[str]:
    """Yield each line that the agent logs until ``seconds`` have passed; None means until the agent ends.

    Raises:
        AgentError: the agent cannot be reached, refuses, does not answer in time, or has ended.
    """
    pieces = _start(http, path)
    if answers_at_once:
        _next(http, pieces, READ_SECONDS)
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
            yield from map(_text, lines)
        else:
            ended = piece or http.error(what="ended its log", details="the agent stopped")
    if rest:
        yield _text(rest)
    if ended is not None:
        raise ended


def read_journal(http: AgentHttp, path: str, *, follow: bool) -> Iterator[str]:
    """Yield each line of the body; with ``follow`` it has no end, and may be silent for any time.

    Raises:
        AgentError: the agent cannot be reached, refuses, or is silent for too long.
    """
    pieces = _start(http, path)
    rest = b""
    while (piece := _next(http, pieces, None if follow else READ_SECONDS)) is not None:
        *lines, rest = (rest + piece).split(b"\n")
        yield from map(_text, lines)
    if rest:
        yield _text(rest)


def _text(line: bytes) -> str:
    """Return the line without control characters, which could change what the operator's terminal shows or does.

    Who has root on a client decides what its agents log.
    """
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", line.decode(errors="replace"))


def _next(http: AgentHttp, pieces: "queue.Queue[_Piece]", seconds: float | None) -> bytes | None:
    """Return the next piece of the body; None at its end."""
    try:
        piece = pieces.get(timeout=seconds)
    except queue.Empty:
        raise http.error(what=f"did not answer within {seconds:.0f} s") from None
    if isinstance(piece, AgentError):
        raise piece
    return piece


def _start(http: AgentHttp, path: str) -> "queue.Queue[_Piece]":
    pieces: queue.Queue[_Piece] = queue.Queue()
    # A daemon thread, because a read cannot be interrupted, and the end of the process must not wait for one.
    threading.Thread(target=_read, args=(http, path, pieces), daemon=True).start()
    return pieces


def _read(http: AgentHttp, path: str, pieces: "queue.Queue[_Piece]") -> None:
    try:
        for piece in http.stream(path):
            pieces.put(piece)
    except AgentError as error:
        pieces.put(error)
    else:
        pieces.put(None)
