"""The command blocks of the pages: which test runs each, or what it needs instead.

``sh`` and ``console`` blocks are steps of a test (tests/helpers/console_blocks.py). A ``bash`` block is not: the
line above it says why: ``<!-- needs an account -->``, ``<!-- needs root -->``, or ``<!-- run by FILE -->``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
IN_MEMORY = ("quick-start", "install", "digitalocean", "by-hand", "terraform", "autoscale-pool")
"""Pages in docs whose steps run on an account in memory."""
RUN_BY = {
    **{f"docs/{name}.md": "tests/integration/test_pages_in_memory.py" for name in IN_MEMORY},
    "docs/change.md": "tests/integration/test_change_page.py",
    "docs/walkthrough.md": "tests/e2e/test_cluster_23_walkthrough.py",
    "examples/README.md": "tests/e2e/test_cluster_22_examples.py",
    "examples/ingress/README.md": "tests/e2e/test_cluster_23_walkthrough.py",
}
"""The test that runs the ``sh`` and ``console`` blocks of a page."""
STEPS = {"sh", "console"}
OTHER = {"text", "yaml", "hcl", "json", "mermaid"}
"""Languages of blocks that hold no commands."""
NEEDS = {"an account", "root"}
_MARK = re.compile(r"<!-- (?:needs (?P<needs>[a-z ]+)|run by (?P<run_by>[\w./-]+)) -->")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block of a page."""

    line: int
    language: str
    mark: str
    """The line above the block."""
    text: str


def list_pages() -> tuple[Path, ...]:
    """Return every page for users, from the top of the checkout."""
    found = (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md"))
    return tuple(sorted(page.relative_to(ROOT) for page in found if page.name != "CHANGELOG.md"))


def blocks_of(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page's text."""
    lines = page.splitlines()
    opened: int | None = None
    for number, line in enumerate(lines):
        if not line.lstrip().startswith("```"):
            continue
        if opened is None:
            opened = number
            continue
        language = lines[opened].strip().removeprefix("```")
        text = "\n".join(lines[opened + 1 : number])
        yield Block(
            line=opened + 1, language=language, mark=lines[opened - 1].strip() if opened else "", text=text
        )
        opened = None


def problem_of(block: Block, page: str) -> str | None:
    """Return why the block breaks the rule, or None."""
    if block.language in OTHER:
        looks = re.search(r"(?m)^(\$ |bakery |nomad |consul |make )", block.text)
        return f"commands in a block of {block.language}" if looks else None
    if block.language in STEPS:
        return None if page in RUN_BY else "no test runs the steps of this page"
    if block.language != "bash":
        return f"{block.language or 'no'} is not a known language"
    mark = _MARK.fullmatch(block.mark)
    if mark is None:
        return "the line above does not say what it needs, or what runs it"
    if mark["run_by"] is not None:
        return None if (ROOT / mark["run_by"]).exists() else f"there is no {mark['run_by']}"
    return None if mark["needs"] in NEEDS else f"unknown need: {mark['needs']}"
