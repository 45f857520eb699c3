"""``bakery env`` for other shells than a POSIX one; quoting by each shell's own rules."""

from pathlib import Path

import pytest

from bakery.cli.env_path import FORGET, Programs
from bakery.cli.shells import set_lines, unset_lines

NONE = Programs(folders=(), missing=())
SOME = Programs(folders=(Path("/a b"), Path("/c")), missing=())


@pytest.mark.parametrize(
    ("shell", "expected"),
    [
        ("sh", "export NAME='it'\"'\"'s \\n'"),
        ("fish", "set -gx NAME 'it\\'s \\\\n'"),
        ("powershell", "$env:NAME = 'it''s \\n'"),
    ],
)
def test_a_value_is_quoted_for_its_shell(shell: str, expected: str) -> None:
    assert set_lines(shell, {"NAME": "it's \\n"}, NONE)[0] == expected


@pytest.mark.parametrize(
    ("shell", "expected"),
    [
        ("sh", ["export PATH='/a b:/c':\"$PATH\"", "export BAKERY_ENV_PATH='/a b:/c'"]),
        ("fish", ["set -gx PATH '/a b' '/c' $PATH", "set -gx BAKERY_ENV_PATH '/a b:/c'"]),
        ("powershell", ["$env:PATH = '/a b:/c:' + $env:PATH", "$env:BAKERY_ENV_PATH = '/a b:/c'"]),
    ],
)
def test_the_programs_are_put_on_path_and_remembered(shell: str, expected: list[str]) -> None:
    assert set_lines(shell, {}, SOME)[-2:] == expected


def test_what_was_set_is_unset() -> None:
    assert unset_lines("sh", ["A"]) == ["unset A", *FORGET]
    assert unset_lines("fish", ["A"])[0] == "set -e A"
    assert unset_lines("powershell", ["A"])[0] == "Remove-Item Env:A -ErrorAction SilentlyContinue"
    for shell in ("fish", "powershell"):
        assert "BAKERY_ENV_PATH" in unset_lines(shell, [])[-1]
