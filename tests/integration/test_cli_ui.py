"""``bakery ui`` and ``bakery dashboard`` against real agents: what they open, what they may, how they end."""

import json
import re
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import pexpect
import pytest

from bakery.agents.model import TokenGrant
from bakery.wait import Pending, wait_until
from tests.helpers.chromium import chromium, find_chromium
from tests.helpers.cli import BAKERY, CliHarness
from tests.helpers.cli_schemas import check_answer
from tests.helpers.live_cli import LiveCli, live_cli
from tests.helpers.real_agents import LOOPBACK

pytestmark = pytest.mark.integration

SECONDS = 60.0


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveCli]:
    with live_cli(tmp_path_factory.mktemp("live")) as made:
        yield made


class Opened:
    """A command that serves pages, on a terminal."""

    def __init__(self, child: "pexpect.spawn[str]", urls: dict[str, str]) -> None:
        self.child, self.urls = child, urls

    def ask(self, name: str, method: str, path: str, body: str = "", **headers: str) -> tuple[HTTPResponse, bytes]:
        with closing(HTTPConnection(urlsplit(self.urls[name]).netloc, timeout=SECONDS)) as connection:
            connection.request(method, path, body=body or None, headers=headers)
            response = connection.getresponse()
            return response, response.read()

    def status(self, name: str, method: str, path: str, body: str = "") -> int:
        return self.ask(name, method, path, body)[0].status

    def end(self) -> str:
        """Press Ctrl-C, and return what was printed."""
        self.child.sendintr()
        self.child.expect(pexpect.EOF)
        self.child.close()
        return str(self.child.before)


@contextmanager
def opened(at: CliHarness, *words: str) -> Iterator[Opened]:
    child = pexpect.spawn(
        str(BAKERY), list(words), encoding="utf-8", timeout=SECONDS, dimensions=(50, 120), cwd=str(at.folder)
    )
    child.expect("Ctrl-C ends it\r\n")
    urls = dict(re.findall(r"(Consul|Nomad|Dashboard) +(http://\S+)", child.before))
    try:
        yield Opened(child, urls)
    finally:
        child.close(force=True)


def issued(live: LiveCli) -> list[str]:
    """The names of people that have a token in the cluster."""
    clients = live.agents.clients
    tokens = (*clients.consul(LOOPBACK).list_tokens(), *clients.nomad(LOOPBACK).list_tokens())
    names = [token.grant.description for token in tokens]
    return sorted(name for name in names if name.startswith("bakery: issued to ui-"))


def test_both_uis_are_opened_with_a_token_that_only_reads(live: LiveCli) -> None:
    with opened(live.at, "ui", "--no-open") as ui:
        assert list(ui.urls) == ["Consul", "Nomad"]
        for url in ui.urls.values():
            assert ip_address(urlsplit(url).hostname or "").is_loopback
            assert urlsplit(url).path == "/ui/"
        assert ui.status("Consul", "GET", "/v1/catalog/nodes") == 200
        assert ui.status("Nomad", "GET", "/v1/jobs?namespace=*") == 200
        assert ui.status("Consul", "PUT", "/v1/kv/apps/a", "x") == 403
        assert ui.status("Nomad", "PUT", "/v1/system/gc") == 403
        assert ui.status("Consul", "GET", "/v1/acl/tokens") == 403
        names = issued(live)
        assert len(names) == 2
        assert ui.ask("Consul", "GET", "/v1/catalog/nodes", Host="evil.example")[0].status == 403
        printed = ui.end()
    assert ui.child.exitstatus == 130
    assert "Traceback" not in printed
    assert "stopping" not in printed, "Ctrl-C is how it ends"
    assert issued(live) == []


