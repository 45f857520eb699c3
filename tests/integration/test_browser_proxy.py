"""The proxy of ``bakery ui``, between HTTP on loopback and an agent that wants a certificate and a token."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bakery.agents.model import Target
from bakery.browser.proxy import proxied
from bakery.browser.server import DRAWN, LocalHandler, LocalServer
from bakery.browser.upstream import Upstream
from bakery.errors import UsageError
from bakery.proc import run
from bakery.wait import Pending, wait_until
from tests.helpers.ports import free_port
from tests.helpers.tls_agent import TOKEN, Pki, TlsAgent, make_pki

pytestmark = pytest.mark.integration

SECONDS = 20.0
ABOUT_CLIENTS = "c0ffee00-0000-4000-8000-00000000ca4b"
"""The token for questions that Nomad's servers pass on to clients."""


@dataclass
class Proxy:
    """A running proxy, its agents, and what happened."""

    pki: Pki
    agents: list[TlsAgent]
    url: str = ""
    later: list[TlsAgent] = field(default_factory=list)
    """The agents that a further look finds."""
    looks: int = 0
    sockets: int = 0
    hidden: tuple[str, ...] = ()
    """The tokens of the run."""

    def look_again(self) -> None:
        self.looks += 1
        self.agents = self.later or self.agents

    def socket(self) -> None:
        self.sockets += 1

    def with_other_token(self) -> list[Target]:
        return [replace(agent.target, token=ABOUT_CLIENTS) for agent in self.agents]

    def connection(self) -> HTTPConnection:
        return HTTPConnection(urlsplit(self.url).netloc, timeout=SECONDS)

    def ask(self, method: str, path: str, body: bytes = b"", /, **headers: str) -> tuple[HTTPResponse, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(self.connection()) as connection:
            connection.request(method, path, body=body or None, headers=named)
            response = connection.getresponse()
            return response, response.read()

    def echo(self, method: str = "GET", path: str = "/v1/echo", **headers: str) -> Any:  # noqa: ANN401 - JSON
        response, content = self.ask(method, path, **headers)
        assert response.status == 200, content
        return json.loads(content)


def test_the_browser_keeps_no_reply_of_the_api(proxy: Proxy) -> None:
    """The program that listens there next could read it. Control: files of the UI are kept as the agent says."""
    for path in ("/v1/acl/tokens", "/v1/echo?/ui/", "/uix"):
        assert proxy.ask("GET", path)[0].headers.get_all("Cache-Control") == ["no-store"], path
    assert proxy.ask("GET", "/ui/assets/a.js")[0].headers.get_all("Cache-Control") == ["max-age=60"]


@pytest.mark.skipif(sys.platform != "linux", reason="others answer at 127.0.0.1 only")
def test_each_run_has_an_address_that_no_other_has(tmp_path: Path) -> None:
    """Control: at an address and a port that were chosen, what an earlier program left is that of the page."""
    with (
        proxy_of(tmp_path / "a", "server.demo.consul") as one,
        proxy_of(tmp_path / "b", "server.demo.consul") as two,
    ):
        hosts = [urlsplit(each.url).hostname or "" for each in (one, two)]
        assert all(ip_address(host) in DRAWN for host in hosts)
        assert hosts[0] != hosts[1]
        assert two.ask("GET", "/v1/echo", Host=urlsplit(one.url).netloc)[0].status == 403
    with LocalServer(free_port(), LocalHandler) as chosen:
        assert urlsplit(chosen.url).hostname == "127.0.0.1"


@contextmanager
def proxy_of(folder: Path, *names: str) -> Iterator[Proxy]:
    """A proxy with an agent for each name in its certificate."""
    pki = make_pki(folder)
    with ExitStack() as held:
        agents = [held.enter_context(pki.agent(name=name)) for name in names]
        proxy = Proxy(pki=pki, agents=agents)
        upstream = Upstream(
            "Consul", lambda: [agent.target for agent in proxy.agents], proxy.look_again, lambda: proxy.hidden
        )
        about_clients = Upstream("Consul", proxy.with_other_token, proxy.look_again, lambda: proxy.hidden)
        proxy.url = held.enter_context(proxied(upstream, 0, proxy.socket, about_clients))
        yield proxy


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    with proxy_of(tmp_path, "server.demo.consul") as made:
        yield made


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Proxy]:
    with proxy_of(tmp_path, "server.demo.consul", "server.demo.consul") as made:
        yield made


