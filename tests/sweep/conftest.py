"""Collects the figures; a whole sweep writes docs/reliability.md from them."""

from collections.abc import Iterator

import pytest

from tests.helpers.launch_processes import Forker, forker
from tests.sweep.figures import Figures, kept


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    with kept(request.config.cache) as found:
        yield found


@pytest.fixture(scope="session")
def hand() -> Iterator[Forker]:
    with forker() as running:
        yield running
