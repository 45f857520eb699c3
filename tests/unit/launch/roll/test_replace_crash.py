"""Death at the changes of a replacement: requests, calls to agents, writes. Then the same command.

Each test dies at every third change; the tests together cover all kinds of changes of all kinds of nodes.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bakery.errors import UsageError
from tests.helpers.fake_cloud import Killed
from tests.helpers.live_cluster import FORGOTTEN, calls_in_order
from tests.helpers.roll_harness import Death, RollHarness, assert_exactly_the_plan, roll_harness

STRIDE = 3


def _killed(
    folder: Path, slot: str, *, first: int, after: bool, lag: float = 0
) -> Iterator[tuple[int, RollHarness]]:
    """For every third change of the replacement, from number ``first`` on, a cluster whose bakery died there."""
    whole = roll_harness(folder / "whole", lag=lag)
    with Death(whole, at=0, after=False) as death:
        whole.replace(f"demo-{slot}")
    assert_exactly_the_plan(whole, "undisturbed")
    assert death.count > 15, "control: there are places to die"
    for number in range(first, death.count + 1, STRIDE):
        rolling = roll_harness(folder / f"{number}", lag=lag)
        with Death(rolling, at=number, after=after), pytest.raises(Killed):
            rolling.replace(f"demo-{slot}")
        rolling.cloud.revive()
        yield number, rolling


def _is_unfinished(rolling: RollHarness) -> bool:
    """Whether a replacement is under way: one that is finished would be begun anew."""
    return any(":replaces:" in tag for d in rolling.cloud.droplets.values() for tag in d.tags)


@pytest.mark.parametrize(
    ("slot", "first", "after"),
    [
        ("consul-server-1", 1, True), ("consul-server-1", 2, False), ("nomad-server-1", 3, True),
        ("nomad-server-1", 1, False), ("nomad-client-2", 2, True), ("nomad-client-2", 3, False),
    ],
)  # fmt: skip
def test_the_same_command_goes_on(tmp_path: Path, slot: str, first: int, after: bool) -> None:  # noqa: FBT001 - of the table
    for number, rolling in _killed(tmp_path, slot, first=first, after=after):
        before = len(rolling.cloud.droplets)
        unfinished = _is_unfinished(rolling)
        rolling.replace(f"demo-{slot}")
        assert_exactly_the_plan(rolling, number)
        if unfinished:
            assert len(rolling.cloud.droplets) == before, f"{number}: the same successor"


def test_lists_that_lag_make_no_second_successor(tmp_path: Path) -> None:
    for number, rolling in _killed(tmp_path, "nomad-client-2", first=1, after=True, lag=25):
        rolling.replace("demo-nomad-client-2")
        assert_exactly_the_plan(rolling, number)


@pytest.mark.parametrize(("slot", "first"), [("consul-server-1", 3), ("nomad-client-2", 1)])
def test_a_launch_in_between_takes_no_successor_for_a_duplicate(tmp_path: Path, slot: str, first: int) -> None:
    for number, rolling in _killed(tmp_path, slot, first=first, after=True):
        unfinished = _is_unfinished(rolling)
        said = rolling.harness.reporter.warnings
        try:
            rolling.launch()
        except UsageError as refused:
            said.append(refused.message)
        named = any(f"replacement of demo-{slot}" in text for text in said)
        assert named == unfinished, number
        assert not [warning for warning in said if "more than once" in warning], number
        rolling.cloud.revive()
        rolling.replace(f"demo-{slot}")
        assert_exactly_the_plan(rolling, number)


@pytest.mark.parametrize(("slot", "expected"), FORGOTTEN.items())
def test_what_died_before_the_node_was_forgotten_goes_on_in_the_order_of_a_removal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slot: str, expected: list[str]
) -> None:
    rolling = roll_harness(tmp_path)
    with monkeypatch.context() as dying:
        dying.setattr("bakery.launch.teardown.removal.forget", _die)
        with pytest.raises(Killed):
            rolling.replace(f"demo-{slot}")
    seen = calls_in_order(rolling.live)
    rolling.replace(f"demo-{slot}")
    assert [call for call in seen if call.endswith(("force_leave", "purge"))] == expected
    assert_exactly_the_plan(rolling, 0)


def _die(*_: object) -> None:
    raise Killed
