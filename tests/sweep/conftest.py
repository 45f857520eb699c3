"""Collects the figures; a whole sweep writes docs/reliability.md from them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.launch_processes import Forker, forker
from tests.sweep.figures import Figures

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


@pytest.fixture(scope="session")
def figures() -> Iterator[Figures]:
    found = Figures()
    yield found
    if found.whole:
        PAGE.write_text(found.page(), encoding="utf-8")


@pytest.fixture(scope="session")
def hand() -> Iterator[Forker]:
    with forker() as running:
        yield running
