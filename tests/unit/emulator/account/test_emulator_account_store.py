"""The account as JSON and back."""

import json
from pathlib import Path

import pytest

from bakery.emulator.account.model import FirewallRule, FirewallTargets
from bakery.emulator.account.serialization import dump, next_id, read, restore
from bakery.emulator.account.state import State
from bakery.emulator.account.store import AccountStore
from bakery.emulator.work.firewall_sync import policy_of
from bakery.emulator.work.machine_spec import machine_spec
from bakery.files import is_private
from tests.helpers.emulated import ManualClock, add_droplet, make_state, public_key


def account() -> State:
    """One of everything."""
    state = make_state()
    state.keys.create("laptop", public_key(1))
    droplet, action = add_droplet(state, name="web-1", tags=("web",))
    state.droplets.set_active(droplet)
    state.droplets.finish_action(droplet, action)
    image = state.images.add_snapshot(state.images.new_id(), name="baked", droplet=droplet, disk=25, size=10**9)
    state.tags.tag_image(image, ["baked"])
    rule = FirewallRule(
        protocol="tcp", ports="22", targets=FirewallTargets(tags=["web"], droplet_ids=[droplet.id])
    )
    state.firewalls.create(name="web", inbound=[rule], outbound=[], droplet_ids=[], tags=["web"])
    state.firewalls.retagged(droplet.id, "web", removing=False)
    gone, _ = add_droplet(state, name="gone", public=False)
    state.remove_droplet(gone)
    add_droplet(state, name="half-made")
    return state


def again(state: State) -> State:
    other = make_state()
    restore(other, read(dump(state)))
    return other


def test_everything_comes_back() -> None:
    state = account()
    other = again(state)
    before, after = json.loads(dump(state)), json.loads(dump(other))
    unfinished = {action["id"] for action in before["actions"] if action["status"] == "in-progress"}
    assert len(unfinished) == 2  # the droplet that was left, and the one half made
    for action in after["actions"]:
        assert (action["status"] == "errored") is (action["id"] in unfinished)
    for name in ("tags", "keys", "images", "vpcs", "firewalls", "leaving"):
        assert after[name] == before[name]
    for droplet in before["droplets"]:
        droplet["pending_action"] = None
    assert after["droplets"] == before["droplets"]


def test_what_is_derived_comes_back_too() -> None:
    state = account()
    other = again(state)
    droplet = state.droplets.all()[0]
    address = droplet.public_address
    assert address is not None
    found = other.droplets.find_by_address(address)
    assert found is not None
    assert machine_spec(other, found) == machine_spec(state, droplet)
    assert policy_of(other) == policy_of(state)
    assert other.firewalls.revision > max(firewall.revision for firewall in state.firewalls.all())
    assert [each.id for each in other.droplets.members(droplet.vpc_id)] == [
        each.id for each in state.droplets.members(droplet.vpc_id)
    ]
    assert other.images.get("debian-12-x64").id == state.images.get("debian-12-x64").id
    assert [each.type for each in other.actions.of_droplet(droplet.id)] == ["create"]


def test_nothing_is_given_twice() -> None:
    """Neither numbers nor addresses: those of droplets that are being removed are still taken."""
    state = account()
    other = again(state)
    assert next_id(read(dump(state))) > max(
        *(action.id for action in state.actions.all()), *(droplet.id for droplet in state.droplets.all())
    )
    taken = {droplet.private_address for droplet in [*state.droplets.all(), *state.droplets.leaving()]}
    droplet, _ = add_droplet(other, name="new")
    assert droplet.private_address not in taken
    assert droplet.public_address not in {each.public_address for each in state.droplets.all()}


def test_it_is_kept_in_a_private_file_because_user_data_is_in_it(tmp_path: Path) -> None:
    state = account()
    file = tmp_path / "home" / "account.json"
    AccountStore(state, file).save()
    assert is_private(file)
    assert "canary-user-data" in file.read_text()


def test_what_did_not_change_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = account()
    store = AccountStore(state, tmp_path / "account.json")
    store.save()
    (tmp_path / "account.json").unlink()
    store.save()
    assert not (tmp_path / "account.json").exists()
    state.tags.ensure("new")
    store.save()
    assert (tmp_path / "account.json").exists()  # control


def test_a_keeper_without_a_file_keeps_nothing() -> None:
    AccountStore(make_state(ManualClock()), None).save()
