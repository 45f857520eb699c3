"""Death at every change of a roll and of a scale down: requests, calls to agents, writes. Then the same command.

Consul, Nomad and the account are in memory, so that a kill hits each change exactly, before and after it is made.
"""

from functools import partial
from pathlib import Path

import pytest

from tests.helpers.elections import COMMANDS, Election, election_harness, outcome
from tests.helpers.launch_harness import plan_of
from tests.helpers.roll_crash import NEWER, changes_of, die_and_rerun, roll, scale
from tests.sweep.figures import Figures

pytestmark = pytest.mark.sweep

MIXED = {"consul-server": 3, "nomad-server": 1, "nomad-client": 2}
"""Followers, a leader, an only server and clients."""
BOTH = {"server": 3, "nomad-client": 2}


@pytest.mark.parametrize("counts", [MIXED, BOTH], ids=["mixed", "both"])
def test_a_roll_dies_at_every_change(figures: Figures, tmp_path: Path, counts: dict[str, int]) -> None:
    target, plan = "roll, kill -9", plan_of(counts)

    def one(at: int, *, after: bool) -> None:
        rolling = die_and_rerun(tmp_path, plan, roll, at, plan, after=after)
        there = [d for d in rolling.cloud.droplets.values() if rolling.cloud.is_there(d.id)]
        assert {droplet.image_id for droplet in there} == {NEWER.id}

    count = changes_of(tmp_path, plan, roll)
    for number in range(1, count + 1):
        for after in (False, True):
            figures.case(target, f"change {number}, after: {after}", partial(one, number, after=after))
    figures.tell(target, f"{len(plan.nodes)} nodes: {2 * count} moments, {figures.failures(target)} failed")
    figures.assert_met(target)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", COMMANDS)
def test_an_election_begins_at_every_call(figures: Figures, tmp_path: Path, name: str) -> None:
    target, whole = "an election at any call", election_harness(tmp_path / "whole")
    with Election(whole, at=0) as undisturbed:
        COMMANDS[name](whole)
    expected = outcome(whole)

    def one(at: int) -> None:
        cluster = election_harness(tmp_path / f"{at}")
        with Election(cluster, at=at):
            COMMANDS[name](cluster)
        assert outcome(cluster) == expected

    for number in range(1, undisturbed.count + 1):
        figures.case(target, f"{name}, call {number}", partial(one, number))
    figures.tell(target, f"{name}: {undisturbed.count} calls, {figures.failures(target)} failed")
    figures.assert_met(target)


def test_a_scale_down_dies_at_every_change(figures: Figures, tmp_path: Path) -> None:
    target = "scale down, kill -9"
    plan = plan_of({"consul-server": 3, "nomad-server": 3, "nomad-client": 2})
    goal = {"consul-server": 1, "nomad-server": 1, "nomad-client": 1}
    command = partial(scale, goal)
    count = changes_of(tmp_path, plan, command)
    for number in range(1, count + 1):
        for after in (False, True):
            one = partial(die_and_rerun, tmp_path, plan, command, number, plan_of(goal), after=after)
            figures.case(target, f"change {number}, after: {after}", one)
    figures.tell(target, f"from 8 nodes to 3: {2 * count} moments, {figures.failures(target)} failed")
    figures.assert_met(target)
