"""An agent's log: pieces become lines, and each way in which it ends."""

import socket
from collections.abc import Iterator
from threading import Event

import pytest

from bakery.agents.monitor import follow, read_journal
from bakery.agents.transport import AgentHttp
from bakery.errors import AgentError
from tests.helpers.agent_wire import target

REFUSED = AgentError(message="Consul at 198.18.0.1:8501 refused GET /v1/agent/monitor (403)", status=403)


class Scripted(AgentHttp):
    """Sends these pieces, then does what an agent does at the end."""

    def __init__(self, *pieces: bytes, error: AgentError | None = None, hangs: Event | None = None) -> None:
        super().__init__(target(), product="Consul", token_header="X-Consul-Token")
        self._pieces, self._error, self._hangs = pieces, error, hangs

    def stream(self, path: str) -> Iterator[bytes]:
        assert path == "/v1/agent/monitor"
        yield from self._pieces
        if self._hangs is not None:
            self._hangs.wait(60)
        if self._error is not None:
            raise self._error


def lines_of(http: AgentHttp, *, seconds: float | None = None) -> tuple[list[str], str]:
    """The lines, and the message of the error that ended them."""
    found: list[str] = []
    try:
        found.extend(follow(http, "/v1/agent/monitor", seconds=seconds, answers_at_once=True))
    except AgentError as error:
        return found, error.message
    return found, ""


def test_pieces_become_lines_and_the_end_of_the_agent_is_an_error() -> None:
    http = Scripted(b"", b"one\ntw", b"o\n", b"\xff three")
    assert lines_of(http) == (["one", "two", "\ufffd three"], "Consul at 198.18.0.1:8501 ended its log")


def test_a_line_does_nothing_to_the_terminal() -> None:
    """Who has root on a client decides what it logs: here, what sets the operator's clipboard."""
    http = Scripted(b"", "\x1b]52;c;aGk=\x07 caf\u00e9\tend\r\n".encode())
    assert lines_of(http)[0] == ["\ufffd]52;c;aGk=\ufffd caf\u00e9\tend\ufffd"]


def test_a_refusal_is_the_error() -> None:
    assert lines_of(Scripted(error=REFUSED)) == ([], REFUSED.message)
    assert lines_of(Scripted(b"", b"one\n", error=REFUSED)) == (["one"], REFUSED.message)


def test_after_the_seconds_it_ends_although_the_agent_says_nothing() -> None:
    released = Event()
    assert lines_of(Scripted(b"", b"one\n", hangs=released), seconds=0.2) == (["one"], "")
    released.set()


def test_an_agent_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bakery.agents.monitor.READ_SECONDS", 0.1)
    released = Event()
    assert lines_of(Scripted(hangs=released)) == ([], "Consul at 198.18.0.1:8501 did not answer within 0 s")
    released.set()


def test_a_machine_that_is_gone_without_a_word_is_noticed_within_a_minute() -> None:
    http = AgentHttp(target(), product="Consul", token_header="X-Consul-Token")
    adapter = http._session.get_adapter("https://198.18.0.1:8501/")
    options = set(adapter.poolmanager.connection_pool_kw["socket_options"])  # type: ignore[attr-defined]
    assert options >= {
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    }


def journal_of(http: AgentHttp, *, follow: bool = False) -> tuple[list[str], str]:
    found: list[str] = []
    try:
        found.extend(read_journal(http, "/v1/agent/monitor", follow=follow))
    except AgentError as error:
        return found, error.message
    return found, ""


def test_a_journal_has_an_end() -> None:
    assert journal_of(Scripted(b"", b"one\ntw", b"", b"o\nthree")) == (["one", "two", "three"], "")
    assert journal_of(Scripted(b"")) == ([], "")


def test_a_journal_that_is_cut_off_is_an_error() -> None:
    assert journal_of(Scripted(b"", b"one\n", error=REFUSED)) == (["one"], REFUSED.message)


def test_a_journal_may_be_silent_only_while_it_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bakery.agents.monitor.READ_SECONDS", 0.1)
    released = Event()
    hanging = Scripted(b"", b"one\n", hangs=released)
    assert journal_of(hanging) == (["one"], "Consul at 198.18.0.1:8501 did not answer within 0 s")
    released.set()
    assert journal_of(hanging, follow=True) == (["one"], "")
