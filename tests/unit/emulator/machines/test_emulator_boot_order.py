"""CPU time for machines that boot: the smallest first, until each has booted or is off."""

import threading
from collections.abc import Callable

from bakery.emulator.machines.boot_order import BootOrder


class Shares:
    """The shares that a :class:`BootOrder` has given."""

    def __init__(self) -> None:
        self.now: dict[str, float] = {}
        self.usual = threading.Event()

    def give(self, cgroup: str, share: float) -> None:
        self.now[cgroup] = share
        if share == 1:
            self.usual.set()


def test_each_machine_gets_half_of_the_one_before_it() -> None:
    shares = Shares()
    order = BootOrder(shares.give)
    for number, name in enumerate(("a", "b", "c")):
        order.begin(name, memory=1024, droplet_id=number)
    assert shares.now == {"a": 0.5, "b": 0.25, "c": 0.125}
    order.end("a")
    assert shares.now == {"a": 1, "b": 0.5, "c": 0.25}
    order.begin("b", memory=1024, droplet_id=1)  # it boots again
    assert shares.now == {"a": 1, "b": 0.5, "c": 0.25}


def test_of_machines_that_start_at_the_same_time_the_one_that_was_created_first_is_first() -> None:
    """Threads start them in any order: the cluster's first servers once came up after the others."""
    shares = Shares()
    order = BootOrder(shares.give)
    for number in (3, 1, 2):
        order.begin(f"droplet {number}", memory=1024, droplet_id=number)
    assert shares.now == {"droplet 1": 0.5, "droplet 2": 0.25, "droplet 3": 0.125}


def test_a_smaller_machine_gets_more_than_a_larger_one_that_started_before() -> None:
    shares = Shares()
    order = BootOrder(shares.give)
    order.begin("large", memory=2048, droplet_id=1)
    order.begin("small", memory=1024, droplet_id=2)
    order.begin("next", memory=1024, droplet_id=3)
    assert shares.now == {"small": 0.5, "next": 0.25, "large": 0.125}


def test_no_machine_gets_nothing() -> None:
    shares = Shares()
    order = BootOrder(shares.give)
    for number in range(20):
        order.begin(str(number), memory=1024, droplet_id=number)
    assert min(shares.now.values()) == 1 / 512


def test_a_machine_that_has_booted_gets_the_usual_share_by_itself() -> None:
    shares = Shares()
    BootOrder(shares.give).begin("a", memory=1024, droplet_id=1, seconds=0.01)
    assert shares.usual.wait(timeout=10)
    assert shares.now == {"a": 1}


class Timers:
    """Timers that run when the test says so."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def __call__(self, seconds: float, call: Callable[[], None]) -> threading.Timer:
        self.due.append(call)
        return threading.Timer(0, lambda: None)


def test_the_timer_of_an_earlier_boot_does_not_end_a_later_one() -> None:
    shares, timers = Shares(), Timers()
    order = BootOrder(shares.give, timers)
    order.begin("a", memory=1024, droplet_id=1)
    order.begin("a", memory=1024, droplet_id=1)  # it boots again
    order.begin("b", memory=1024, droplet_id=2)
    of_first, of_second, _ = timers.due
    of_first()
    assert shares.now == {"a": 0.5, "b": 0.25}
    of_second()  # control
    assert shares.now == {"a": 1, "b": 0.5}


def test_the_timer_of_a_machine_that_has_ended_does_nothing() -> None:
    """Its control group may be gone."""
    shares, timers = Shares(), Timers()
    order = BootOrder(shares.give, timers)
    order.begin("a", memory=1024, droplet_id=1)
    order.end("a")
    shares.now.clear()
    timers.due[0]()
    assert shares.now == {}
