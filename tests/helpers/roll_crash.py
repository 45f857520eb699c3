"""Rolls and scale downs that die at one of their changes, and the same command after it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.launch.base.members import list_members
from bakery.launch.base.model import DrainPolicy
from bakery.launch.roll.model import RollRequest
from bakery.launch.roll.need import Because
from bakery.launch.roll.shrink import ShrinkRequest, highest_index
from bakery.operations.roll_cluster import roll_cluster
from bakery.operations.scale_down import scale_down
from bakery.plan.model import ClusterPlan
from tests.helpers.fake_cloud import Killed
from tests.helpers.launch_harness import IMAGE, plan_of
from tests.helpers.roll_harness import Death, RollHarness, assert_exactly_the_plan, roll_harness

NEWER = replace(IMAGE, id=78, name="bakery-newer")
Command = Callable[[RollHarness], object]


def harness_of(folder: Path, plan: ClusterPlan) -> RollHarness:
    rolling = roll_harness(folder, plan=plan)
    rolling.cloud.images[NEWER.id] = NEWER
    return rolling


def roll(rolling: RollHarness) -> None:
    one = rolling.request()
    one = replace(one, launch=replace(one.launch, image=NEWER))
    roll_cluster(rolling.session, RollRequest(replace=one, because=frozenset(Because)), lambda plan: True)


def scale(goal: dict[str, int], rolling: RollHarness) -> None:
    """As the command line does it: down from the roles as they are now; else a launch."""
    there = list_members(rolling.session)
    now = {role: max(count, highest_index(there, "demo", role)) for role, count in goal.items()}
    if now == goal:
        rolling.harness.plan = plan_of(goal)
        rolling.launch()
        return
    request = ShrinkRequest(before=plan_of(now), after=plan_of(goal), drain=DrainPolicy(seconds=60))
    scale_down(rolling.session, request, lambda found: True)


def changes_of(folder: Path, plan: ClusterPlan, command: Command) -> int:
    """How many changes the command makes undisturbed."""
    whole = harness_of(folder / "whole", plan)
    with Death(whole, at=0, after=False) as death:
        command(whole)
    return death.count


def die_and_rerun(
    folder: Path, plan: ClusterPlan, command: Command, at: int, goal: ClusterPlan, *, after: bool
) -> RollHarness:
    rolling = harness_of(folder / f"{at}-{after}", plan)
    before = set(rolling.cloud.names())
    with Death(rolling, at=at, after=after), pytest.raises(Killed):
        command(rolling)
    rolling.cloud.revive()
    command(rolling)
    rolling.harness.plan = goal
    assert_exactly_the_plan(rolling, at)
    for name in before - set(rolling.cloud.names()):
        assert f"delete_token nomad of {name}" in rolling.live.consul.calls, name
    return rolling
