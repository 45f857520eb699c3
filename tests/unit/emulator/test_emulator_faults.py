"""The table of faults."""

from bakery.emulator.handlers.faults import Fault, Faults


def test_a_fault_meets_so_many_requests_and_no_more() -> None:
    faults = Faults()
    faults.add(Fault(method="GET", path="/v2/droplets", times=2, status=500))

    assert faults.take("POST", "/v2/droplets") is None
    assert faults.take("GET", "/v2/droplets/1") is None
    met = [faults.take("GET", "/v2/droplets") is not None for _ in range(3)]
    assert met == [True, True, False]
    assert faults.all() == []


def test_a_fault_can_let_requests_pass_first() -> None:
    faults = Faults()
    faults.add(Fault(method="*", path="/v2/.*", times=1, skip=2, status=429))

    assert [faults.take("GET", "/v2/x") is not None for _ in range(4)] == [False, False, True, False]


def test_the_oldest_fault_acts_first() -> None:
    faults = Faults()
    faults.add(Fault(method="*", path=".*", times=1, status=500))
    faults.add(Fault(method="*", path=".*", times=1, status=429))

    statuses = [fault.status for _ in range(2) if (fault := faults.take("GET", "/")) is not None]
    assert statuses == [500, 429]
