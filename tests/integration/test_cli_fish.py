"""Fish itself reads what bakery prints for it: the variables of ``bakery env``, and completion."""

import os
import subprocess  # noqa: TID251 - what a shell makes of the lines
from pathlib import Path

import pytest

from bakery.cli.env_path import Programs
from bakery.cli.shells import set_lines, unset_lines
from tests.helpers.cli import BAKERY, CliHarness
from tests.helpers.state import leave_operator_tokens
from tests.helpers.tools import require_tool

pytestmark = pytest.mark.integration

NASTY = "it's \\n $HOME (pwd) \"two\" \\'three\\'"
NONE = Programs(folders=(), missing=())


@pytest.fixture
def at(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> CliHarness:
    monkeypatch.setenv("PATH", f"{BAKERY.parent}:{os.environ['PATH']}")
    return at


def fish(script: str) -> str:
    program = require_tool("fish")
    done = subprocess.run(
        [program, "--no-config", "-c", script], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


def test_a_value_arrives_as_it_is(at: CliHarness) -> None:
    lines = set_lines("fish", {"NASTY": NASTY, "OTHER": "x"}, NONE)
    assert fish("\n".join([*lines, "sh -c 'printf %s \"$NASTY\"'"])) == NASTY
    assert fish("\n".join([*lines, *unset_lines("fish", ["NASTY"]), "env"])).count("NASTY") == 0
    assert "OTHER=x" in fish("\n".join([*lines, *unset_lines("fish", ["NASTY"]), "env"])).splitlines(), "control"


def test_path_gets_the_folders_and_gives_them_back(at: CliHarness) -> None:
    some = Programs(folders=(Path("/a b"), Path("/c")), missing=())
    once = set_lines("fish", {}, some)
    before = os.environ["PATH"]
    shown = "string join : -- $PATH"
    assert fish("\n".join([*once, shown])) == f"/a b:/c:{before}\n"
    assert fish("\n".join([*once, *once, shown])) == f"/a b:/c:{before}\n", "twice is as once"
    added = "set -gx PATH /added $PATH /last"
    assert fish("\n".join([*once, added, *unset_lines("fish", []), shown])) == f"/added:{before}:/last\n"


def test_the_line_of_the_help_sets_the_variables(at: CliHarness) -> None:
    assert at("launch", "--yes", "--wait", "active").code == 0
    leave_operator_tokens(at.folder)
    script = "bakery env --shell fish 2>/dev/null | source; echo $CONSUL_HTTP_ADDR; echo $NOMAD_TLS_SERVER_NAME"
    address, name = fish(script).splitlines()
    assert address.startswith("https://127.64.")
    assert name == "server.global.nomad"
    unset = "bakery env --shell fish --unset | source; env"
    assert "CONSUL_HTTP_ADDR" not in fish(f"bakery env --shell fish 2>/dev/null | source; {unset}")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("bakery la", ["launch\tCreate missing droplets until each role has its count."]),
        ("bakery launch --dry", ["--dry-run\tShow what would change, and exit."]),
        ("bakery access ref", ["refresh\tPut your current address into the cluster's firewalls."]),
        ("bakery launch --role nomad-c", ["nomad-client"]),
        ("bakery status --format Node,Publ", ["Node,Public"]),
        ("bakery lunch --d", []),
    ],
)
def test_fish_offers_the_words_with_their_whole_texts(at: CliHarness, line: str, offered: list[str]) -> None:
    assert fish(f"bakery completion fish | source; complete -C '{line}'").splitlines() == offered
