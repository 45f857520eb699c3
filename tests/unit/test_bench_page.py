"""``make bench`` fails if a ratio of the page has grown by more than a fifth."""

from pathlib import Path

import pytest

from scripts.bench import Bench, Launch, Row, critical_path, grown, page, ratios, write_page

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
    bench = Bench.__new__(Bench)
    bench.rows = [Row("launch to healthy", "12.2 s", "bare boot 10.0 s", "1.25 x", 1.219)]
    bench.tables = []
    assert ratios(page(bench)) == {"launch to healthy": 1.22}


def written(ratio: float) -> str:
    bench = Bench.__new__(Bench)
    bench.rows, bench.tables = [Row("1,000 nodes", "1.0 s", "110 s", "1 s", ratio)], []
    return page(bench)


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
