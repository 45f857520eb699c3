"""Death at every request of a launch and a destroy, and random faults; then the same command again."""

import random
from pathlib import Path

import pytest

from bakery.errors import BakeryError
from bakery.launch.destroy import destroy
from bakery.launch.model import Targets
from tests.helpers.fake_cloud import Call, FakeCloud, Fault, Killed, fault_at
from tests.helpers.launch_bench import IMAGE, NAMES, SIZES, Bench


@pytest.fixture(autouse=True)
def fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal is synced at each step; no test here loses power."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def _bench(folder: Path, *, lag: float = 0) -> Bench:
    return Bench(folder, cloud=FakeCloud(sizes=SIZES, images={IMAGE.id: IMAGE}, lag=lag))


def _requests_of_a_launch(folder: Path, lag: float) -> int:
    bench = _bench(folder, lag=lag)
    bench.launch()
    return len(bench.cloud.calls)


def _destroy(bench: Bench) -> Targets:
    return destroy(bench.plan, cloud=bench.cloud, paths=bench.paths, clock=bench.cloud.clock)


def _assert_exactly_the_plan(bench: Bench, case: object) -> None:
    assert bench.cloud.names() == NAMES, case
    assert bench.cloud.ssh_keys == {}, case
    assert len(bench.cloud.vpcs) == 1, case
    assert len(bench.cloud.firewalls) == 3, case


@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER])
@pytest.mark.parametrize("lag", [0, 25])
def test_killed_at_any_request_the_next_run_makes_exactly_the_plan(
    tmp_path: Path, fault: Fault, lag: float
) -> None:
    """Also when lists lag 25 s behind creates: the journal closes the gap."""
    for number in range(1, _requests_of_a_launch(tmp_path / "whole", lag) + 1):
        bench = _bench(tmp_path / f"{number}", lag=lag)
        bench.cloud.fault = fault_at(number, fault)
        with pytest.raises(Killed):
            bench.launch()
        bench.cloud.revive()
        bench.launch()
        _assert_exactly_the_plan(bench, number)


def test_without_the_journal_a_lagging_list_makes_twins(tmp_path: Path) -> None:
    """Control: the sweep above would notice if the intent were not kept."""
    bench = _bench(tmp_path, lag=25)
    bench.cloud.fault = lambda number, call: Fault.KILL_AFTER if call.subject == "demo-nomad-client-1" else None
    with pytest.raises(Killed):
        bench.launch()
    bench.cloud.revive()
    bench.paths.journal.unlink()
    bench.launch()
    assert bench.cloud.names().count("demo-nomad-client-1") == 2


def test_a_lost_journal_alone_makes_no_twins(tmp_path: Path) -> None:
    bench = _bench(tmp_path)
    bench.launch()
    bench.paths.journal.unlink()
    bench.cloud.revive()
    bench.launch()
    assert bench.cloud.mutations == []


@pytest.mark.parametrize("fault", [Fault.FAIL, Fault.LOST_REPLY, Fault.RATE_LIMIT])
@pytest.mark.parametrize("lag", [0, 25])
def test_one_unclear_reply_to_any_create_is_healed_in_the_same_run(
    tmp_path: Path, fault: Fault, lag: float
) -> None:
    whole = _bench(tmp_path / "whole", lag=lag)
    whole.launch()
    creates = [n for n, call in enumerate(whole.cloud.calls, 1) if call.name.startswith("create_")]
    for number in creates:
        bench = _bench(tmp_path / f"{number}", lag=lag)
        bench.cloud.fault = fault_at(number, fault)
        bench.launch()
        _assert_exactly_the_plan(bench, number)


@pytest.mark.parametrize("seed", range(60))
def test_random_faults_converge_without_a_twin(tmp_path: Path, seed: int) -> None:
    """A fifth of all requests fails somehow; the user runs the same command until it is through."""
    chance = random.Random(seed)
    faults = [Fault.FAIL, Fault.LOST_REPLY, Fault.RATE_LIMIT, Fault.KILL_BEFORE, Fault.KILL_AFTER]

    def fault(number: int, call: Call) -> Fault | None:
        rate = 0.2 if call.mutating else 0.02
        return chance.choice(faults) if chance.random() < rate else None

    bench = _bench(tmp_path, lag=chance.choice([0, 5, 25]))
    for _ in range(200):
        bench.cloud.revive()
        bench.cloud.fault = fault
        try:
            bench.launch(workers=1)
            break
        except (BakeryError, Killed):
            continue
    _assert_exactly_the_plan(bench, seed)
    bench.cloud.revive()
    bench.launch()
    assert bench.cloud.mutations == [], seed


@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER])
def test_killed_at_any_request_destroy_goes_on(tmp_path: Path, fault: Fault) -> None:
    whole = _bench(tmp_path / "whole")
    whole.launch()
    whole.cloud.revive()
    _destroy(whole)
    for number in range(1, len(whole.cloud.calls) + 1):
        bench = _bench(tmp_path / f"{number}")
        bench.launch()
        bench.cloud.revive()
        bench.cloud.fault = fault_at(number, fault)
        with pytest.raises(Killed):
            _destroy(bench)
        bench.cloud.revive()
        _destroy(bench)
        assert bench.cloud.names() == [], number
        left = (bench.cloud.vpcs, bench.cloud.firewalls, bench.cloud.ssh_keys, bench.cloud.tags)
        assert left == ({}, {}, {}, {}), number


def test_a_lost_journal_does_not_stop_a_destroy(tmp_path: Path) -> None:
    """The droplets' launch tags are marks too, and they are kept on disk before the droplets go."""
    bench = _bench(tmp_path)
    bench.launch()
    bench.paths.journal.unlink()
    bench.cloud.fault = lambda number, call: Fault.KILL_BEFORE if call.name == "delete_firewall" else None
    with pytest.raises(Killed):
        _destroy(bench)
    bench.cloud.revive()
    _destroy(bench)
    assert (bench.cloud.vpcs, bench.cloud.firewalls) == ({}, {})
