"""No variable of the user's environment reaches a unit test."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.environment import clear_environment, cleared_environment, is_cleared

SOURCES = Path(__file__).parents[2] / "src" / "bakery"
PLANTED = (
    "BAKERY_AGE_RECIPIENT",
    "BAKERY_DEADLINE_FACTOR",
    "_BAKERY_COMPLETE",
    "XDG_CONFIG_HOME",
    "DIGITALOCEAN_TOKEN_FILE",
    "CONSUL_HTTP_TOKEN",
    "NOMAD_TOKEN",
    "PACKER_LOG",
    "NO_COLOR",
)
UNTOUCHED = "A_VARIABLE_OF_ANOTHER_PROGRAM"
PASSED_THROUGH = {"PATH", "TERM"}
"""Variables that bakery reads and that a test machine needs."""


@pytest.fixture(autouse=True, scope="module")
def _planted() -> Iterator[None]:
    """Set them before the first test: a fixture of a module runs before every fixture of a function."""
    with pytest.MonkeyPatch.context() as patch:
        for name in (*PLANTED, UNTOUCHED):
            patch.setenv(name, "planted")
        yield


def test_variables_of_the_user_are_gone() -> None:
    assert [name for name in PLANTED if name in os.environ] == []
    assert os.environ[UNTOUCHED] == "planted"  # control: the planting works


def test_nor_do_they_reach_a_process_that_a_test_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKERY_EMULATOR", "mine")
    left = cleared_environment()
    assert "BAKERY_EMULATOR" not in left
    assert left[UNTOUCHED] == "planted"


def test_they_come_back_when_the_test_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKERY_EMULATOR", "mine")
    with pytest.MonkeyPatch.context() as patch:
        clear_environment(patch)
        assert "BAKERY_EMULATOR" not in os.environ
    assert os.environ["BAKERY_EMULATOR"] == "mine"


def test_every_variable_that_bakery_reads_is_among_them() -> None:
    """A word in quotes and capitals beside ``environ`` or ``envvar``, or a constant named ``..._VARIABLE``."""
    read = r'(?:environ(?:ment)?(?:\.get\(|\[)|envvar=|_VARIABLE\w* = |_site\(environ, )"([A-Z_]+)"'
    texts = (file.read_text(encoding="utf-8") for file in SOURCES.rglob("*.py"))
    found = {name for text in texts for name in re.findall(read, text)}
    assert {"BAKERY_TOOLCHAIN_DIR", "BAKERY_STATE_DIR", "NO_COLOR", "PATH"} <= found  # control
    assert {name for name in found - PASSED_THROUGH if not is_cleared(name)} == set()