@pytest.mark.skipif(find_chromium() is None, reason="no Chromium")
def test_the_uis_work_in_a_browser_without_a_login(live: LiveCli) -> None:
    """The browser asks nobody but the proxy, and keeps no token."""
    with opened(live.at, "ui", "--no-open") as ui, chromium() as page:
        for name, path, text in (("Consul", "demo/nodes", "demo-server-1"), ("Nomad", "servers", "demo-server-1")):
            page.goto(ui.urls[name] + path)
            page.wait_for_text(text)
            kept = page.run("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
            for token in (live.agents.bundle.consul_management, live.agents.bundle.nomad_management):
                assert token.secret not in kept
        own = ("data:", *(url.removesuffix("/ui/") for url in ui.urls.values()))
        assert [url for url in page.requested if not url.startswith(own)] == []
        ui.end()


def test_management_may_change_and_is_warned_of(live: LiveCli) -> None:
    """Control for the test above: the same request, with the other token."""
    with opened(live.at, "ui", "consul", "--management", "--no-open") as ui:
        assert "the UIs act with the management tokens" in ui.child.before
        assert ui.status("Consul", "PUT", "/v1/kv/apps/a", "x") == 200
        shown = ui.ask("Consul", "GET", "/v1/acl/token/self")[1].decode()
        assert "global-management" in shown, "control: it is this token's answer"
        assert live.agents.bundle.consul_management.secret not in shown
        assert issued(live) == []
        ui.end()


def test_management_does_not_show_the_other_token_of_the_run(live: LiveCli) -> None:
    """The one for questions about clients. Control: the page reads a token that is not of this run."""
    nomad = live.agents.clients.nomad(LOOPBACK)
    foreign = nomad.create_token(TokenGrant(description="foreign", policies=("bakery-read",)), seconds=600)
    with opened(live.at, "ui", "nomad", "--management", "--no-open") as ui:
        ui.ask("Nomad", "GET", "/v1/client/stats?node_id=4f1c")
        listed = {each.grant.description: each.accessor for each in nomad.list_tokens()}
        (mine,) = issued(live)
        shown = {
            name: json.loads(ui.ask("Nomad", "GET", f"/v1/acl/token/{listed[name]}")[1])["SecretID"]
            for name in (mine, "foreign")
        }
        assert shown == {mine: "x" * 36, "foreign": foreign}
        ui.end()
    nomad.delete_token(listed["foreign"])


def test_a_terminated_run_leaves_no_token(live: LiveCli) -> None:
    with opened(live.at, "ui", "nomad", "--no-open") as ui:
        assert len(issued(live)) == 1
        ui.child.kill(15)
        ui.child.expect(pexpect.EOF)
        ui.child.close()
    assert ui.child.exitstatus == 143
    assert issued(live) == []


@pytest.mark.parametrize("product", ["consul", "nomad"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_while_it_starts_leaves_no_token(
    live: LiveCli, product: str, number: signal.Signals
) -> None:
    """The signal comes as soon as the token is in the cluster. The control is that it was there."""
    before = issued(live)
    child = pexpect.spawn(
        str(BAKERY), ["ui", product, "--no-open"], encoding="utf-8", timeout=SECONDS, cwd=str(live.at.folder)
    )
    try:
        wait_until(lambda: issued(live) != before or Pending("none"), what="a token", seconds=SECONDS, every=0.01)
        child.kill(number)
        child.expect(pexpect.EOF)
        child.wait()
    finally:
        child.close(force=True)
    assert child.exitstatus == 128 + number
    assert "was not deleted" not in child.before
    assert issued(live) == before


def test_what_a_killed_run_leaves_can_be_revoked(live: LiveCli) -> None:
    with opened(live.at, "ui", "--no-open") as ui:
        ui.child.kill(9)
        ui.child.expect(pexpect.EOF)
    listed = live.at("credentials", "list", "--json").json["people"]
    (name,) = [each["name"] for each in listed if each["name"].startswith("ui-")]
    assert live.at("credentials", "revoke", name).code == 0
    assert issued(live) == []


def test_ports_can_be_chosen_and_the_answer_be_read_by_a_program(live: LiveCli) -> None:
    words = ["ui", "--no-open", "--json", "--port", "18500"]
    child = pexpect.spawn(str(BAKERY), words, encoding="utf-8", timeout=SECONDS, cwd=str(live.at.folder))
    try:
        child.expect("Ctrl-C ends it")
        answer = json.loads(child.before[: child.before.rindex("}") + 1])
        check_answer(answer, "ui")
        assert [each["url"] for each in answer["pages"]] == [
            "http://127.0.0.1:18500/ui/", "http://127.0.0.1:18501/ui/",
        ]  # fmt: skip
        again = live.process("ui", "nomad", "--no-open", "--port", "18501", check=False)
        assert again.returncode == 2
        assert again.stderr.startswith("error: port 18501 is in use\n")
        child.sendintr()
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    assert issued(live) == []


def test_the_dashboard_shows_the_cluster_without_secrets(live: LiveCli) -> None:
    bundle = live.agents.bundle
    with opened(live.at, "dashboard", "--no-open") as page:
        assert page.status("Dashboard", "GET", "/") == 200
        report = seen(page)
        check_answer(report, "dashboard")
        state = report["state"]
        assert (state["cluster"], len(state["nodes"])) == ("demo", 3)
        assert state["monthly_usd"] == 18.0
        assert "last look" not in json.dumps(report)
        for path in ("/", "/dashboard.js", "/dashboard.css", "/report.json"):
            response, content = page.ask("Dashboard", "GET", path)
            assert response.status == 200
            for secret in (
                bundle.consul_management.secret,
                bundle.nomad_management.secret,
                bundle.consul_gossip_key,
            ):
                assert secret.encode() not in content
            assert page.ask("Dashboard", "GET", path, Host="evil.example")[0].status == 403
        assert page.status("Dashboard", "GET", "/../bakery.yaml") == 404
        assert page.status("Dashboard", "POST", "/report.json") == 405
        page.end()
    assert page.child.exitstatus == 130


def test_the_dashboard_goes_on_when_a_look_fails(live: LiveCli) -> None:
    with opened(live.at, "dashboard", "--no-open") as page:
        before = seen(page)
        live.at.api.post("/_emulator/faults", {"path": "/v2/droplets", "status": 401, "times": 0})
        try:
            failed = seen(page, "error")
        finally:
            live.at.api.delete("/_emulator/faults")
        assert failed["state"] == before["state"]
        assert failed["age_seconds"] > 0
        assert failed["error"]["message"]
        assert seen(page, "state", without_error=True)["error"] is None
        page.end()


def seen(page: Opened, what: str = "state", *, without_error: bool = False) -> Any:  # noqa: ANN401 - JSON
    """The report, once it has that."""

    def look() -> Any:  # noqa: ANN401 - JSON
        found = json.loads(page.ask("Dashboard", "GET", "/report.json")[1])
        ready = found[what] is not None and not (without_error and found["error"])
        return found if ready else Pending(json.dumps(found)[:500])

    return wait_until(look, what=f"a report with {what}", seconds=SECONDS, every=0.3)


def test_without_credentials_or_servers_nothing_is_opened(at: CliHarness) -> None:
    for words in (("ui",), ("dashboard",)):
        assert at(*words, "--no-open").code == 3
    assert at("launch", "--yes", "--wait", "active").code == 0
    ran = at("ui", "--no-open")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err.startswith("error: no Consul server of cluster demo answers\n")
    assert at("ui", "vault").err.startswith("error: invalid value for")
    assert at("ui", "--port", "70000").code == 2
