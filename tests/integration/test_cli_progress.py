"""A launch on a terminal: lines that are drawn over, never wider than it, clean at Ctrl-C; and in a pipe."""

import re

import pexpect
import pytest

from tests.helpers.cli import BAKERY, CliHarness

pytestmark = pytest.mark.integration

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"
LAUNCH = ["launch", "--yes", "--wait", "active"]


@pytest.fixture
def at(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> CliHarness:
    monkeypatch.setenv("TERM", "xterm-256color")
    return at


def terminal(columns: int, *arguments: str) -> "pexpect.spawn[str]":
    return pexpect.spawn(str(BAKERY), list(arguments), encoding="utf-8", timeout=60, dimensions=(24, columns))


def ends(child: "pexpect.spawn[str]") -> int:
    child.expect(pexpect.EOF)
    child.close()
    code: int = child.exitstatus
    return code


@pytest.mark.parametrize("columns", [80, 120])
def test_a_launch_is_drawn_in_the_width_of_the_terminal(at: CliHarness, columns: int) -> None:
    child = terminal(columns, *LAUNCH)
    assert ends(child) == 0
    text = ESCAPES.sub("", child.before)
    for wanted in ("==> Droplets", "demo-consul-server-1  ", "of 4", "deadline in", "took 0:"):
        assert wanted in text
    drawn = [line for line in re.split(r"[\r\n]+", text) if not line.startswith(("warning:", "on "))]
    assert [line for line in drawn if len(line) > columns] == []
    assert child.before.count(HIDE_CURSOR) == child.before.count(SHOW_CURSOR), "the cursor is there again"


def test_no_color_draws_without_colour(at: CliHarness) -> None:
    child = terminal(80, *LAUNCH, "--no-color")
    assert ends(child) == 0
    assert re.search(r"\x1b\[[0-9;]*3[0-9][0-9;]*m", child.before) is None


def test_ctrl_c_leaves_the_terminal_as_it_was(at: CliHarness) -> None:
    fault = {"method": "POST", "path": "/v2/droplets", "delay_s": 3}
    assert at.api.post("/_emulator/faults", fault).status_code == 201
    child = terminal(80, *LAUNCH)
    child.expect("Droplets")
    child.expect("0 of 4, 0:01")
    child.sendintr()
    child.expect("stopping in order; a second signal stops at once")
    after = child.after
    assert ends(child) == 130
    rest = ESCAPES.sub("", after + child.before)
    assert "error: interrupted" in rest
    assert "Traceback" not in rest
    assert HIDE_CURSOR not in child.before, "nothing is drawn after the message"
    assert at(*LAUNCH).code == 0


def test_a_pipe_has_plain_lines(at: CliHarness) -> None:
    ran = at(*LAUNCH)
    assert ran.code == 0
    assert "\x1b" not in ran.err
    assert "    demo-nomad-client-2          requested" in ran.err.splitlines()
    assert "took" not in ran.err


def test_the_verbs_that_only_look_do_not_import_rich(at: CliHarness) -> None:
    import subprocess  # noqa: TID251 - what a process of its own imports
    import sys

    code = (
        "import sys\nfrom bakery.cli.main import run\nassert run(['plan']) == 0\n"
        "sys.stderr.write('rich' if 'rich' in sys.modules else 'plain')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.endswith("plain")
