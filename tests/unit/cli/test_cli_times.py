"""The seconds of a launch, by step and by node."""

import pytest

from bakery.cli.times import Times
from bakery.console import Console


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def launch(console: Console) -> Times:
    """Two steps, one of them with a part, and two nodes."""
    clock = Clock()
    times = Times(console, now=clock)
    with console.step("Droplets"):
        clock.seconds += 1
        console.node("demo-a", "requested")
        clock.seconds += 30
        console.node("demo-a", "has its address")
        console.node("demo-b", "requested")
    clock.seconds += 2
    with console.step("Access control"):
        clock.seconds += 1
        with console.step("Consul's ACLs"):
            clock.seconds += 4
        console.node("demo-a", "healthy")
    return times


def test_the_json_has_steps_and_states() -> None:
    assert launch(Console(quiet=True)).as_json() == {
        "total": 38.0,
        "steps": [
            {"title": "Droplets", "depth": 0, "begins": 0.0, "seconds": 31.0},
            {"title": "Access control", "depth": 0, "begins": 33.0, "seconds": 5.0},
            {"title": "Consul's ACLs", "depth": 1, "begins": 34.0, "seconds": 4.0},
        ],
        "nodes": [
            {"name": "demo-a", "states": {"requested": 1.0, "has its address": 31.0, "healthy": 38.0}},
            {"name": "demo-b", "states": {"requested": 31.0}},
        ],
    }


def test_with_v_tables_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    launch(Console(verbose=True)).show()
    assert capsys.readouterr().err.endswith("""\
    STEP             SECONDS
    Droplets            31.0
    Access control       5.0
      Consul's ACLs      4.0
    all                 38.0
    NODE    REQUESTED  HAS ITS ADDRESS  HEALTHY
    demo-a        1.0             31.0     38.0
    demo-b       31.0                -        -
""")


def test_a_launch_that_is_interrupted_shows_its_seconds_too(capsys: pytest.CaptureFixture[str]) -> None:
    times = launch(Console(verbose=True))
    capsys.readouterr()
    with pytest.raises(KeyboardInterrupt), times.shown_if_it_fails():
        raise KeyboardInterrupt
    assert "Access control       5.0" in capsys.readouterr().err
    with times.shown_if_it_fails():
        pass
    assert capsys.readouterr().err == "", "control: without an error the caller shows them"


def test_without_v_none_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    times = launch(Console())
    capsys.readouterr()
    times.show()
    assert capsys.readouterr().err == ""
