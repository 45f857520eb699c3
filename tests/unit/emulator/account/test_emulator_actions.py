"""Finished actions: the newest are there, older ones are forgotten; those in progress stay."""

import pytest

from bakery.emulator.account.actions import Actions
from bakery.emulator.account.errors import NotFound
from bakery.emulator.account.model import Action
from tests.helpers.emulated import CountingIds, ManualClock

KEPT = 3


def new_actions() -> Actions:
    return Actions(ManualClock(), CountingIds(), keep_finished=KEPT)


def start(actions: Actions, resource_id: int = 7) -> Action:
    return actions.start("reboot", resource_id=resource_id, resource_type="droplet", region="fra1")


def test_only_the_newest_finished_actions_are_there() -> None:
    actions = new_actions()
    started = [start(actions) for _ in range(KEPT + 2)]
    for action in started:
        actions.finish(action)
    assert actions.all() == started[2:]
    assert actions.of_droplet(7) == started[2:]
    with pytest.raises(NotFound):
        actions.get(started[1].id)
    assert actions.get(started[2].id) is started[2]


def test_an_action_in_progress_stays_however_old_it_is() -> None:
    actions = new_actions()
    first = start(actions, resource_id=1)
    for _ in range(2 * KEPT):
        actions.finish(start(actions))
    assert actions.get(first.id) is first
    assert len(actions.all()) == 1 + KEPT
    actions.finish(first, errored=True)
    assert actions.get(first.id).status == "errored"  # control: the order of the ends counts
    assert actions.of_droplet(1) == [first]


def test_a_resource_whose_actions_are_all_forgotten_has_none() -> None:
    actions = new_actions()
    actions.finish(start(actions, resource_id=1))
    for _ in range(KEPT):
        actions.finish(start(actions))
    assert actions.of_droplet(1) == []


def test_what_a_longer_list_on_disk_holds_is_cut_to_the_newest() -> None:
    """An account that an older bakery wrote has every action there ever was."""
    before = Actions(ManualClock(), CountingIds(), keep_finished=100)
    started = [start(before) for _ in range(KEPT + 4)]
    for action in started[:-1]:
        before.finish(action)
    actions = new_actions()
    actions.restore(started)
    assert actions.all() == started[3:]
    assert actions.of_droplet(7) == started[3:]
