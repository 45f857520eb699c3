"""Every command block of a page is run by a test, or says above it what it needs instead."""

import pytest

from tests.helpers.pages import ROOT, RUN_BY, blocks_of, list_pages, problem_of


@pytest.mark.parametrize("page", list_pages(), ids=str)
def test_every_block_is_run_or_marked(page: object) -> None:
    name = str(page)
    blocks = blocks_of((ROOT / name).read_text(encoding="utf-8"))
    problems = [f"{name}:{block.line}: {problem}" for block in blocks if (problem := problem_of(block, name))]
    assert problems == []


def test_the_tests_of_the_pages_exist_and_name_them() -> None:
    for page, test in RUN_BY.items():
        assert (ROOT / page).exists()
        text = (ROOT / test).read_text(encoding="utf-8")
        folder = page.removesuffix("/README.md")
        assert any(word in text for word in (page.rpartition("/")[2], "IN_MEMORY", folder.rpartition("/")[2])), (
            page
        )


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ("```\nx\n```", "no is not a known language"),
        ("```bash\nbakery launch\n```", "the line above does not say what it needs, or what runs it"),
        ("<!-- needs luck -->\n```bash\nbakery launch\n```", "unknown need: luck"),
        ("<!-- run by tests/gone.py -->\n```bash\nbakery launch\n```", "there is no tests/gone.py"),
        ("```text\n$ bakery launch\n```", "commands in a block of text"),
        ("```console\n$ bakery launch\n```", "no test runs the steps of this page"),
        ("<!-- needs an account -->\n```bash\nbakery launch\n```", None),
        ("<!-- run by tests/e2e.sh -->\n```bash\nmake demo\n```", None),
        ("```yaml\ncluster: demo\n```", None),
    ],
)
def test_a_block_that_nothing_runs_is_found(block: str, problem: str | None) -> None:
    """The control."""
    (found,) = blocks_of(f"# Page\n\n{block}\n")
    assert problem_of(found, "docs/new.md") == problem


def test_the_same_block_on_a_page_that_a_test_runs() -> None:
    (found,) = blocks_of("```console\n$ bakery plan\n```\n")
    assert problem_of(found, "docs/quick-start.md") is None
