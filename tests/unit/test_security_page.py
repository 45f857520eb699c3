"""docs/security.md: every promise names tests that exist, and SECURITY.md leads to the page."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
SECTION = "What is promised, and which test keeps it"


@cache
def collected_in(file: str) -> frozenset[str]:
    """The tests that pytest collects from a file: functions at its top, whose names begin with ``test_``."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def wrong_with(row: str) -> list[str]:
    """What is wrong with one promise: a test belongs to the file that is named before it."""
    promise, _, kept = row.strip("| ").rpartition(" | ")
    wrong, file, tests = [], "", 0
    for name in re.findall(r"`([^`]+)`", kept):
        if "/" in name:
            file = name
            if not (ROOT / name).is_file():
                wrong.append(f"there is no file {name}")
        elif name.startswith("test_"):
            tests += 1
            if not (ROOT / file).is_file() or name not in collected_in(file):
                wrong.append(f"{file} has no test {name}")
    if not promise or not tests:
        wrong.append(f"no test keeps it: {row}")
    return wrong


def promises() -> list[str]:
    """The rows of the tables of promises."""
    (section,) = [part for part in PAGE.read_text(encoding="utf-8").split("\n## ") if part.startswith(SECTION)]
    tables = [[row for row in part.splitlines() if row.startswith("|")] for part in section.split("\n### ")[1:]]
    assert all(table[:2] == ["| promise | test |", "|---|---|"] for table in tables)
    return [row for table in tables for row in table[2:]]


def test_every_promise_names_tests_that_exist() -> None:
    rows = promises()
    assert len(rows) >= 40
    assert [wrong for row in rows for wrong in wrong_with(row)] == []


def test_no_promise_is_made_twice() -> None:
    said = [row.split(" | ")[0] for row in promises()]
    assert sorted(set(said)) == sorted(said)


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ("| It holds | `tests/unit/test_security_page.py`: `test_no_promise_is_made_twice` |", []),
        ("| It holds | `tests/unit/test_security_page.py`: `test_gone` |", ["test_security_page.py has no test"]),
        ("| It holds | `tests/unit/test_gone.py`: `test_x` |", ["there is no file", "test_gone.py has no test"]),
        ("| It holds | `tests/unit/test_security_page.py` |", ["no test keeps it"]),
        ("| It holds | |", ["no test keeps it"]),
        ("| It holds | `tests/unit/test_security_page.py`: `collected_in` |", ["no test keeps it"]),
    ],
)
def test_the_check_can_fail(row: str, wrong: list[str]) -> None:
    found = wrong_with(row)
    assert len(found) == len(wrong)
    assert all(part in each for part, each in zip(wrong, found, strict=True))


def test_reports_go_to_github_in_private_and_the_page_is_linked() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert "Report a vulnerability" in text
    assert "(docs/security.md)" in text
    assert "@" not in text  # nobody made an address for it
    assert "(SECURITY.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
