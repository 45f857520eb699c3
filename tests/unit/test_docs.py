"""The documents point at files that exist, and a page about a decision has its three parts on half a page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.relative_to(ROOT) for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
CURRENT = [page for page in PAGES if page.name != "CHANGELOG.md"]
"""The changelog tells of files as they were."""
DECISIONS = [page for page in PAGES if page.parent.name == "decisions" and page.name != "README.md"]
PLACES = ("", "src/bakery/", "src/bakery/emulator/")
"""Where the path of a file may begin: ``plan/build.py`` is one of the package."""
FILE = re.compile(r"`([\w.-]+(?:/[\w.-]+)+\.(?:py|sh|service|j2|hcl|md|yml))`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
ELSEWHERE = re.compile(r"^(agent|drivers|provider)/")
"""Files of Consul, Nomad and their libraries that a page cites."""


def missing_files(text: str) -> list[str]:
    """The files in backticks that are nowhere in the repository."""
    named = [name for name in FILE.findall(text) if not ELSEWHERE.match(name)]
    return [name for name in named if not any((ROOT / place / name).exists() for place in PLACES)]


def broken_links(page: Path, text: str) -> list[str]:
    return [link for link in LINK.findall(text) if not (ROOT / page.parent / link).exists()]


@pytest.mark.parametrize("page", CURRENT, ids=str)
def test_the_files_that_a_page_names_exist(page: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert missing_files(text) == []
    assert broken_links(page, text) == []


def test_a_file_that_is_gone_would_be_found() -> None:
    """Control for both searches."""
    assert missing_files("`plan/gone.py`, `plan/build.py` and `tests/unit/gone.py`") == [
        "plan/gone.py",
        "tests/unit/gone.py",
    ]
    text = "[a](gone.md) [b](security.md#tokens) [c](https://example.org)"
    assert broken_links(Path("docs/x.md"), text) == ["gone.md"]


@pytest.mark.parametrize("page", DECISIONS, ids=str)
def test_a_decision_has_its_parts(page: Path) -> None:
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    number = int(page.name[:2])
    assert lines[0].startswith(f"# {number}. ")
    assert [line for line in lines if line.startswith("## ")] == ["## Context", "## Decision", "## Consequences"]
    assert len(lines) <= 30, "half a page"


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    assert [link for link in LINK.findall(index) if link[0].isdigit()] == [page.name for page in DECISIONS]
