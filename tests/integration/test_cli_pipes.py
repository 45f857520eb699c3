"""``bakery plan | head -1``: a reader that has gone ends the command quietly, as SIGPIPE ends other programs."""

import os
import subprocess  # noqa: TID251 - the streams as a shell hands them over

import pytest

from tests.helpers.cli import BAKERY, CliHarness

pytestmark = pytest.mark.integration


def ended(*arguments: str, deaf: str, buffered: bool = True) -> tuple[int, str, str]:
    """Exit code and what the other stream said, where nobody reads the stream ``deaf``."""
    reader, writer = os.pipe()
    os.close(reader)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {deaf: writer}
    environment = os.environ | ({} if buffered else {"PYTHONUNBUFFERED": "1"})
    try:
        done = subprocess.run(
            [BAKERY, *arguments], **streams, env=environment, text=True, check=False, timeout=60  # type: ignore[call-overload]
        )  # fmt: skip
    finally:
        os.close(writer)
    return done.returncode, done.stdout or "", done.stderr or ""


@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize(
    "arguments",
    [("plan",), ("plan", "--offline", "--json"), ("--help",), ("--version",), ("env", "--unset"), ("images",)],
    ids=" ".join,
)
def test_nobody_reads_the_answer(at: CliHarness, arguments: tuple[str, ...], buffered: bool) -> None:  # noqa: FBT001
    assert ended(*arguments, deaf="stdout", buffered=buffered) == (141, "", "")


@pytest.mark.parametrize("arguments", [("launch", "--yes", "--wait", "active"), ("plan", "-v")], ids=" ".join)
def test_nobody_reads_the_talk(at: CliHarness, arguments: tuple[str, ...]) -> None:
    code, out, err = ended(*arguments, deaf="stderr")
    assert (code, err) == (141, "")
    assert "Traceback" not in out


def test_an_error_that_nobody_reads_keeps_its_code(at: CliHarness) -> None:
    assert ended("plan", "-f", "none", deaf="stderr") == (2, "", "")
    assert ended("lunch", deaf="stderr") == (2, "", "")


def test_a_command_whose_talk_was_cut_off_goes_on_when_run_again(at: CliHarness) -> None:
    assert ended("launch", "--yes", "--wait", "active", deaf="stderr")[0] == 141
    assert at("launch", "--yes", "--wait", "active").code == 0
    assert len(at.droplets()) == 4


def test_the_shell_sees_what_it_sees_of_other_programs(at: CliHarness) -> None:
    """The control is `yes`, which dies of the signal."""
    for command, code in ((f"{BAKERY} plan", "141"), ("yes", "141")):
        line = f"{{ {command}; echo $? >&3; }} 3>code | true; cat code"
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=60)
        assert (done.stdout.strip(), done.stderr) == (code, ""), command
