"""What a user reads while bakery waits."""

import io
import sys
import time

import pytest

from bakery.console import Console, counted

ERASE = "\r\x1b[K"


class Stream(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])
    return seconds


def console_on(
    monkeypatch: pytest.MonkeyPatch, *, terminal: bool, columns: int = 80, quiet: bool = False
) -> tuple[Console, Stream]:
    stream = Stream(terminal=terminal)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    return Console(no_color=True, quiet=quiet), stream


def test_on_a_terminal_one_line_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    console, stream = console_on(monkeypatch, terminal=True)
    console.waiting("demo-nomad-client-1: not registered\ndemo-nomad-client-2: not registered")
    console.waiting("demo-nomad-client-2: not registered")
    console.note("done")
    assert stream.getvalue() == (
        f"{ERASE}    waiting: demo-nomad-client-1: not registered (and 1 more)"
        f"{ERASE}    waiting: demo-nomad-client-2: not registered"
        f"{ERASE}done\n"
    )


def test_it_never_fills_a_small_terminals_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that wraps cannot be written over."""
    console, stream = console_on(monkeypatch, terminal=True, columns=40)
    console.waiting("x" * 100)
    assert len(stream.getvalue().removeprefix(ERASE)) == 39


def test_a_step_that_fails_leaves_no_half_line(monkeypatch: pytest.MonkeyPatch) -> None:
    console, stream = console_on(monkeypatch, terminal=True)

    def wait_in_vain() -> None:
        with console.step("Health"):
            console.waiting("nobody answers")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wait_in_vain()
    assert stream.getvalue().endswith(ERASE)


def test_elsewhere_a_line_comes_after_half_a_minute_without_any(
    monkeypatch: pytest.MonkeyPatch, now: list[float]
) -> None:
    console, stream = console_on(monkeypatch, terminal=False)
    for now[0] in (2.0, 29.0):
        console.waiting("nobody answers")
    assert stream.getvalue() == ""
    for now[0] in (30.0, 31.0, 59.0, 60.0):
        console.waiting("nobody answers")
    assert stream.getvalue() == "    waiting: nobody answers\n" * 2


def test_quiet_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    console, stream = console_on(monkeypatch, terminal=True, quiet=True)
    console.waiting("nobody answers")
    assert stream.getvalue() == ""


def test_one_is_singular() -> None:
    assert [counted(number, "droplet") for number in (0, 1, 2)] == ["0 droplets", "1 droplet", "2 droplets"]
    assert [counted(number, "policy", "policies") for number in (1, 3)] == ["1 policy", "3 policies"]


def test_quiet_leaves_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(quiet=True, verbose=True)
    console.note("talk")
    console.detail("more talk")
    console.warn("act on this")
    console.print("answer")
    streams = capsys.readouterr()
    assert (streams.out, streams.err) == ("answer\n", "warning: act on this\n")


def test_a_download_in_a_pipe_is_a_line_each_half_a_minute(
    monkeypatch: pytest.MonkeyPatch, now: list[float]
) -> None:
    console, stream = console_on(monkeypatch, terminal=False)
    for seconds in range(0, 91, 10):
        now[0] = float(seconds)
        console.transferred(seconds << 20, 100 << 20)
    assert stream.getvalue().splitlines() == [f"    {done}.0 of 100.0 MiB" for done in (30, 60, 90)]
    quiet, nothing = console_on(monkeypatch, terminal=False, quiet=True)
    now[0] = 500.0
    quiet.transferred(1, None)
    assert nothing.getvalue() == ""
