"""The table of faults."""

from datetime import timedelta

from bakery.emulator.faults.table import ENDLESS, Fault, Faults
from tests.helpers.emulated import ManualClock, add_droplet, make_state


def met(faults: Faults, count: int, method: str = "GET", path: str = "/v2/droplets") -> list[bool]:
    return [faults.take(method, path) is not None for _ in range(count)]


def test_a_fault_meets_so_many_requests_and_no_more() -> None:
    faults = Faults()
    faults.add(Fault(method="GET", path="/v2/droplets", times=2, status=500))

    assert faults.take("POST", "/v2/droplets") is None
    assert faults.take("GET", "/v2/droplets/1") is None
    assert met(faults, 3) == [True, True, False]
    assert faults.all() == []


def test_a_fault_can_be_without_end() -> None:
    faults = Faults()
    faults.add(Fault(path="/v2/droplets", times=ENDLESS, status=500))

    assert met(faults, 100) == [True] * 100
    assert faults.all()[0]["met"] == 100


def test_a_fault_can_let_requests_pass_first() -> None:
    faults = Faults()
    faults.add(Fault(path="/v2/.*", skip=2, status=429))

    assert met(faults, 4) == [False, False, True, False]


def test_the_oldest_fault_acts_first() -> None:
    faults = Faults()
    faults.add(Fault(path=".*", status=500))
    faults.add(Fault(path=".*", status=429))

    statuses = [fault.status for _ in range(2) if (fault := faults.take("GET", "/")) is not None]
    assert statuses == [500, 429]


def test_dice_fall_the_same_for_the_same_seed() -> None:
    def fall(seed: int) -> list[bool]:
        faults = Faults()
        faults.add(Fault(path=".*", status=500, probability=0.5, seed=seed, times=ENDLESS))
        return met(faults, 64)

    assert fall(1) == fall(1)
    assert fall(1) != fall(2)
    assert 16 <= sum(fall(1)) <= 48


def test_dice_at_their_ends() -> None:
    for probability, expected in ((0.0, 0), (1.0, 20)):
        faults = Faults()
        faults.add(Fault(path=".*", status=500, probability=probability, times=ENDLESS))
        assert sum(met(faults, 20)) == expected


def test_actions_and_requests_do_not_meet_each_others_faults() -> None:
    faults = Faults()
    faults.add(Fault(action="snapshot", outcome="errored"))
    faults.add(Fault(path="/snapshot", status=500))

    assert faults.take_action("create") is None
    assert faults.take("GET", "snapshot") is None
    assert (faults.take_action("snapshot") or Fault()).outcome == "errored"
    assert faults.take_action("snapshot") is None
    assert met(faults, 1, path="/snapshot") == [True]


def test_any_action() -> None:
    faults = Faults()
    faults.add(Fault(action="*", outcome="endless", times=ENDLESS))

    assert [faults.take_action(kind) is not None for kind in ("create", "reboot")] == [True, True]


def test_a_stale_fault_shows_the_past_until_its_time_is_up() -> None:
    clock, faults = ManualClock(), Faults()
    state = make_state(clock)
    droplet, _ = add_droplet(state)
    faults.add(Fault(path="/v2/droplets", stale_s=10), past=state.as_it_is(), now=clock())
    state.remove_droplet(droplet)
    add_droplet(state, name="new")

    past = faults.past("/v2/droplets", clock())
    assert past is not None
    assert [found.name for found in past.droplets.all()] == ["web-1"]
    assert [found.name for found in state.droplets.all()] == ["new"]
    assert faults.past("/v2/tags", clock()) is None
    assert faults.take("GET", "/v2/droplets") is None  # it is no fault of the request
    assert faults.past("/v2/droplets", clock() + timedelta(seconds=10)) is None
    assert faults.all() == []


def test_a_copy_of_the_account_shares_its_clock_and_its_ids() -> None:
    clock = ManualClock()
    state = make_state(clock)
    past = state.as_it_is()
    clock.advance(60)
    droplet, _ = add_droplet(state)

    assert past.clock() == clock()
    assert past.lock is state.lock
    assert add_droplet(past)[0].id > droplet.id


def test_requests_that_hang_are_counted_and_let_go() -> None:
    faults = Faults()
    first, second = faults.hang(), faults.hang()
    assert faults.hanging == 2
    faults.let_go(first)
    assert (faults.still_hangs(first), faults.still_hangs(second)) == (False, True)
    faults.clear()
    assert (faults.hanging, faults.still_hangs(second)) == (0, False)


def test_a_fault_is_removed_by_its_number() -> None:
    faults = Faults()
    number = faults.add(Fault(path=".*", status=500))

    assert faults.remove(number) is True
    assert faults.remove(number) is False
    assert met(faults, 1) == [False]
