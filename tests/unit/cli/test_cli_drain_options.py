"""The options of a drain, which four commands share, and what a roll says of its drains."""

from dataclasses import replace
from typing import Any

import click
import pytest
from click.testing import CliRunner

from bakery.cli.replacing import drain_options
from bakery.cli.roll import _drain_time, plan_json
from bakery.cli.verbs import SUMMARIES
from bakery.launch.base.model import DEFAULT_DRAIN, DrainPolicy
from bakery.launch.roll.roll import RollPlan
from bakery.launch.teardown.hurt import Work


@click.command()
@drain_options
def command(drain: DrainPolicy) -> None:
    click.echo(repr(drain))


@pytest.mark.parametrize(
    ("options", "policy"),
    [
        ([], DrainPolicy(drains=True, seconds=600, abandons_volumes=False)),
        (["--no-drain"], DrainPolicy(drains=False)),
        (["--abandon-volumes"], DrainPolicy(abandons_volumes=True)),
        (["--drain-deadline", "90s"], DrainPolicy(seconds=90)),
        (["--drain-deadline", "2h"], DrainPolicy(seconds=7200)),
    ],
)
def test_the_options_become_one_policy(options: list[str], policy: DrainPolicy) -> None:
    assert CliRunner().invoke(command, options).output == f"{policy!r}\n"


@pytest.mark.parametrize("text", ["10", "0m", "1d", "m", "-5m", "1.5h", ""])
def test_a_duration_has_a_unit(text: str) -> None:
    done = CliRunner().invoke(command, ["--drain-deadline", text])
    assert done.exit_code == 2
    assert f"'{text}' is not a duration; write 90s, 10m or 1h" in done.output


@pytest.mark.parametrize("verb", ["destroy", "replace", "roll", "scale"])
def test_four_commands_have_them(verb: str) -> None:
    assert verb in SUMMARIES
    module = __import__(f"bakery.cli.{verb}", fromlist=[verb])
    names = {option for parameter in getattr(module, verb).params for option in parameter.opts}
    assert names >= {"--drain-deadline", "--no-drain", "--abandon-volumes"}


def _plan(**changes: Any) -> RollPlan:  # noqa: ANN401 - fields of the plan
    nothing: Any = None
    plan = RollPlan(wanted=nothing, needs=(), work=Work(), drain=DEFAULT_DRAIN, continues=False, present=nothing)
    return replace(plan, **changes)


@pytest.mark.parametrize(
    ("changes", "text", "minutes"),
    [
        ({}, "", 0),
        ({"work": Work(busy=("a",))}, ", and at most 10 minutes more to move the work of 1 client", 10),
        ({"work": Work(busy=("a", "b"))}, ", and at most 20 minutes more to move the work of 2 clients", 20),
        (
            {"work": Work(busy=("a",)), "drain": DrainPolicy(seconds=50)},
            ", and at most 1 minute more to move the work of 1 client",
            1,
        ),
        (
            {"work": Work(busy=("a",)), "drain": DrainPolicy(drains=False)},
            "; --no-drain: the work of the clients is cut off",
            0,
        ),
    ],
)
def test_a_roll_says_how_long_its_drains_may_take(changes: dict[str, Any], text: str, minutes: int) -> None:
    plan = _plan(**changes)
    assert _drain_time(plan) == text
    assert plan.drain_minutes == minutes


def test_what_a_roll_says_is_in_its_json() -> None:
    plan = _plan(work=Work(busy=("a",), warnings=("shop.web: with count 1 it stops",)))
    assert plan_json(plan) == {
        "needs": [], "warnings": ["shop.web: with count 1 it stops"], "minutes": 0, "drain_minutes": 10,
    }  # fmt: skip
    assert plan_json(None) == {"needs": [], "warnings": [], "minutes": 0, "drain_minutes": 0}
