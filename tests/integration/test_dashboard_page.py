"""The dashboard's page in a real browser, on made-up reports: bad news, no news, and names that are code."""

from collections.abc import Iterator
from contextlib import ExitStack
from copy import deepcopy
from typing import Any

import pytest

from bakery.browser.dashboard import FILES, FOLDER, report, serve_dashboard
from bakery.browser.looker import Looker
from bakery.errors import BakeryError
from tests.helpers.chromium import Page, chromium, find_chromium
from tests.helpers.cli_schemas import check_answer

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium"),
]

CODE = "<img src=x onerror=\"document.title='broken'\">"
CERTIFICATE = {"not_after": "2027-01-01T00:00:00Z", "days_left": 40, "share_left": 0.11, "source": "measured"}


def node(name: str, role: str, **change: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    server = role == "consul-server"
    return {
        "name": f"demo-{name}",
        "role": role,
        "healthy": True,
        "public_ipv4": "198.18.0.1",
        "private_ipv4": "10.100.0.2",
        "consul": {"status": "alive", "version": "1.22.5", "voter": server or None, "leader": server or None},
        "nomad": {"status": "-", "version": None, "voter": None, "leader": None},
        "droplet": {"id": 1, "status": "active", "size": "s-1vcpu-1gb", "monthly_usd": 6.0, "age_seconds": 7200},
        "differs": [],
        "certificate": CERTIFICATE,
        "allocations": [],
    } | change


def job(name: str, state: str) -> dict[str, Any]:
    return {"name": name, "namespace": "default", "type": "service", "state": state, "running": 1, "wanted": 2}


STATE: dict[str, Any] = {
    "cluster": "demo",
    "region": "fra1",
    "cloud": "DigitalOcean (api.digitalocean.com), account a@b.c",
    "healthy": True,
    "headline": "demo is healthy: 2 of 2 nodes healthy",
    "causes": [],
    "next": [],
    "warnings": [],
    "monthly_usd": 12.0,
    "ways_in": [],
    "roles": [
        {"name": "consul-server", "kind": "consul-server"},
        {"name": "nomad-client", "kind": "nomad-client"},
    ],
    "nodes": [node("consul-server-1", "consul-server"), node("nomad-client-1", "nomad-client")],
    "jobs": {"error": None, "jobs": [job("web", "healthy")]},
}


class Site:
    """What is looked at, and the page that shows it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.state: dict[str, Any] | None = deepcopy(STATE)
        self._looker = Looker(
            self._look,
            lambda error: {"message": error.message, "details": None, "hint": "do that"},
            lambda error: BakeryError(message=str(error)),
            every=0.2,
        )
        self._held = ExitStack()
        self.url = self._held.enter_context(serve_dashboard(self._looker, 0))

    def open(self) -> None:
        self.page.complaints.clear()
        self.page.goto(self.url)

    def end(self) -> None:
        self._held.close()

    def check(self) -> None:
        """The report is of the published form, and the page has nothing to complain of."""
        check_answer(dict(report(self._looker)), "dashboard")
        assert self.page.complaints == []

    def _look(self) -> dict[str, Any]:
        if self.state is None:
            message = "the API cannot be reached"
            raise BakeryError(message=message)
        return self.state


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as made:
        yield made


@pytest.fixture
def site(page: Page) -> Iterator[Site]:
    made = Site(page)
    yield made
    made.end()


def test_good_news_is_calm(site: Site) -> None:
    site.open()
    site.page.wait_for_text("healthy: 2 of 2 nodes healthy")
    text = site.page.text()
    for shown in (
        "demo",
        "fra1",
        "$12",
        "Consul servers",
        "consul-server-1",
        "leader",
        "Nomad clients",
        "2 h old",
    ):
        assert shown in text
    assert site.page.run("document.getElementById('wrong').hidden")
    assert site.page.run("document.getElementById('notice').hidden")
    site.check()


def test_bad_news_come_first_with_the_next_step(site: Site) -> None:
    assert site.state is not None
    site.state |= {
        "healthy": False,
        "headline": "demo is not healthy: 1 of 2 nodes healthy, 1 of 9 conditions not met",
        "causes": [{"conditions": "consul-leader", "state": "missing", "message": "Consul has no leader"}],
        "next": ["bakery launch"],
    }
    site.state["nodes"][0] |= {
        "healthy": False,
        "consul": {"status": "failed", "version": None, "voter": True, "leader": False},
    }
    site.state["jobs"]["jobs"] = [job("web", "healthy"), job("api", "degraded")]
    site.open()
    site.page.wait_for_text("not healthy: 1 of 2 nodes healthy")
    text = site.page.text()
    places = [
        text.index(words) for words in ("Consul has no leader", "bakery launch", "Consul servers", "Nomad clients")
    ]
    assert places == sorted(places)
    assert text.index("degraded") < text.index("healthy · 1 of 2")
    assert site.page.run("document.title") == "demo: not healthy"
    site.check()


def test_a_look_that_fails_is_said_and_what_is_shown_is_marked_as_old(site: Site) -> None:
    site.open()
    site.page.wait_for_text("healthy: 2 of 2 nodes healthy")
    assert not site.page.run("document.querySelector('main').classList.contains('old')")  # control
    site.state = None
    site.page.wait_for_text("The last look failed: the API cannot be reached.")
    text = site.page.text()
    assert "help: do that" in text
    assert "last seen healthy" in text
    assert "consul-server-1" in text
    assert site.page.wait_for("/^state of [1-9][0-9]* s ago$/.test(document.getElementById('fresh').innerText)")
    assert site.page.run("document.querySelector('main').classList.contains('old')")
    assert site.page.run("document.title") == "demo: not known"
    site.state = deepcopy(STATE)
    site.page.wait_for("document.getElementById('notice').hidden && document.title === 'demo: healthy'")
    site.check()


def test_nothing_known_is_said(site: Site) -> None:
    site.state = None
    site.open()
    site.page.wait_for_text("The last look failed: the API cannot be reached.")
    assert "The cluster could not be looked at." in site.page.text()
    site.check()


def test_the_end_of_the_command_is_said(site: Site) -> None:
    site.open()
    site.page.wait_for_text("healthy: 2 of 2 nodes healthy")
    site.end()
    site.page.wait_for_text("bakery dashboard does not answer. It may have been ended.")
    assert "What is shown is " in site.page.text()


def test_names_are_text(site: Site) -> None:
    """Whoever may submit a job chooses its name. Control: as HTML it would change the title."""
    assert site.state is not None
    site.state["jobs"]["jobs"] = [job(CODE, "healthy")]
    site.state["warnings"] = [CODE]
    site.open()
    site.page.wait_for_text(CODE)
    assert site.page.run("document.querySelectorAll('img').length") == 0
    assert site.page.run("document.title") == "demo: healthy"
    site.check()


def test_a_page_that_is_hidden_asks_for_nothing(site: Site) -> None:
    site.open()
    site.page.wait_for_text("healthy: 2 of 2 nodes healthy")
    site.page.run("Object.defineProperty(document, 'hidden', {configurable: true, get: () => true})")
    site.page.pause(2.5)
    asked = len(site.page.requested)
    site.page.pause(2.5)
    assert len(site.page.requested) == asked
    site.page.run("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    site.page.pause(0.5)
    assert len(site.page.requested) > asked


def test_all_files_together_are_small() -> None:
    assert sum((FOLDER / name).stat().st_size for name, _ in FILES.values()) < 100_000
