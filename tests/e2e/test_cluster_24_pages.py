"""The dashboard and the web UIs in a real browser, on the shared cluster: `bakery dashboard`, `bakery ui`."""

from collections.abc import Iterator

import pytest

from tests.helpers.chromium import Page, chromium, find_chromium
from tests.helpers.cluster_e2e import JOBS, PATIENCE, Cluster
from tests.helpers.pages_e2e import opened_pages

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PAGE_BYTES = 200_000
FIRST_PAINT_MS = 1000
PHONE = 390
NODES = "[...document.querySelectorAll('[data-node]')]"
LOADED = "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    if find_chromium() is None:
        pytest.skip("no Chromium")  # tests/run.sh installs it, and fails in CI if it cannot
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def board(cluster: Cluster, page: Page) -> Iterator[str]:
    with opened_pages(cluster, "dashboard") as pages:
        page.goto(pages["dashboard"])
        page.wait_for_text("a month")
        yield pages["dashboard"]


def test_the_dashboard_shows_the_cluster(cluster: Cluster, page: Page, board: str) -> None:
    page.wait_for("document.querySelector('.verdict.good') !== null")
    names = [f"demo-{role}-{i}" for role in ("consul-server", "nomad-server", "nomad-client") for i in (1, 2, 3)]
    shown = page.run(f"{NODES}.map(each => [each.dataset.node, each.dataset.healthy])")
    assert sorted(shown) == sorted([name, "true"] for name in names)
    leading = page.run(f"{NODES}.filter(each => each.innerText.includes('leader')).map(each => each.dataset.node)")
    seen = {cluster.leader_seen_by("demo-consul-server-1"), cluster.leader_seen_by("demo-nomad-server-1")}
    assert set(leading) == seen
    status = cluster.status()
    assert page.run("document.title") == "demo: healthy"
    for droplet in status["droplets"]:
        assert droplet["consul_version"] in page.text()


def test_it_is_small_and_fast_and_loads_nothing_from_elsewhere(page: Page, board: str) -> None:
    assert page.run(f"{LOADED}.filter(each => !each.name.includes('report')).map(each => each.encodedBodySize)")
    assert page.run(f"{LOADED}.reduce((sum, each) => sum + each.encodedBodySize, 0)") < PAGE_BYTES
    assert page.run("performance.getEntriesByType('paint')[0].startTime") < FIRST_PAINT_MS
    assert {url for url in page.requested if not url.startswith((board, "data:"))} == set()
    assert page.complaints == []


def test_it_has_no_secret(cluster: Cluster, page: Page, board: str) -> None:
    everything = page.run("document.documentElement.outerHTML") + page.run(
        "fetch('report.json').then(r => r.text())"
    )
    assert "demo-nomad-client-1" in everything  # control
    for token in cluster.tokens:
        assert token not in everything


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_is_readable_on_a_phone(page: Page, board: str, *, dark: bool) -> None:
    try:
        page.view(width=PHONE, height=844, dark=dark)
        assert page.run("document.documentElement.scrollWidth") == PHONE
        colours = page.run("['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name])")
        assert contrast(*colours) > 7  # https://www.w3.org/TR/WCAG21/#contrast-enhanced
    finally:
        page.view(width=1280, height=800)


def contrast(one: str, other: str) -> float:
    """How WCAG 2.1 defines it, of two colours such as ``rgb(35, 38, 43)``."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_it_follows_what_happens(cluster: Cluster, page: Page, board: str) -> None:
    """Without a reload: a job comes, and goes."""
    page.run("window.notReloaded = true")
    row = "document.querySelector('[data-job=\"people\"]')"
    cluster.run_job(JOBS / "people.nomad.hcl")
    try:
        page.wait_for(f"{row} !== null && {row}.innerText.includes('1 of 1')", seconds=PATIENCE)
    finally:
        cluster.stop_job("people")
    page.wait_for(f"{row} === null", seconds=PATIENCE)
    assert page.run("window.notReloaded")


def test_the_uis_open_without_a_login_and_give_the_browser_no_token(cluster: Cluster, page: Page) -> None:
    with opened_pages(cluster, "ui", "all") as pages:
        for name, path, text in (
            ("consul", "demo/nodes", "demo-nomad-client-1"),
            ("nomad", "servers", "demo-nomad-server-1"),
        ):
            page.complaints.clear()
            page.goto(pages[name] + path)
            page.wait_for_text(text)
            kept = page.run("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
            assert not any(token in kept for token in cluster.tokens)
        issued = cluster.bakery("credentials", "list", "--local", "-o", "name").stdout.split()
        assert [name for name in issued if name.startswith("ui-")] != []
    issued = cluster.bakery("credentials", "list", "--local", "-o", "name").stdout.split()
    assert [name for name in issued if name.startswith("ui-")] == []