def test_the_token_is_added_and_the_browsers_own_secrets_stay_here(proxy: Proxy) -> None:
    secrets = {
        "X_Consul_Token": "of the browser",
        "Cookie": "a=b",
        "Authorization": "Bearer x",
        "Referer": "http://x/",
    }
    told = proxy.echo(Accept="application/json", **secrets)["headers"]
    assert proxy.agents[0].tokens == [TOKEN]
    assert told["Accept"] == "application/json"
    assert {"Cookie", "Authorization", "Referer", "Origin"} & set(told) == set()
    response, content = proxy.ask("GET", "/v1/agent/self")
    assert response.headers["X-Consul-Index"] == "7"
    assert TOKEN not in str(response.headers)
    assert json.loads(content)["path"] == "/v1/agent/self"


@pytest.mark.parametrize("path", ["/v1/acl/token/self", "/v1/%61cl/token/self?pretty", "/v1/jobs"])
def test_a_reply_that_holds_the_token_arrives_without_it(proxy: Proxy, path: str) -> None:
    """Consul and Nomad show to every token its own secret. Control: the agent does send it, and not compressed."""
    _, content = proxy.ask("GET", path, Accept_Encoding="gzip")
    told = json.loads(content)
    assert told["headers"]["X-Consul-Token"] == "x" * len(TOKEN)
    assert "gzip" not in told["headers"].get("Accept-Encoding", "")
    assert proxy.agents[0].tokens == [TOKEN]


@pytest.mark.parametrize("path", ["/v1/acl/token/4f1c", "/v1/client/stats"])
def test_a_reply_that_holds_another_token_of_the_run_arrives_without_it(proxy: Proxy, path: str) -> None:
    """The token for questions about clients is another one. Control: other tokens arrive."""
    other, foreign = "c0ffee00-0000-4000-8000-00000000ca4c", "c0ffee00-0000-4000-8000-00000000ca4d"
    proxy.hidden = (TOKEN, ABOUT_CLIENTS, other)
    given = f"{TOKEN} {ABOUT_CLIENTS} {other} {foreign}"
    response, content = proxy.ask("PUT", path, given.encode())
    hidden = "x" * len(TOKEN)
    assert response.status == 200
    assert json.loads(content)["body"] == f"{hidden} {hidden} {hidden} {foreign}"


@pytest.mark.parametrize(
    "path",
    ["/v1/acl/token/onetime", "/v1/acl/token/%6Fnetime/", "/v1/x/../acl/token/onetime?a=b", "/v1/agent/join",
     "/v1/snapshot?stale", "/v1/operator/snapshot"],
)  # fmt: skip
def test_a_code_for_the_token_is_not_made(proxy: Proxy, path: str) -> None:
    response, _ = proxy.ask("POST", path)
    assert (response.status, proxy.agents[0].tokens) == (403, [])


@pytest.mark.parametrize(
    "path", ["/v1/kv/a?token=b", "/v1/kv/a?dc=b&%74oken=c", "/v1/kv/a?token", "/v1/x/../kv/a?token=b&token=c"]
)
def test_a_token_in_the_query_is_not_passed_on(proxy: Proxy, path: str) -> None:
    """Consul prefers it to the token of the run."""
    for method in ("GET", "PUT"):
        response, _ = proxy.ask(method, path)
        assert (response.status, proxy.agents[0].tokens) == (403, [])
    assert proxy.ask("GET", "/v1/kv/a?next_token=b&dc=token")[0].status == 200  # control


@pytest.mark.parametrize(
    "path", ["/v1/acl/tokens?filter=a", "/v1/%61cl/tokens?a=b&f%69lter=", "/v1/x/../acl/tokens?a=b&filter=c"]
)
def test_the_token_is_not_searched_for(proxy: Proxy, path: str) -> None:
    response, _ = proxy.ask("GET", path)
    assert (response.status, proxy.agents[0].tokens) == (403, [])
    assert proxy.ask("GET", path.partition("?")[0])[0].status == 200  # control


