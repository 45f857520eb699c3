"""The account as JSON and back."""

import json
from pathlib import Path

import pytest

from bakery.emulator.account.model import FirewallRule, FirewallTargets
from bakery.emulator.account.serialization import next_id, read, restore, take_snapshot, to_json
from bakery.emulator.account.state import AccountState
from bakery.emulator.account.store import AccountStore
from bakery.emulator.work.firewall_sync import policy_of
from bakery.emulator.work.machine_spec import machine_spec
from bakery.errors import EmulatorError
from bakery.files import is_private
from bakery.hints import Command
from tests.helpers.emulated import add_droplet, make_state, public_key


def account() -> AccountState:
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


def dump(state: AccountState) -> str:
    return to_json(take_snapshot(state))


def again(state: AccountState) -> AccountState:
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


def test_a_snapshot_does_not_follow_later_changes() -> None:
    """It is written while other requests change the account."""
    state = account()
    droplet = state.droplets.all()[-1]
    action = state.actions.get(droplet.pending_action or 0)
    snapshot = take_snapshot(state)
    before = to_json(snapshot)
    state.droplets.finish_action(droplet, action)
    state.tags.tag_droplet(droplet, ["late"])
    firewall = state.firewalls.all()[0]
    firewall.inbound[0].targets.tags.append("late")
    firewall.pending[droplet.id] = True
    assert to_json(snapshot) == before
    assert to_json(take_snapshot(state)) != before  # control


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{", "EOF while parsing"),
        ('{"actions": []}', "tags: Field required"),
        (dump(account()).replace('"id": ', '"id": "canary"+', 1), "expected"),
        (dump(account()).replace('"canary-user-data"', "1").replace('"disk": 25', '"disk": "canary"'), "disk"),
    ],
)
def test_a_file_that_is_no_account_is_an_error_without_secrets(text: str, place: str) -> None:
    with pytest.raises(EmulatorError, match="cannot be read") as caught:
        read(text)
    shown = f"{caught.value} {caught.value.details}"
    assert place in shown
    assert "canary" not in shown
    assert caught.value.hint == Command("emulator down")


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


def test_it_is_saved_in_a_private_file_because_user_data_is_in_it(tmp_path: Path) -> None:
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


def test_a_store_without_a_file_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    monkeypatch.setattr(
        "bakery.emulator.account.store.write_secret", lambda file, content: written.append(content)
    )
    AccountStore(account(), None).save()
    assert written == []
    AccountStore(account(), tmp_path / "account.json").save()
    assert len(written) == 1  # control


def test_the_file_is_one_json_object_of_lists() -> None:
    """Written by hand: an emulator of another version has to read it."""
    state = make_state(base_images=("debian-12-x64",), regions=("fra1",))
    droplet, action = add_droplet(state, name="web-1", tags=("web",))
    state.droplets.finish_action(droplet, action)
    rule = FirewallRule(protocol="tcp", ports="22", targets=FirewallTargets(tags=["web"]))
    state.firewalls.create(name="web", inbound=[rule], outbound=[], droplet_ids=[droplet.id], tags=[])
    state.firewalls.all()[0].pending = {droplet.id: True}
    noon, vpc = "2026-11-24T12:00:00+00:00", "00000000-0000-0000-0000-000000000001"
    targets = {"addresses": [], "droplet_ids": [], "load_balancer_uids": [], "kubernetes_ids": [], "tags": ["web"]}
    assert json.loads(dump(state)) == {
        "actions": [
            {
                "id": 1003,
                "type": "create",
                "resource_id": 1002,
                "resource_type": "droplet",
                "region": "fra1",
                "started_at": noon,
                "completed_at": noon,
                "status": "completed",
            }
        ],
        "tags": [{"name": "web", "droplet_ids": {"1002": None}, "image_ids": {}}],
        "keys": [],
        "images": [
            {
                "id": 1001,
                "name": "12 x64",
                "distribution": "Debian",
                "slug": "debian-12-x64",
                "type": "base",
                "key": "debian-12-x64",
                "public": True,
                "regions": ["fra1"],
                "created_at": "2026-01-01T00:00:00+00:00",
                "min_disk_size": 7,
                "size_gigabytes": 0.5,
                "droplet_id": None,
                "description": "",
                "status": "available",
                "tags": [],
            }
        ],
        "vpcs": [
            {
                "id": vpc,
                "name": "default-fra1",
                "description": "",
                "region": "fra1",
                "ip_range": "10.116.0.0/20",
                "default": True,
                "created_at": noon,
            }
        ],
        "firewalls": [
            {
                "id": "00000000-0000-0000-0000-000000000002",
                "name": "web",
                "inbound": [{"protocol": "tcp", "ports": "22", "targets": targets}],
                "outbound": [],
                "droplet_ids": [1002],
                "tags": [],
                "created_at": noon,
                "settled_at": noon,
                "revision": 1,
                "renewed": True,
                "pending": {"1002": True},
            }
        ],
        "droplets": [
            {
                "id": 1002,
                "name": "web-1",
                "region": "fra1",
                "size": "s-1vcpu-1gb",
                "image_id": 1001,
                "vpc_id": vpc,
                "created_at": noon,
                "public_address": "198.18.0.10",
                "anchor_address": "10.17.0.2",
                "private_address": "10.116.0.2",
                "user_data": "#cloud-config\n# canary-user-data\n",
                "vendor_data": "#cloud-config\nmanage_etc_hosts: true\n",
                "public_keys": [public_key(1)],
                "tags": ["web"],
                "features": ["private_networking"],
                "disk": 25,
                "status": "new",
                "active_at": None,
                "pending_action": None,
                "snapshot_ids": [],
                "failure": None,
            }
        ],
        "leaving": [],
        "load_balancers": [],
        "reserved_ips": [],
        "domains": [],
        "certificates": [],
    }
