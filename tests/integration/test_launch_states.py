"""Random cluster states, one command under random faults, then plain commands: always valid, always healed."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings

from bakery.launch.base.session import Session
from tests.helpers.launch_states import ALL_OF_A_KIND, CASES, Case, check

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("fast_disk")]

CONTROL = Case(
    died_at=22, deleted=(), off=(), stuck=(), journal=True, lag=25, command="launch", node="demo-nomad-client-1",
    rate=0, seed=0,
)  # fmt: skip

LAST_SERVERS_GONE = replace(CONTROL, died_at=99, lag=0, deleted=ALL_OF_A_KIND[1], node="demo-nomad-server-2")


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=CASES)
@example(case=LAST_SERVERS_GONE)
@example(case=replace(LAST_SERVERS_GONE, command="destroy role", deleted=()))
@example(case=replace(LAST_SERVERS_GONE, journal=False))
def test_any_command_leaves_a_state_that_the_next_ones_heal(case: Case) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(case, Path(folder))


def test_without_the_refusal_an_empty_cluster_is_begun_and_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control."""
    check(LAST_SERVERS_GONE, tmp_path / "refused")
    monkeypatch.setattr("bakery.launch.converge.preflight.lost_data", lambda *about: ())
    with pytest.raises(AssertionError, match="begun a product anew"):
        check(LAST_SERVERS_GONE, tmp_path / "begun")


def test_a_name_that_is_given_again_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control."""
    case = replace(CONTROL, died_at=99, lag=0, command="destroy node")
    check(case, tmp_path / "another")
    monkeypatch.setattr("bakery.launch.base.names.later_name", lambda slot, run_id: slot)
    with pytest.raises(AssertionError, match="demo-nomad-client-1"):
        check(case, tmp_path / "again")


def test_without_intent_and_second_look_a_twin_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: a launch that died at a create, lists that lag, neither the journal's word nor a second look."""
    monkeypatch.setattr("bakery.launch.base.members.find_unconfirmed", lambda session, unclear: {})
    monkeypatch.setattr("bakery.launch.converge.droplets.our_duplicates", lambda session, members, listed: [])
    monkeypatch.setattr("bakery.launch.converge.run.resolve_from_earlier_run", _nothing_to_settle)
    assert any(_fails(replace(CONTROL, died_at=number), tmp_path / f"{number}") for number in range(1, 34))


def _fails(case: Case, folder: Path) -> bool:
    try:
        check(case, folder)
    except AssertionError:
        return True
    return False


def _nothing_to_settle(session: Session, listed: object) -> bool:
    return False
