"""``make bench`` fails if a ratio of the page has grown by more than a fifth."""

from pathlib import Path

import pytest

from scripts.bench import Launch, critical_path
from scripts.bench_hour import Usage, rows
from scripts.bench_page import Row, grown, kept, page, ratios, table, with_section, write_page

WITH = "digitalocean,snapshot=0"
BEFORE = """# Benchmarks

| what | figure | beside | ratio | aim |
|---|---|---|---|---|
| launch to healthy | 12.2 s | bare boot 10.0 s | 1.20 x | 1.25 x |
| bakery --help | 57 ms |  |  | 150 ms |

## Another table

| what | figure |
|---|---|
| one droplet | 0.03 s |
"""


def test_ratios_are_read_from_the_page() -> None:
    assert ratios(BEFORE) == {"launch to healthy": 1.2}


def test_a_ratio_that_grows_by_more_than_a_fifth_is_named() -> None:
    assert grown(BEFORE, BEFORE.replace("1.20 x", "1.44 x")) == []
    assert grown(BEFORE, BEFORE.replace("1.20 x", "1.45 x")) == ["launch to healthy: 1.45 x, on the page 1.2 x"]
    assert grown(BEFORE, BEFORE.replace("1.20 x", "0.50 x")) == []


def test_a_new_row_is_compared_with_nothing() -> None:
    assert grown("# Benchmarks\n", BEFORE) == []


def test_what_is_written_is_read_back() -> None:
    rows = [
        Row("1,000 nodes", "1.0 s", "110 s", "1 s", 0.0123),
        Row("launch", "12.2 s", "bare boot 10.0 s", "1.25 x", 1.219, "none"),
        Row("launch", "45.6 s", "bare boot 10.0 s", "1.25 x", 1.303, WITH),
    ]
    assert ratios(page(rows, [], "2 cores")) == {
        "1,000 nodes": 0.0123,
        "launch, without latency": 1.22,
        "launch, with --latency digitalocean": 1.3,
    }


def test_a_figure_has_a_column_without_and_with_latency() -> None:
    rows = [
        Row("launch", "12.2 s", "bare boot 10.0 s", "1.25 x", 1.22, "none"),
        Row("roll", "200 s", "22 s a node", "240 s", latency="none"),
        Row("launch", "45.6 s", "bare boot 10.1 s", "1.25 x", 1.3, WITH),
    ]
    lines = page(rows, [], "2 cores").splitlines()
    assert "| launch | 12.2 s | bare boot 10.0 s | 1.22 x | 45.6 s | bare boot 10.1 s | 1.3 x | 1.25 x |" in lines
    assert "| roll | 200 s | 22 s a node |  | not measured |  |  | 240 s |" in lines


def test_a_part_that_is_not_measured_keeps_the_section_of_the_page() -> None:
    hour = table("An hour later", "| what | figure |", ["| memory | 90 MiB |"], "Measured on 2026-11-29.")
    before = page([], [table("Others", "| a |", ["| 1 |"]), hour, table("Last", "| b |", ["| 2 |"])], "2 cores")
    assert kept(before, "An hour later", "make bench HOUR=1") == hour
    after = page([], [kept(before, "An hour later", "make bench HOUR=1")], "2 cores")
    assert kept(after, "An hour later", "make bench HOUR=1") == hour
    assert "`make bench HOUR=1`" in kept("# Benchmarks\n", "An hour later", "make bench HOUR=1")


def test_one_section_of_the_page_is_written_again() -> None:
    new = "## Another table\n\nnew\n"
    assert with_section(BEFORE, "Another table", new).endswith("| 150 ms |\n\n" + new)
    between = BEFORE + "\n## Last\n\nlast\n"
    written = with_section(between, "Another table", new)
    assert written.endswith("| 150 ms |\n\n" + new + "\n## Last\n\nlast\n")
    assert with_section(written, "Last", "## Last\n\nother\n") == written.replace("last\n", "other\n")
    assert with_section(BEFORE, "Cold", "## Cold\n") == BEFORE + "\n## Cold\n"


def test_the_rows_of_the_hour_are_means_of_a_role_and_sums_of_all() -> None:
    mib = 2**20
    usages = {
        "bench-consul-server-1": Usage(100 * mib, 60 * mib, 0.01, 100),
        "bench-consul-server-2": Usage(120 * mib, 70 * mib, 0.03, 300),
        "bench-nomad-client-1": Usage(200 * mib, 90 * mib, 0.02, 150),
    }
    assert list(rows(usages)) == [
        "| 2 x bench-consul-server | 110 MiB | 65 MiB | 2.00 % | 200 s |",
        "| 1 x bench-nomad-client | 200 MiB | 90 MiB | 2.00 % | 150 s |",
        "| all 3 together | 420 MiB | 220 MiB | 6.00 % | 550 s |",
    ]


def written(ratio: float) -> str:
    return page([Row("1,000 nodes", "1.0 s", "110 s", "1 s", ratio)], [], "2 cores")


def test_a_small_ratio_is_compared_too() -> None:
    """With two decimals 0.0149 and 0.0151 would be 0.01 and 0.02, twice as much; 0.0060 and 0.0090 the same."""
    assert ratios(written(0.00912)) == {"1,000 nodes": 0.00912}
    assert grown(written(0.0149), written(0.0151)) == []
    assert grown(written(0.0060), written(0.0090)) == ["1,000 nodes: 0.009 x, on the page 0.006 x"]


@pytest.mark.parametrize(
    ("ratio", "accept", "code"), [(1.3, False, 1), (1.3, True, 0), (1.1, False, 0), (0.5, False, 0)]
)
def test_a_page_with_a_ratio_that_has_grown_is_written_only_if_that_is_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ratio: float, *, accept: bool, code: int
) -> None:
    file = tmp_path / "benchmarks.md"
    file.write_text(written(1.0))
    assert write_page(written(ratio), accept=accept, file=file) == code
    assert file.read_text() == (written(1.0) if code else written(ratio))
    assert ("1,000 nodes: 1.3 x, on the page 1 x" in capsys.readouterr().err) is bool(code)


def test_the_critical_path_names_the_last_node_of_each_step() -> None:
    times = {
        "total": 50.0,
        "steps": [
            {"title": "Droplets", "depth": 0, "begins": 1.0, "seconds": 35.0},
            {"title": "Health", "depth": 0, "begins": 40.0, "seconds": 9.0},
        ],
        "nodes": [
            {"name": "a", "states": {"requested": 1.0, "has its address": 34.0, "healthy": 45.0}},
            {"name": "b", "states": {"requested": 35.5, "active": 39.0, "healthy": 48.0}},
        ],
    }
    assert critical_path(Launch(seconds=51.0, requests=35, times=times)) == [
        "| Droplets | 35.0 | b requested |",
        "| Health | 9.0 | b healthy |",
        "| process start to end | 51.0 | |",
    ]
