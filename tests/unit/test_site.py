"""What the site of the documents is built from: links to folders, foreign files, and the reference of commands."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from bakery.cli.verbs import SUMMARIES
from scripts.reference import page
from scripts.site import foreign_files, with_pages_of_folders
from tests.helpers.pages import ROOT, list_pages


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="https://example.org/x.js">',
        '<link rel="stylesheet" href="//fonts.example.org/css">',
        '<img alt="" src=https://example.org/x.png>',
    ],
)
def test_a_file_from_another_site_is_found(tag: str) -> None:
    assert len(foreign_files(f"<html>{tag}</html>")) == 1


def test_links_and_own_files_are_not_foreign() -> None:
    assert (
        foreign_files('<a href="https://example.org"> <script src="assets/x.js"> <img src="../images/x.png">')
        == []
    )


def test_a_link_to_a_folder_leads_to_its_page(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "README.md").write_text("# Examples", encoding="utf-8")
    file = tmp_path / "page.md"
    file.write_text("[a](examples) [b](examples/#logs) [c](page.md) [d](https://example.org)", encoding="utf-8")
    assert with_pages_of_folders(file) == (
        "[a](examples/README.md) [b](examples/README.md#logs) [c](page.md) [d](https://example.org)"
    )


def test_the_reference_has_every_command_with_its_options_and_examples() -> None:
    text = page()
    sections = {part.partition("\n")[0]: part for part in text.split("\n## ")[1:]}
    assert set(sections) == {"bakery", *(f"bakery {verb}" for verb in SUMMARIES)}
    assert "| `--role ROLE` | Create droplets of this role only. |" in sections["bakery launch"]
    assert "    bakery launch --role nomad-client --count 5 --save" in sections["bakery launch"]
    assert "### bakery emulator fault add" in sections["bakery emulator"]
    assert "| `--local` | Use the running emulator" in sections["bakery"]


def not_in_nav(pages: Iterable[str], nav: str) -> list[str]:
    """The pages that the site would leave out; those of single decisions are reached from their index."""
    named = set(re.findall(r": ([\w./-]+\.md)$", nav, re.MULTILINE))
    return [name for name in pages if name not in named and not re.match(r"docs/decisions/\d", name)]


def test_every_page_is_in_the_navigation() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [str(page) for page in (*list_pages(), "CHANGELOG.md")]
    assert not_in_nav(pages, nav) == []
    assert not_in_nav(["docs/new.md", *pages], nav) == ["docs/new.md"], "control"
