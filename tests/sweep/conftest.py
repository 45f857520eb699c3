"""Collects the figures; a whole sweep writes docs/reliability.md from them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.launch_processes import Forker, forker
from tests.sweep.figures import Figures

KEPT = "sweep/"
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    """The parts of a sweep may run one after the other: their figures meet in pytest's cache."""
    cache = request.config.cache
    assert cache is not None
    found = Figures()
    yield found
    found.add_earlier(cache.get(KEPT + "found", {}), cache.get(KEPT + "failed", {}))
    cache.set(KEPT + "found", found.found)
    cache.set(KEPT + "failed", found.failed)
    if found.whole:
        PAGE.write_text(found.page(), encoding="utf-8")


@pytest.fixture(scope="session")
def hand() -> Iterator[Forker]:
    with forker() as running:
        yield running
