"""The adapter against a server on loopback that misbehaves on purpose."""

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bakery.cloud.access import operator_address
from bakery.cloud.digitalocean import DigitalOcean, connect
from bakery.cloud.model import DropletRequest
from bakery.cloud.transport import TransportLimits
from bakery.errors import (
    BakeryError,
    NotFoundError,
    RateLimitedError,
    UnauthorizedError,
    UnprocessableError,
    UnreachableError,
    UsageError,
)

pytestmark = pytest.mark.integration

TOKEN = "CANARY-token"
USER_DATA = '#cloud-config\n# "CANARY-user-data"\n'
FAST = TransportLimits(connect=0.5, read=0.5, tries=3, patience=5, first_pause=0.01, rate_patience=5)
ACCOUNT = {"account": {"uuid": "u", "email": "a@b.c", "status": "active", "droplet_limit": 25}}


class Server:
    """Answers with what its script says; the last line of the script repeats."""

    def __init__(self, script: list[Callable[[BaseHTTPRequestHandler], None]]) -> None:
        self.script = script
        self.seen: list[tuple[str, str]] = []
        self.authorizations: list[str | None] = []
        self.bodies: list[bytes] = []

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        self.bodies.append(handler.rfile.read(int(handler.headers.get("content-length") or 0)))
        self.seen.append((handler.command, handler.path))
        self.authorizations.append(handler.headers.get("authorization"))
        (self.script.pop(0) if len(self.script) > 1 else self.script[0])(handler)


def reply(status: int, body: object = None, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """A whole reply; a dict becomes JSON. Underscores in header names are dashes."""
    data = body.encode() if isinstance(body, str) else b"" if body is None else json.dumps(body).encode()

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return send


def reset(handler: BaseHTTPRequestHandler) -> None:
    """RST instead of a reply."""
    linger = (1).to_bytes(4, "little") + bytes(4)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()
    handler.close_connection = True


def silence(handler: BaseHTTPRequestHandler) -> None:
    """No reply for longer than FAST reads."""
    time.sleep(1.5)
    handler.close_connection = True


def half(handler: BaseHTTPRequestHandler) -> None:
    """Promises more than it sends."""
    handler.wfile.write(b'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"account": ')
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_WR)
    handler.close_connection = True


