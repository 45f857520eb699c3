"""``scripts/beat.sh``: a silent command never leaves a terminal without a word for five seconds."""

import re
import subprocess  # noqa: TID251 - a shell script
from pathlib import Path

import pexpect
import pytest

pytestmark = pytest.mark.integration

BEAT = Path(__file__).parents[2] / "scripts" / "beat.sh"


def test_on_a_terminal_the_time_is_written_over() -> None:
    child = pexpect.spawn(str(BEAT), ["fetching", "sleep", "6"], encoding="utf-8", timeout=5, dimensions=(24, 80))
    child.expect("fetching\r\n")
    for _ in range(3):  # a busy machine may skip a second
        child.expect(r"0:0\d")  # raises after five seconds of silence
    child.expect(pexpect.EOF, timeout=30)
    child.close()
    assert child.exitstatus == 0
    assert re.sub(r"[ \d:\r]|\x1b\[K", "", child.before) == "", "nothing is left on the line"


def test_the_exit_code_and_the_output_are_the_commands() -> None:
    done = subprocess.run(
        ["bash", "-c", f'source {BEAT}; f() {{ echo answer; return 3; }}; x=$(beat text f) || echo "$? $x"'],
        capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("3 answer\n", "text\n")


def test_a_pipe_is_closed_with_the_command() -> None:
    """A helper process that outlived the command would keep the reader of the pipe waiting."""
    subprocess.run([BEAT, "text", "true"], capture_output=True, check=True, timeout=20)  # the pulse is 30 s