def test_a_request_has_no_fragment(proxy: Proxy) -> None:
    """A server in Go reads it as a part of the query."""
    response, _ = proxy.ask("GET", "/v1/acl/tokens?a=b#&filter=c")
    assert (response.status, proxy.agents[0].tokens) == (400, [])


@pytest.mark.parametrize(
    ("path", "token"),
    [
        ("/v1/client/fs/logs/4f1c?task=t", ABOUT_CLIENTS),
        ("/v1/x/../%63lient/stats", ABOUT_CLIENTS),
        ("/v1/agent/monitor?log_level=info&node%5Fid=4f1c", ABOUT_CLIENTS),
        ("/v1/allocation/4f1c/checks", ABOUT_CLIENTS),
        ("/v1/job/a/b/action?task=t&action=a&allocID=4f1c", ABOUT_CLIENTS),
        ("/v1/job/a%2Fb/%61ction", ABOUT_CLIENTS),
        ("/v1/job/a/actions", TOKEN),
        ("/v1/allocation/4f1c", TOKEN),
        ("/v1/agent/monitor?server_id=a", TOKEN),
        ("/v1/node/4f1c/allocations", TOKEN),
    ],
)
def test_what_is_passed_on_to_a_client_has_a_token_of_its_own(proxy: Proxy, path: str, token: str) -> None:
    proxy.ask("GET", path)
    assert proxy.agents[0].tokens == [token]


def test_files_of_the_ui_may_be_compressed(proxy: Proxy) -> None:
    assert proxy.echo(path="/ui/assets/a.js", Accept_Encoding="gzip")["headers"]["Accept-Encoding"] == "gzip"


def test_a_body_is_passed_on(proxy: Proxy) -> None:
    response, content = proxy.ask("PUT", "/v1/kv/a?dc=demo", b'{"a": 1}', Content_Type="application/json")
    assert response.status == 200
    told = json.loads(content)
    assert (told["body"], told["path"], told["headers"]["Content-Type"]) == (
        '{"a": 1}', "/v1/kv/a?dc=demo", "application/json",
    )  # fmt: skip


def test_a_stream_is_passed_on_piece_by_piece(proxy: Proxy) -> None:
    with closing(proxy.connection()) as connection:
        connection.request("GET", "/v1/stream")
        response = connection.getresponse()
        assert response.read1(10) == b"one"  # the agent waits for us before it sends more
        proxy.agents[0].go_on.set()
        assert response.read() == b"two"


def test_connections_to_the_agent_are_kept(proxy: Proxy) -> None:
    """The requests are on one connection: the next one is read when the one before has ended."""
    with closing(proxy.connection()) as connection:
        for _ in range(5):
            connection.request("GET", "/v1/echo")
            connection.getresponse().read()
    assert len(proxy.agents[0].connections) == 1


def test_other_pages_get_nothing_from_the_agent(proxy: Proxy) -> None:
    """Control: the same requests without these headers reach it (the tests above)."""
    for headers in (
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
    ):
        for method in ("GET", "POST", "OPTIONS"):
            response, content = proxy.ask(method, "/v1/echo", **headers)
            assert response.status == 403
            assert content.startswith(b"bakery: ")
            assert "Access-Control-Allow-Origin" not in response.headers
    assert proxy.agents[0].asked == []


def test_no_page_may_frame_or_embed_it(proxy: Proxy) -> None:
    response, _ = proxy.ask("GET", "/ui/")
    assert response.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_websocket_is_refused_with_a_reason(proxy: Proxy) -> None:
    response, content = proxy.ask("GET", "/v1/client/allocation/x/exec", Connection="Upgrade", Upgrade="websocket")
    assert (response.status, proxy.sockets) == (501, 1)
    assert content == b"bakery: WebSockets are not passed on: exec works in a terminal only\n"
    assert proxy.agents[0].asked == []


