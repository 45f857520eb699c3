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


def lagging_bench(folder: Path, *, lag: float = 0) -> LaunchHarness:
    """A harness whose lists show a droplet ``lag`` seconds after its creation."""
    return LaunchHarness(folder, cloud=FakeCloud(sizes=SIZES, images={IMAGE.id: IMAGE}, lag=lag))


def requests_of_a_launch(
    folder: Path, *, lag: float, where: Callable[[Call], bool] = lambda call: True
) -> list[int]:
    """Numbers of the requests of an undisturbed launch."""
    bench = lagging_bench(folder, lag=lag)
    bench.launch()
    return [number for number, call in enumerate(bench.cloud.calls, 1) if where(call)]


def assert_exactly_the_plan(bench: LaunchHarness, case: object) -> None:
    assert bench.cloud.slots() == NAMES, case
    assert len(set(bench.cloud.names())) == len(NAMES), case
    assert bench.cloud.ssh_keys == {}, case
    assert len(bench.cloud.vpcs) == 1, case
    assert len(bench.cloud.firewalls) == 3, case
    founders = [name for name, join in bench.joins().items() if join.startswith("consul= ")]
    assert founders == ["demo-consul-server-1"], case


def kill_and_rerun(folder: Path, numbers: Iterable[int], fault: Fault, *, lag: float) -> None:
    """For each request: die there, run again, find exactly the plan."""
    for number in numbers:
        bench = lagging_bench(folder / f"{number}", lag=lag)
        bench.cloud.fault = fault_at(number, fault)
        try:
            bench.launch()
        except Killed:
            bench.cloud.revive()
        else:
            raise AssertionError(number)
        bench.launch()
        assert_exactly_the_plan(bench, number)


def run_until_through(folder: Path, seed: int) -> None:
    """A fifth of the changing requests fail somehow; the user repeats the command until it is done."""
    chance = random.Random(seed)  # noqa: S311 - a test's dice

    def fault(number: int, call: Call) -> Fault | None:
        rate = 0.2 if call.mutating else 0.02
        return chance.choice(FAULTS) if chance.random() < rate else None

    bench = lagging_bench(folder, lag=chance.choice([0, 5, 30]))
    for _ in range(200):
        bench.cloud.revive()
        bench.cloud.fault = fault
        try:
            bench.launch()
            break
        except (BakeryError, Killed):
            continue
    assert_exactly_the_plan(bench, seed)
    bench.cloud.revive()
    bench.launch()
    assert bench.cloud.mutations == [], seed
