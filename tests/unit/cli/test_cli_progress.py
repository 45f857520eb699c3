"""The lines that progress draws, by a clock of the test's own."""

import pytest

from bakery.cli import signals
from bakery.cli.progress import LiveProgress
from bakery.console import clock_text
from tests.helpers.fake_cloud import FakeClock

MIB = 1 << 20


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def shown(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> LiveProgress:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setattr(signals, "_actions", [])
    progress = LiveProgress(no_color=True, now=clock.now)
    monkeypatch.setattr(progress, "_open", lambda: None)
    return progress


def lines(progress: LiveProgress) -> list[str]:
    return [line.rstrip() for line in progress.render().plain.splitlines()]


def test_nodes_have_their_state_and_the_time_in_it(shown: LiveProgress, clock: FakeClock) -> None:
    shown.begin()
    shown.expect(["web-1", "web-2", "web-3"])
    shown.node("web-1", "requested")
    clock.sleep(5)
    shown.node("web-2", "requested")
    shown.node("web-1", "active")
    clock.sleep(7)
    shown.waiting("web-2: not registered\nweb-3: not registered", 888)
    assert lines(shown) == [
        "    web-1  active          0:07",
        "    web-2  requested       0:07",
        "    web-3  -",
        "    1 of 3 active, 1 requested, 0:12, deadline in 14:48",
        "    waiting: web-2: not registered (and 1 more)",
    ]


def test_a_state_that_is_reported_again_keeps_its_time(shown: LiveProgress, clock: FakeClock) -> None:
    shown.node("web-1", "active")
    clock.sleep(9)
    shown.node("web-1", "active")
    assert lines(shown)[0].split() == ["web-1", "active", "0:09"]


def test_of_a_hundred_nodes_the_numbers_and_the_slowest_are_shown(shown: LiveProgress) -> None:
    names = [f"web-{number}" for number in range(100)]
    shown.expect(names)
    for name in names[:97]:
        shown.node(name, "healthy")
    shown.node("web-97", "active")
    assert [line.split()[:2] for line in lines(shown)] == [
        ["web-98", "-"], ["web-99", "-"], ["web-97", "active"], ["97", "of"],
    ]  # fmt: skip
    assert "97 of 100 healthy, 1 active" in lines(shown)[-1]


def test_no_line_is_wider_than_the_terminal(shown: LiveProgress) -> None:
    shown.node("x" * 100, "active")
    shown.waiting("y" * 200, 60)
    assert max(map(len, lines(shown))) == 79


def test_the_end_of_a_step_has_its_time_and_the_nodes(shown: LiveProgress, clock: FakeClock) -> None:
    shown.begin()
    clock.sleep(0.5)
    assert shown.end() == "", "a short step is not worth a line"
    shown.begin()
    shown.begin()
    clock.sleep(62)
    assert shown.end() == "1:02"
    shown.node("web-1", "healthy")
    assert shown.end() == "1 of 1 healthy, 1:02"


def test_the_deadline_of_a_step_does_not_last_longer(shown: LiveProgress) -> None:
    shown.begin()
    shown.waiting("nobody answers", 60)
    shown.end()
    shown.begin()
    assert lines(shown) == ["    0:00"]


def test_what_a_program_does_has_the_time_of_the_step(shown: LiveProgress, clock: FakeClock) -> None:
    shown.begin()
    clock.sleep(75)
    assert shown.phase("Creating droplet...") == " 1:15  Creating droplet..."
    clock.sleep(3)
    assert lines(shown) == ["    Creating droplet...: 0:03", "    1:18"]


def test_nodes_of_an_earlier_step_are_forgotten_once_others_are_expected(shown: LiveProgress) -> None:
    shown.node("old-1", "deleted")
    shown.expect(["web-1"])
    assert [line.split()[0] for line in lines(shown)] == ["web-1", "0"]


@pytest.mark.parametrize(("seconds", "text"), [(7.9, "0:07"), (750, "12:30"), (3723, "1:02:03")])
def test_times(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text


def test_a_download_has_a_bar_until_its_step_ends(shown: LiveProgress, clock: FakeClock) -> None:
    shown.begin()
    clock.sleep(3)
    shown.transferred(30 * MIB, 90 * MIB)
    assert lines(shown) == [f"    [{'#' * 10}{' ' * 20}]  30.0 of 90.0 MiB", "    0:03"]
    shown.transferred(90 * MIB, 90 * MIB)
    assert lines(shown)[0] == f"    [{'#' * 30}]  90.0 of 90.0 MiB"
    shown.end()
    assert "MiB" not in shown.render().plain


@pytest.mark.parametrize("total", [None, 0])
def test_a_download_of_unknown_size_has_no_bar(shown: LiveProgress, total: int | None) -> None:
    shown.begin()
    shown.transferred(MIB // 2, total)
    assert lines(shown)[0] == "    0.5 MiB"