@contextmanager
def serving(*script: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[tuple[Server, str]]:
    behaviour = Server(list(script))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            behaviour.handle(self)

        do_POST = do_PUT = do_DELETE = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's signature
            """A connection that the test broke is no news."""

    server = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield behaviour, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


OPEN: list[DigitalOcean] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()


def cloud_at(url: str) -> DigitalOcean:
    cloud = connect(endpoint=url, token=TOKEN, limits=FAST)
    OPEN.append(cloud)
    return cloud


def request_for(name: str = "a") -> DropletRequest:
    return DropletRequest(
        name=name, region="fra1", size="s", image=1, tags=(), vpc_id=None, ssh_keys=(), user_data=USER_DATA
    )


HTML_502 = reply(502, "<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")


@pytest.mark.parametrize(
    "fault", [HTML_502, reset, silence, half, reply(500), reply(200, "<html>"), reply(200, [1])]
)
def test_a_read_is_repeated_after_any_kind_of_no_reply(fault: Callable[[BaseHTTPRequestHandler], None]) -> None:
    with serving(fault, fault, reply(200, ACCOUNT)) as (server, url):
        assert cloud_at(url).get_account().droplet_limit == 25
    assert [method for method, _ in server.seen] == ["GET"] * 3


@pytest.mark.parametrize("fault", [HTML_502, reset, silence, half, reply(500), reply(200, {}), reply(429)])
def test_a_create_is_never_repeated(fault: Callable[[BaseHTTPRequestHandler], None]) -> None:
    with serving(fault) as (server, url):
        with pytest.raises((UnreachableError, RateLimitedError)):
            cloud_at(url).create_droplet(request_for())
        time.sleep(0.1)
    assert server.seen == [("POST", "/v2/droplets")]


@pytest.mark.parametrize("fault", [HTML_502, reset, silence])
def test_faults_without_end_end_in_a_named_error(fault: Callable[[BaseHTTPRequestHandler], None]) -> None:
    with serving(fault) as (server, url):
        with pytest.raises(UnreachableError) as caught:
            cloud_at(url).get_account()
        assert "GET /v2/account" in caught.value.message
        assert caught.value.exit_code == 4
    assert len(server.seen) == 3


def test_nobody_listens() -> None:
    with serving(reply(200)) as (_, url):
        pass
    with pytest.raises(UnreachableError, match=r"cannot reach 127\.0\.0\.1:"):
        cloud_at(url).get_account()


def test_a_delete_whose_reply_was_lost_is_done() -> None:
    with serving(reset, reply(404, {"id": "not_found", "message": "gone"})) as (server, url):
        cloud_at(url).delete_droplet(7)
    assert server.seen == [("DELETE", "/v2/droplets/7")] * 2


@pytest.mark.parametrize(
    ("status", "kind"), [(401, UnauthorizedError), (403, UnauthorizedError), (422, UnprocessableError)]
)
def test_a_refusal_is_not_repeated(status: int, kind: type[BakeryError]) -> None:
    with serving(reply(status, {"id": "x", "message": "No."}, x_request_id="r-1")) as (server, url):
        with pytest.raises(kind) as caught:
            cloud_at(url).get_account()
        assert caught.value.details == "No.\nrequest id r-1"
    assert len(server.seen) == 1


def test_what_is_not_there_is_none() -> None:
    with serving(reply(404, {"id": "not_found", "message": "no"})) as (_, url):
        assert cloud_at(url).find_droplet(1) is None
        with pytest.raises(NotFoundError):
            cloud_at(url).create_droplet(request_for())


def test_retry_after_is_honoured() -> None:
    busy = reply(429, {"id": "too_many_requests", "message": "slow"}, retry_after="1")
    with serving(busy, reply(200, ACCOUNT)) as (_, url):
        started = time.monotonic()
        cloud_at(url).get_account()
        assert time.monotonic() - started >= 1


def test_a_used_up_hour_ends_at_once_with_its_time() -> None:
    body = {"id": "too_many_requests", "message": "hourly limit"}
    with serving(reply(429, body, ratelimit_reset=str(int(time.time()) + 1800))) as (server, url):
        with pytest.raises(RateLimitedError) as caught:
            cloud_at(url).get_account()
        assert str(caught.value.hint).startswith("run the same command again in 1")
    assert len(server.seen) == 1


def paged(
    total: int, *, claimed: int | None = None, next_host: str = ""
) -> Callable[[BaseHTTPRequestHandler], None]:
    """A list of tags in pages, as the API sends it."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        query = parse_qs(urlsplit(handler.path).query)
        page, size = int(query["page"][0]), int(query["per_page"][0])
        tags = [{"name": f"t{number}"} for number in range(total)][(page - 1) * size : page * size]
        pages = {"next": f"{next_host}/v2/tags?page={page + 1}"} if page * size < total else {}
        body = {"tags": tags, "links": {"pages": pages}, "meta": {"total": total if claimed is None else claimed}}
        reply(200, body)(handler)

    return send


@pytest.mark.parametrize("total", [0, 1, 200, 201, 401])
def test_every_page_is_read(total: int) -> None:
    with serving(paged(total)) as (server, url):
        assert len(cloud_at(url).list_tags()) == total
    assert len(server.seen) == max(1, -(-total // 200))


@pytest.mark.parametrize("total", [0, 1, 401])
def test_a_count_is_one_request(total: int) -> None:
    with serving(paged(total)) as (server, url):
        assert cloud_at(url).count_droplets() == total
    assert len(server.seen) == 1


def test_a_reply_without_a_count_is_an_error() -> None:
    with serving(reply(200, {"droplets": []})) as (_, url), pytest.raises(UnreachableError) as caught:
        cloud_at(url).count_droplets()
    assert caught.value.details == "no number meta.total in it"


def test_an_error_on_the_second_page_is_not_a_short_list() -> None:
    """python-digitalocean returns the first page here."""
    with serving(paged(401), HTML_502, HTML_502, HTML_502) as (_, url), pytest.raises(UnreachableError):
        cloud_at(url).list_tags()


def test_a_fault_on_the_second_page_heals() -> None:
    with serving(paged(401), HTML_502, paged(401)) as (_, url):
        assert len(cloud_at(url).list_tags()) == 401


def test_pages_that_do_not_add_up_are_an_error() -> None:
    with serving(paged(3, claimed=5)) as (server, url):
        with pytest.raises(UnreachableError) as caught:
            cloud_at(url).list_tags()
        assert caught.value.details == "3 of 5"
    assert len(server.seen) == 3


def test_the_token_goes_to_no_other_host() -> None:
    with serving(reply(200)) as (other, other_url), serving(paged(401, next_host=other_url)) as (_, url):
        assert len(cloud_at(url).list_tags()) == 401
        assert other.seen == []
        with (
            serving(reply(302, location=f"{other_url}/v2/account")) as (_, moved),
            pytest.raises(UnreachableError),
        ):
            cloud_at(moved).get_account()
        assert other.seen == []


def test_netrc_does_not_replace_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login eve password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(reply(200, ACCOUNT)) as (server, url):
        cloud_at(url).get_account()
        assert server.authorizations == [f"Bearer {TOKEN}"]


def test_a_proxy_does_not_see_what_goes_to_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(reply(200, {})) as (proxy, proxy_url), serving(reply(200, ACCOUNT)) as (_, url):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy_url)
        cloud_at(url).get_account()
        assert proxy.seen == []


def test_no_secret_in_any_log_or_error(caplog: pytest.LogCaptureFixture) -> None:
    """python-digitalocean prints user-data at DEBUG; an error body may quote the request."""
    caplog.set_level(logging.DEBUG)
    errors: list[str] = []

    def quote(handler: BaseHTTPRequestHandler) -> None:
        reply(422, {"id": "x", "message": f"bad: {USER_DATA} {json.dumps(USER_DATA)} Bearer {TOKEN}"})(handler)

    with serving(quote, HTML_502, reset, reply(200, {"droplet": {}}), half) as (server, url):
        cloud = cloud_at(url)
        for _ in range(5):
            with pytest.raises(BakeryError) as caught:
                cloud.create_droplet(request_for())
            errors += [repr(caught.value), str(caught.value.details), caught.exconly()]
        errors.append(repr(vars(cloud)))
    assert all(b"CANARY-user-data" in body for body in server.bodies), "control: it was sent"
    assert "POST /v2/droplets" in caplog.text, "control: somebody logs at DEBUG"
    assert "CANARY" not in "".join(errors)
    assert "CANARY" not in caplog.text


@pytest.mark.parametrize(
    ("body", "address"), [("198.51.100.7\n", "198.51.100.7/32"), (" 10.1.2.3 ", "10.1.2.3/32")]
)
def test_the_operators_address(body: str, address: str) -> None:
    with serving(reply(200, body)) as (server, url):
        assert operator_address(f"{url}/address") == address
        assert server.authorizations == [None]


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, "0.0.0.0"), reply(200, "0.0.0.0/0"), reply(200, "::1"), reply(200, "<html>log in</html>"),
        reply(200, ""), reply(200, "1" * 5000), reply(200, "224.0.0.1"), reply(200, "255.255.255.255"),
        reply(500, "198.51.100.7"), reply(302, location="http://127.0.0.1:1/"), reset, half,
    ],
)  # fmt: skip
def test_no_address_is_never_everybody(answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
    with serving(answer) as (_, url):
        with pytest.raises(UsageError) as caught:
            operator_address(url)
        assert caught.value.hint == "give the address yourself: --admin-cidr ADDRESS/32"
        assert caught.value.exit_code == 2
