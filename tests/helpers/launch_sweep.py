"""Launches that die or fail at chosen requests, and the run after them."""

import random
from collections.abc import Callable, Iterable
from pathlib import Path

from bakery.errors import BakeryError
from tests.helpers.fake_cloud import Call, FakeCloud, Fault, Killed, fault_at
from tests.helpers.launch_harness import IMAGE, NAMES, SIZES, LaunchHarness

KILLS = tuple((fault, lag) for fault in (Fault.KILL_BEFORE, Fault.KILL_AFTER) for lag in (0, 25))
"""Before and after a request is applied, on lists that are so many seconds behind."""
FAULTS = (Fault.FAIL, Fault.LOST_REPLY, Fault.RATE_LIMIT, Fault.KILL_BEFORE, Fault.KILL_AFTER)


def lagging_harness(folder: Path, *, lag: float = 0) -> LaunchHarness:
    """A harness whose lists show a droplet ``lag`` seconds after its creation."""
    return LaunchHarness(folder, cloud=FakeCloud(sizes=SIZES, images={IMAGE.id: IMAGE}, lag=lag))


def requests_of_a_launch(
    folder: Path, *, lag: float, where: Callable[[Call], bool] = lambda call: True
) -> list[int]:
    """Numbers of the requests of an undisturbed launch."""
    harness = lagging_harness(folder, lag=lag)
    harness.launch()
    return [number for number, call in enumerate(harness.cloud.calls, 1) if where(call)]


def assert_exactly_the_plan(harness: LaunchHarness, case: object) -> None:
    assert harness.cloud.slots() == NAMES, case
    assert len(set(harness.cloud.names())) == len(NAMES), case
    assert harness.cloud.ssh_keys == {}, case
    assert len(harness.cloud.vpcs) == 1, case
    assert len(harness.cloud.firewalls) == 3, case
    founders = [name for name, join in harness.joins().items() if join.startswith("consul= ")]
    assert founders == ["demo-consul-server-1"], case


def kill_and_rerun(folder: Path, numbers: Iterable[int], fault: Fault, *, lag: float) -> None:
    """For each request: die there, run again, find exactly the plan."""
    for number in numbers:
        harness = lagging_harness(folder / f"{number}", lag=lag)
        harness.cloud.fault = fault_at(number, fault)
        try:
            harness.launch()
        except Killed:
            harness.cloud.revive()
        else:
            raise AssertionError(number)
        harness.launch()
        assert_exactly_the_plan(harness, number)


def run_until_through(folder: Path, seed: int) -> None:
    """A fifth of the changing requests fail somehow; the user repeats the command until it is done."""
    chance = random.Random(seed)  # noqa: S311 - a test's dice

    def fault(number: int, call: Call) -> Fault | None:
        rate = 0.2 if call.mutating else 0.02
        return chance.choice(FAULTS) if chance.random() < rate else None

    harness = lagging_harness(folder, lag=chance.choice([0, 5, 30]))
    for _ in range(200):
        harness.cloud.revive()
        harness.cloud.fault = fault
        try:
            harness.launch()
            break
        except (BakeryError, Killed):
            continue
    assert_exactly_the_plan(harness, seed)
    harness.cloud.revive()
    harness.launch()
    assert harness.cloud.mutations == [], seed
