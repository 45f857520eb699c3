"""The pictures of the pages are small, and every picture is on a page."""

from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
LARGEST = 150_000
"""Bytes of a picture: the repository keeps each version for ever."""


def test_pictures_are_small() -> None:
    sizes = {file.name: file.stat().st_size for file in (DOCS / "images").iterdir()}
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}


def test_every_picture_is_on_a_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in DOCS.rglob("*.md"))
    assert [file.name for file in (DOCS / "images").iterdir() if f"images/{file.name}" not in text] == []