def test_an_agent_with_another_name_gets_no_token(tmp_path: Path) -> None:
    """Control: an agent with the right name gets it."""
    with proxy_of(tmp_path, "client.demo.consul") as proxy:
        response, content = proxy.ask("GET", "/v1/echo")
        assert response.status == 502
        assert b"no Consul server can be reached" in content
        assert b"Hostname mismatch" in content
        assert proxy.agents[0].asked == []


def test_another_server_is_used_once_the_first_is_gone(two: Proxy) -> None:
    first, second = two.agents
    two.echo()
    assert (len(first.asked), len(second.asked)) == (1, 0)
    first.stop()
    for _ in range(3):
        two.echo()
    assert two.ask("PUT", "/v1/kv/a", b"x")[0].status == 200
    assert len(second.asked) == 4
    assert two.looks == 0


@pytest.mark.parametrize(("method", "status", "asked"), [("POST", 502, 0), ("GET", 200, 1)])
def test_a_change_is_not_sent_again_when_its_connection_breaks(
    two: Proxy, method: str, status: int, asked: int
) -> None:
    """The first server may have done it. Control: a read is sent to the other server."""
    first, second = two.agents
    second.go_on.set()
    with closing(two.connection()) as connection:
        connection.request(method, "/v1/hold")
        wait_until(lambda: bool(first.asked) or Pending("not asked"), what="the request", seconds=SECONDS)
        first.stop()
        assert connection.getresponse().status == status
    assert len(second.asked) == asked


def test_new_servers_are_found_when_none_answers(proxy: Proxy) -> None:
    with proxy.pki.agent() as replacement:
        proxy.later = [replacement]
        proxy.agents[0].stop()
        assert proxy.echo()["path"] == "/v1/echo"
        assert (proxy.looks, len(replacement.asked)) == (1, 1)


def test_without_any_server_the_page_says_so(proxy: Proxy) -> None:
    proxy.agents[0].stop()
    response, content = proxy.ask("GET", "/ui/")
    assert response.status == 502
    assert content.startswith(b"bakery: no Consul server can be reached: Consul at 127.0.0.1:")


def test_a_server_that_fails_is_not_asked_first_again(two: Proxy) -> None:
    first, second = two.agents
    first.status = 500
    assert two.ask("GET", "/v1/echo")[0].status == 500  # passed on: the server has answered
    assert two.ask("GET", "/v1/echo")[0].status == 200
    assert (len(first.asked), len(second.asked)) == (1, 1)


def test_a_query_that_no_browser_waits_for_is_ended(proxy: Proxy) -> None:
    """Control: while the browser waits, it goes on."""
    connection = proxy.connection()
    connection.request("GET", "/v1/hold?index=7")
    agent = proxy.agents[0]
    wait_until(lambda: bool(agent.asked) or Pending("not asked"), what="the query", seconds=SECONDS)
    assert not agent.dropped.wait(1.5)
    connection.close()
    assert agent.dropped.wait(SECONDS)


def test_a_reply_that_is_cut_off_does_not_look_whole(proxy: Proxy) -> None:
    with pytest.raises((HTTPException, ConnectionError)):
        proxy.ask("GET", "/v1/short")


def test_a_port_in_use_is_named() -> None:
    upstream = Upstream("Consul", list, lambda: None, tuple)
    with LocalServer(free_port(), LocalHandler) as used:
        expected = pytest.raises(UsageError, match=f"port {used.server_port} is in use")
        with expected, proxied(upstream, used.server_port, lambda: None, upstream):
            pytest.fail("it was opened")


def test_a_body_without_a_length_is_refused(proxy: Proxy) -> None:
    assert proxy.ask("POST", "/v1/echo", Transfer_Encoding="chunked")[0].status == 411
    assert proxy.ask("POST", "/v1/echo", Content_Length="99999999999")[0].status == 413
    assert proxy.agents[0].asked == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_of_this_machine_gets_nothing(proxy: Proxy) -> None:
    """Control: the same program as this user."""
    ask = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", f"{proxy.url}/v1/echo"]
    assert run(ask).stdout == "200"
    assert run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *ask]).stdout == "403"
    assert len(proxy.agents[0].asked) == 1
