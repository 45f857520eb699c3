"""Death at every request of a launch and a destroy, and random faults; then the same command again."""

from pathlib import Path

import pytest

from bakery.launch.base.journal import JournalFile
from bakery.launch.base.model import Targets
from tests.helpers.fake_cloud import Fault, Killed, fault_at
from tests.helpers.launch_harness import NAMES, LaunchHarness, small_plan
from tests.helpers.launch_sweep import (
    assert_exactly_the_plan,
    kill_and_rerun,
    lagging_harness,
    requests_of_a_launch,
    run_until_through,
)


def _destroy(harness: LaunchHarness) -> Targets:
    return harness.destroy()


@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER])
def test_killed_at_any_change_the_next_run_makes_exactly_the_plan(tmp_path: Path, fault: Fault) -> None:
    """Lists lag 25 s behind creates: the journal closes the gap. The integration tests sweep every request."""
    numbers = requests_of_a_launch(tmp_path / "whole", lag=25, where=lambda call: call.mutating)
    kill_and_rerun(tmp_path, numbers, fault, lag=25)


@pytest.mark.parametrize(("looks_again", "droplets"), [(True, 1), (False, 2)])
def test_without_the_journal_a_lagging_list_makes_a_twin_that_does_not_last(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    looks_again: bool,  # noqa: FBT001 - a parameter of the table
    droplets: int,
) -> None:
    """Control: the sweep above would notice if neither the intent were kept nor the list read again."""
    if not looks_again:
        monkeypatch.setattr("bakery.launch.converge.droplets.our_duplicates", lambda session, members, listed: [])
    harness = lagging_harness(tmp_path, lag=25)
    harness.plan = small_plan(clients=0)
    harness.launch()
    harness.cloud.clock.sleep(25)
    harness.plan = small_plan()
    harness.cloud.fault = lambda number, call: Fault.KILL_AFTER if call.subject == "demo-nomad-client-1" else None
    with pytest.raises(Killed):
        harness.launch()
    harness.cloud.revive()
    harness.paths.journal.unlink()
    harness.launch()
    assert harness.cloud.slots().count("demo-nomad-client-1") == droplets


@pytest.mark.parametrize("forgets", [False, True])
def test_what_no_list_shows_yet_is_remembered_beyond_the_end_of_a_launch(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    forgets: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    """Asked by id, the droplets are active at once; a list catches up later than the launch is over."""
    if forgets:
        monkeypatch.setattr("bakery.launch.base.journal.JournalFile.finish", _forget)
    harness = lagging_harness(tmp_path, lag=30)
    harness.cloud.fault = lambda number, call: Fault.KILL_AFTER if call.name == "delete_ssh_key" else None
    with pytest.raises(Killed):
        harness.launch()
    harness.cloud.clock.sleep(25)
    harness.cloud.revive()
    harness.launch()
    harness.cloud.revive()
    harness.launch()
    assert (harness.cloud.mutations != []) == forgets, (
        "control: forgotten, they are made again, to be removed again"
    )
    assert harness.cloud.names() == NAMES


def _forget(journal: JournalFile, *, listed_since: float) -> None:
    for request in journal.now.requests:
        journal.resolve(request.what)


def test_a_lost_journal_alone_makes_no_twins(tmp_path: Path) -> None:
    harness = lagging_harness(tmp_path)
    harness.launch()
    harness.paths.journal.unlink()
    harness.cloud.revive()
    harness.launch()
    assert harness.cloud.mutations == []


@pytest.mark.parametrize(("fault", "lag"), [(Fault.FAIL, 0), (Fault.LOST_REPLY, 25), (Fault.RATE_LIMIT, 0)])
def test_one_unclear_reply_to_any_create_is_healed_in_the_same_run(
    tmp_path: Path, fault: Fault, lag: float
) -> None:
    creates = requests_of_a_launch(tmp_path / "whole", lag=lag, where=lambda call: call.name.startswith("create_"))
    for number in creates:
        harness = lagging_harness(tmp_path / f"{number}", lag=lag)
        harness.cloud.fault = fault_at(number, fault)
        harness.launch()
        assert_exactly_the_plan(harness, number)


@pytest.mark.parametrize("seed", range(6))
def test_random_faults_converge_without_a_twin(tmp_path: Path, seed: int) -> None:
    run_until_through(tmp_path, seed)


@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER])
def test_killed_at_any_change_destroy_goes_on(tmp_path: Path, fault: Fault) -> None:
    whole = lagging_harness(tmp_path / "whole")
    whole.launch()
    whole.cloud.revive()
    _destroy(whole)
    for number, call in enumerate(whole.cloud.calls, 1):
        if not call.mutating:
            continue
        harness = lagging_harness(tmp_path / f"{number}")
        harness.launch()
        harness.cloud.revive()
        harness.cloud.fault = fault_at(number, fault)
        with pytest.raises(Killed):
            _destroy(harness)
        harness.cloud.revive()
        _destroy(harness)
        assert harness.cloud.names() == [], number
        left = (harness.cloud.vpcs, harness.cloud.firewalls, harness.cloud.ssh_keys, harness.cloud.tags)
        assert left == ({}, {}, {}, {}), number


def test_a_lost_journal_does_not_stop_a_destroy(tmp_path: Path) -> None:
    """The droplets' launch tags are marks too, and they are kept on disk before the droplets go."""
    harness = lagging_harness(tmp_path)
    harness.launch()
    harness.paths.journal.unlink()
    harness.cloud.fault = lambda number, call: Fault.KILL_BEFORE if call.name == "delete_firewall" else None
    with pytest.raises(Killed):
        _destroy(harness)
    harness.cloud.revive()
    _destroy(harness)
    assert (harness.cloud.vpcs, harness.cloud.firewalls) == ({}, {})
