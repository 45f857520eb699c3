"""What a slow, failing or wrongly addressed API makes the user read: each pause, each request, never a secret."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from bakery.cloud.digitalocean import DigitalOcean, connect
from bakery.cloud.transport import TransportLimits
from bakery.cloud.watch import Exchange, Retry
from bakery.errors import RateLimitedError, UnreachableError
from tests.helpers.ports import free_port
from tests.integration.test_cloud_transport import (
    ACCOUNT,
    FAST,
    HTML_502,
    TOKEN,
    USER_DATA,
    reply,
    request_for,
    reset,
    serving,
)

pytestmark = pytest.mark.integration


@dataclass
class RecordingWatcher:
    """A watcher that records what it is told."""

    retries: list[Retry] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    holds: list[float] = field(default_factory=list)

    def retrying(self, retry: Retry) -> None:
        self.retries.append(retry)

    def holding(self, seconds: float) -> None:
        self.holds.append(seconds)

    def answered(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)


@contextmanager
def cloud(url: str, limits: TransportLimits = FAST) -> Iterator[tuple[DigitalOcean, RecordingWatcher]]:
    heard = RecordingWatcher()
    made = connect(endpoint=url, token=TOKEN, limits=limits, watcher=heard)
    try:
        yield made, heard
    finally:
        made.close()


def test_each_retry_is_told_with_its_reason_and_its_pause() -> None:
    with serving(HTML_502, reset, reply(200, ACCOUNT)) as (_, url), cloud(url) as (api, heard):
        api.get_account()
    assert heard.retries == [
        Retry(reason="the API answered 502", number=1, most=2, seconds=0.01),
        Retry(reason=f"cannot reach {url[7:]} (the connection was closed)", number=2, most=2, seconds=0.02),
    ]


def test_a_429_is_told_with_the_pause_that_the_api_asks_for() -> None:
    busy = reply(429, {"id": "too_many_requests", "message": "slow"}, retry_after="1")
    with serving(busy, reply(200, ACCOUNT)) as (_, url), cloud(url) as (api, heard):
        api.get_account()
    (retry,) = heard.retries
    assert (retry.reason, retry.number, retry.most) == ("the API answered 429", 1, 2)
    assert retry.seconds == pytest.approx(1, abs=0.1)
    assert heard.holds == [], "not told twice"


def test_a_pause_that_nobody_will_wait_for_is_not_promised() -> None:
    hour = reply(429, {}, retry_after="1800")
    with serving(hour) as (_, url), cloud(url) as (api, heard), pytest.raises(RateLimitedError):
        api.get_account()
    assert heard.retries == []


def test_an_answer_at_once_is_no_news() -> None:
    with serving(reply(200, ACCOUNT)) as (_, url), cloud(url) as (api, heard):
        api.get_account()
    assert (heard.retries, heard.holds) == ([], [])


def test_a_create_that_failed_promises_no_retry() -> None:
    with serving(HTML_502) as (_, url), cloud(url) as (api, heard), pytest.raises(UnreachableError):
        api.create_droplet(request_for())
    assert heard.retries == []


def test_each_request_is_told_without_its_body() -> None:
    tags = {"tags": [], "links": {}, "meta": {"total": 0}}
    refused = reply(422, {"id": "x", "message": f"bad: {USER_DATA} Bearer {TOKEN}"})
    with serving(reply(200, tags), refused, reset) as (server, url), cloud(url) as (api, heard):
        api.list_tags()
        for _ in range(2):
            with pytest.raises(Exception, match=r"POST /v2/droplets"):
                api.create_droplet(request_for())
    assert [(e.method, e.path, e.status) for e in heard.exchanges] == [
        ("GET", "/v2/tags?page=1&per_page=200", 200),
        ("POST", "/v2/droplets", 422),
        ("POST", "/v2/droplets", 0),
    ]
    assert all(0 <= exchange.seconds < 10 for exchange in heard.exchanges)
    assert any(b"CANARY-user-data" in body for body in server.bodies), "control: it was sent"
    assert "CANARY" not in repr(heard)


@contextmanager
def answering(said: bytes) -> Iterator[str]:
    """A port that says the same to everybody, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(1)
                    connection.recv(4096)
                    connection.sendall(said)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def failure_at(url: str, limits: TransportLimits = FAST) -> tuple[UnreachableError, RecordingWatcher]:
    with cloud(url, limits) as (api, heard), pytest.raises(UnreachableError) as caught:
        api.get_account()
    return caught.value, heard


def test_nobody_listens() -> None:
    error, heard = failure_at(f"http://127.0.0.1:{free_port()}")
    assert error.details == "connection refused: nothing listens there"
    assert str(error.hint) == "correct DIGITALOCEAN_API_URL, or start the emulator it names: bakery emulator up"
    assert len(heard.retries) == 2


def test_a_name_that_nobody_knows() -> None:
    """RFC 6761: .invalid never resolves."""
    error, heard = failure_at("https://api.emulator.invalid")
    assert error.details == "the name api.emulator.invalid cannot be resolved"
    assert error.hint == "check the network and DIGITALOCEAN_API_URL, then run the same command again"
    assert len(heard.retries) == 2, "name servers fail for moments too"


def test_a_port_that_does_not_speak_tls() -> None:
    """Asking again does not help, so it is said at once."""
    with answering(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n") as place:
        error, heard = failure_at(f"https://{place}")
    assert error.details == "it does not speak TLS"
    assert error.hint == f"an emulator speaks plain http: DIGITALOCEAN_API_URL=http://{place}"
    assert heard.retries == []
