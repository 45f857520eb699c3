"""A command line for the tests that need no other one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.cli import CliHarness, cli_harness


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliHarness]:
    """A module that needs more replaces it by a fixture that takes it."""
    with cli_harness(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def launched(at: CliHarness) -> CliHarness:
    """A launched cluster. Its requests are not among those that the test sees."""
    ran = at("launch", "--yes", "--wait", "active")
    assert ran.code == 0, ran.err
    at.forget()
    return at
