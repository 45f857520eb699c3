"""Droplets and their actions over HTTP (https://docs.digitalocean.com/reference/api/digitalocean/)."""

import time
from dataclasses import replace

import pytest

from bakery.emulator.account.latency import Latency
from bakery.emulator.faults.table import Fault
from tests.helpers.droplet_list import list_by_tag
from tests.helpers.emulated import DROPLET, SETTINGS, ManualClock, emulated, public_key
from tests.helpers.scripted_machines import ScriptedMachines

pytestmark = pytest.mark.integration


def test_a_creation_is_accepted_before_it_has_happened() -> None:
    machines = ScriptedMachines()
    machines.delay("create", 0.3)
    with emulated(machines=machines) as api:
        answer = api.post("/v2/droplets", {**DROPLET, "tags": ["demo"]})

        assert answer.status_code == 202
        droplet = answer.json()["droplet"]
        assert (droplet["status"], droplet["locked"]) == ("new", False)
        assert droplet["networks"] == {"v4": [], "v6": []}
        assert droplet["next_backup_window"] is None
        [link] = answer.json()["links"]["actions"]
        assert link["rel"] == "create"
        assert link["href"] == f"{api.url}/v2/actions/{link['id']}"
        action = api.get(f"/v2/actions/{link['id']}").json()["action"]
        assert (action["status"], action["type"], action["resource_id"]) == (
            "in-progress",
            "create",
            droplet["id"],
        )
        assert action["completed_at"] is None

        api.settle()
        assert api.get(f"/v2/actions/{link['id']}").json()["action"]["status"] == "completed"
        assert api.droplet(droplet["id"])["status"] == "active"


def test_an_active_droplet_shows_what_it_is() -> None:
    with emulated() as api:
        vpc = api.post("/v2/vpcs", {"name": "v", "region": "fra1", "ip_range": "10.100.0.0/20"}).json()["vpc"]
        droplet = api.active(tags=["demo"], vpc_uuid=vpc["id"], monitoring=True)

        expected = {
            "name": "web-1",
            "memory": 1024,
            "vcpus": 1,
            "disk": 25,
            "status": "active",
            "locked": False,
            "kernel": None,
            "features": ["monitoring", "private_networking"],
            "backup_ids": [],
            "snapshot_ids": [],
            "volume_ids": [],
            "size_slug": "s-1vcpu-1gb",
            "tags": ["demo"],
            "vpc_uuid": vpc["id"],
        }
        assert {name: droplet[name] for name in expected} == expected
        assert droplet["image"]["slug"] == "debian-12-x64"
        assert droplet["region"]["slug"] == "fra1"
        assert droplet["size"]["slug"] == "s-1vcpu-1gb"
        networks = {network["type"]: network for network in droplet["networks"]["v4"]}
        assert networks["public"] == {
            "ip_address": "198.18.0.10",
            "netmask": "255.254.0.0",
            "gateway": "198.18.0.1",
            "type": "public",
        }
        assert (networks["private"]["ip_address"], networks["private"]["netmask"]) == (
            "10.100.0.2",
            "255.255.240.0",
        )


def test_the_vpc_address_can_come_late() -> None:
    clock = ManualClock()
    with emulated(replace(SETTINGS, private_address_delay_s=5), clock=clock) as api:
        droplet_id = api.active()["id"]
        assert [network["type"] for network in api.droplet(droplet_id)["networks"]["v4"]] == ["public"]

        clock.advance(5)
        kinds = {network["type"] for network in api.droplet(droplet_id)["networks"]["v4"]}
        assert kinds == {"public", "private"}


def test_several_names_make_several_droplets_with_an_action_each() -> None:
    with emulated() as api:
        body = {**DROPLET, "names": [f"web-{number}" for number in range(10)]}
        del body["name"]
        answer = api.post("/v2/droplets", body).json()

        assert [droplet["name"] for droplet in answer["droplets"]] == body["names"]
        assert len({link["id"] for link in answer["links"]["actions"]}) == 10


def test_a_droplet_without_public_networking() -> None:
    with emulated() as api:
        droplet = api.active(public_networking=False)

        assert [network["type"] for network in droplet["networks"]["v4"]] == ["private"]


INVALID: list[tuple[dict[str, object], str]] = [
    ({"size": "s-9"}, "You specified an invalid size for Droplet creation."),
    ({"size": None}, "You specified an invalid size for Droplet creation."),
    ({"size": ["s-1vcpu-1gb"]}, "You specified an invalid size for Droplet creation."),
    ({"region": "mars1"}, "You specified an invalid region for Droplet creation."),
    ({"region": {"slug": "fra1"}}, "You specified an invalid region for Droplet creation."),
    ({"image": "debian-9-x64"}, "You specified an invalid image for Droplet creation."),
    ({"image": 12}, "You specified an invalid image for Droplet creation."),
    ({"image": True}, "You specified an invalid image for Droplet creation."),
    ({"ssh_keys": [12, "aa:bb"]}, "12, aa:bb are invalid key identifiers for Droplet creation."),
    ({"ssh_keys": [{}]}, "ssh_keys must be a list of integers and strings"),
    ({"ssh_keys": "12"}, "ssh_keys must be a list"),
    ({"vpc_uuid": "5a4981aa-9653-4bd1-bef5-d6bff52042e4"}, "You specified an invalid VPC for Droplet creation"),
    ({"name": None}, "name can't be blank"),
    ({"name": ""}, "name can't be blank"),
    ({"name": 12}, "name must be a string"),
    ({"name": "under_score"}, "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)"),
    ({"name": "dash-"}, "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)"),
    ({"name": "a" * 256}, "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)"),
    ({"names": []}, "names can't be blank"),
    ({"names": [f"n{number}" for number in range(11)]}, "You can create at most 10 Droplets at once."),
    ({"names": "abc"}, "names must be a list"),
    ({"user_data": "a" * 65_537}, "User data is too long (maximum is 64 KiB)."),
    ({"user_data": "\u00fc" * 32_769}, "User data is too long (maximum is 64 KiB)."),
    ({"user_data": "\ud800"}, "user_data must be a string"),
    ({"user_data": 12}, "user_data must be a string"),
    ({"tags": ["a.b"]}, "Tag name a.b is invalid."),
    ({"tags": "a"}, "tags must be a list"),
    ({"monitoring": "yes"}, "monitoring must be a boolean"),
    ({"public_networking": False, "ipv6": True}, "ipv6 needs public networking."),
    ({"volumes": ["506f78a4-e098-11e5-ad9f-000f53306ae1"]}, "You specified an invalid volume"),
]


@pytest.mark.parametrize(("change", "message"), INVALID, ids=lambda value: str(value)[:40])
def test_what_no_droplet_can_be(change: dict[str, object], message: str) -> None:
    with emulated() as api:
        answer = api.post("/v2/droplets", {**DROPLET, **change})

        assert answer.status_code == 422
        assert answer.json()["id"] == "unprocessable_entity"
        assert answer.json()["message"].startswith(message)
        assert api.get("/v2/droplets").json()["meta"] == {"total": 0}
        assert api.get("/v2/tags").json()["tags"] == []


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"user_data": "a" * 65_536},
        {"name": "a" * 255},
        {"tags": None, "ssh_keys": None, "vpc_uuid": None, "volumes": []},
        {"region": []},
        {"region": "nyc"},
        {"with_droplet_agent": False, "ipv6": False, "backups": False, "private_networking": True},
    ],
    ids=lambda change: str(change)[:40],
)
def test_what_a_droplet_can_be(change: dict[str, object]) -> None:
    """Control of the table above."""
    with emulated() as api:
        assert api.active(**change)["status"] == "active"


def test_an_image_limits_region_and_size() -> None:
    with emulated() as api:
        source = api.active(size="s-1vcpu-2gb")
        api.act(source["id"], "snapshot", name="baked")
        [image_id] = api.droplet(source["id"])["snapshot_ids"]
        body = {**DROPLET, "image": image_id, "size": "s-1vcpu-2gb"}

        elsewhere = api.post("/v2/droplets", {**body, "region": "nyc3"})
        smaller = api.post("/v2/droplets", {**body, "size": "s-1vcpu-1gb"})

        assert (elsewhere.status_code, smaller.status_code) == (422, 422)
        assert "not available in the selected region" in elsewhere.json()["message"]
        assert "50 GB" in smaller.json()["message"]
        assert api.post("/v2/droplets", body).status_code == 202


def test_the_machines_say_which_images_can_boot() -> None:
    with emulated(machines=ScriptedMachines(unbootable=("debian-13-x64",))) as api:
        answer = api.post("/v2/droplets", {**DROPLET, "image": "debian-13-x64"})

        assert answer.status_code == 422
        assert "debian-13-x64 cannot boot here" in answer.json()["message"]


def test_lists_by_tag_and_by_name() -> None:
    with emulated() as api:
        api.active(name="web-1", tags=["demo", "role:web"])
        api.active(name="db-1", tags=["demo"])
        api.active(name="db-1")

        def names(query: str) -> list[str]:
            return [droplet["name"] for droplet in api.get(f"/v2/droplets?{query}").json()["droplets"]]

        assert names("tag_name=demo") == ["web-1", "db-1"]
        assert names("tag_name=role:web") == ["web-1"]
        assert names("tag_name=unknown") == []
        assert names("name=DB-1") == ["db-1", "db-1"]
        assert names("name=db") == []
        assert names("type=gpus") == []
        assert api.get("/v2/droplets?tag_name=demo&name=web-1").status_code == 422


def test_deletes_one_or_all_with_a_tag() -> None:
    with emulated() as api:
        for name in ("a", "b", "c"):
            api.create(name=name, tags=["demo"])
        kept = api.create(name="kept")
        api.settle()

        assert api.delete("/v2/droplets").status_code == 422  # never everything
        assert api.delete("/v2/droplets?tag_name=demo").status_code == 204
        assert [droplet["id"] for droplet in api.get("/v2/droplets").json()["droplets"]] == [kept["id"]]
        assert api.delete(f"/v2/droplets/{kept['id']}").status_code == 204
        assert api.get(f"/v2/droplets/{kept['id']}").status_code == 404
        api.settle()
        assert api.machines.machines == {}


def test_a_pending_action_locks() -> None:
    machines = ScriptedMachines()
    with emulated(machines=machines) as api:
        droplet_id = api.active()["id"]
        machines.delay("snapshot", 0.3)
        path = f"/v2/droplets/{droplet_id}/actions"
        first = api.post(path, {"type": "snapshot", "name": "s"})
        second = api.post(path, {"type": "shutdown"})

        assert first.status_code == 201
        assert api.droplet(droplet_id)["locked"] is True
        assert second.status_code == 422
        assert second.json()["message"] == "Droplet already has a pending event."

        api.settle()
        assert api.droplet(droplet_id)["locked"] is False
        assert api.act(droplet_id, "shutdown")["status"] == "completed"


def test_power_actions() -> None:
    with emulated() as api:
        droplet_id = api.active()["id"]

        steps = [
            ("reboot", "active"),
            ("power_cycle", "active"),
            ("shutdown", "off"),
            ("power_on", "active"),
            ("power_off", "off"),
        ]
        for kind, status in steps:
            action = api.act(droplet_id, kind)
            assert (action["type"], action["status"], action["resource_type"]) == (kind, "completed", "droplet")
            assert api.droplet(droplet_id)["status"] == status
            assert api.machines.is_running(droplet_id) is (status == "active")
        assert api.post(f"/v2/droplets/{droplet_id}/actions", {"type": "reboot"}).status_code == 422


@pytest.mark.parametrize(("kind", "state"), [("power_off", "off"), ("power_on", "on")])
def test_a_droplet_that_is_so_already_is_refused_in_the_apis_words(kind: str, state: str) -> None:
    """DigitalOcean's Terraform provider reads this message: before a resize it powers off in any case."""
    with emulated() as api:
        droplet_id = api.active()["id"]
        if state == "off":
            api.act(droplet_id, "power_off")

        answer = api.post(f"/v2/droplets/{droplet_id}/actions", {"type": kind})

        assert (answer.status_code, answer.json()["id"]) == (422, "unprocessable_entity")
        assert answer.json()["message"] == f"Droplet is already powered {state}"


def test_a_shutdown_of_a_droplet_that_is_off_is_no_error() -> None:
    """DigitalOcean's Terraform provider relies on it (graceful_shutdown in its resource_droplet.go)."""
    with emulated() as api:
        droplet_id = api.active()["id"]
        api.act(droplet_id, "power_off")

        assert api.act(droplet_id, "shutdown")["status"] == "completed"
        assert api.droplet(droplet_id)["status"] == "off"
        assert not api.machines.is_running(droplet_id)


def test_a_guest_that_does_not_stop_leaves_its_shutdown_errored() -> None:
    with emulated(replace(SETTINGS, shutdown_timeout_s=0.2)) as api:
        droplet_id = api.active()["id"]
        api.machines.ignoring_shutdown.add(droplet_id)

        assert api.act(droplet_id, "shutdown")["status"] == "errored"
        assert api.droplet(droplet_id)["status"] == "active"
        assert api.act(droplet_id, "power_off")["status"] == "completed"


def test_rename_and_rebuild() -> None:
    with emulated() as api:
        droplet_id = api.active()["id"]

        api.act(droplet_id, "rename", name="web-2")
        api.act(droplet_id, "rebuild", image="ubuntu-24-04-x64")

        assert api.droplet(droplet_id)["name"] == "web-2"
        assert api.droplet(droplet_id)["image"]["slug"] == "ubuntu-24-04-x64"
        assert api.machines.machines[droplet_id].image == "ubuntu-24-04-x64"
        path = f"/v2/droplets/{droplet_id}/actions"
        assert api.post(path, {"type": "rename", "name": "a_b"}).status_code == 422
        assert api.post(path, {"type": "rebuild", "image": "none"}).status_code == 422


@pytest.mark.parametrize("body", [{}, {"type": "dance"}, {"type": 1}, {"type": "password_reset"}])
def test_actions_that_cannot_be(body: dict[str, object]) -> None:
    with emulated() as api:
        droplet_id = api.active()["id"]
        assert api.post(f"/v2/droplets/{droplet_id}/actions", body).status_code == 422


def test_a_resize_needs_a_droplet_that_is_off_and_never_shrinks_its_disk() -> None:
    """OpenAPI, droplet_actions.yml: without ``disk`` only memory and CPUs change, and that can be taken back."""
    with emulated() as api:
        droplet_id = api.active()["id"]
        path = f"/v2/droplets/{droplet_id}/actions"

        def shape() -> tuple[str, int, int]:
            droplet = api.droplet(droplet_id)
            return droplet["size_slug"], droplet["memory"], droplet["disk"]

        assert api.post(path, {"type": "resize", "size": "s-2vcpu-2gb"}).status_code == 422  # it is active
        api.act(droplet_id, "power_off")
        assert api.post(path, {"type": "resize", "size": "s-9"}).status_code == 422
        assert api.post(path, {"type": "resize", "size": "s-1vcpu-512mb-10gb"}).status_code == 422

        assert api.act(droplet_id, "resize", size="s-2vcpu-2gb")["status"] == "completed"
        assert shape() == ("s-2vcpu-2gb", 2048, 25)
        assert api.act(droplet_id, "resize", size="s-1vcpu-1gb", disk=False)["status"] == "completed"
        assert shape() == ("s-1vcpu-1gb", 1024, 25)
        api.act(droplet_id, "resize", size="s-2vcpu-2gb", disk=True)
        assert shape() == ("s-2vcpu-2gb", 2048, 60)
        assert api.post(path, {"type": "resize", "size": "s-1vcpu-1gb"}).status_code == 422
        api.act(droplet_id, "snapshot", name="big")
        [image] = api.get("/v2/images?private=true").json()["images"]
        assert image["min_disk_size"] == 60


def test_creates_take_as_long_as_the_settings_say_and_all_at_once() -> None:
    """With one worker: waiting droplets need no thread, so none waits for another."""
    with emulated(replace(SETTINGS, latency=Latency(create=3, spread=0), workers=1)) as api:
        started = time.monotonic()
        ids = [api.create(name=f"web-{number}")["id"] for number in range(40)]
        assert {api.droplet(droplet_id)["status"] for droplet_id in ids} == {"new"}
        assert not api.machines.machines  # no machine boots before its droplet is active
        api.settle()
        assert {api.droplet(droplet_id)["status"] for droplet_id in ids} == {"active"}
        assert time.monotonic() - started < 40 * 3


def test_addresses_come_after_the_status_active() -> None:
    clock = ManualClock()
    with emulated(replace(SETTINGS, latency=Latency(addresses=2, spread=0)), clock=clock) as api:
        droplet_id = api.active()["id"]
        assert (api.droplet(droplet_id)["status"], api.droplet(droplet_id)["networks"]["v4"]) == ("active", [])
        clock.advance(2)
        assert {net["type"] for net in api.droplet(droplet_id)["networks"]["v4"]} == {"public", "private"}


def test_a_fault_strikes_at_the_end_of_the_latency() -> None:
    with emulated(replace(SETTINGS, latency=Latency(create=0.2, action=0.2, spread=0))) as api:
        api.emulator.faults.add(Fault(action="create", outcome="errored"))
        failed = api.create(name="failed")["id"]
        api.settle()
        assert api.droplet(failed)["status"] == "new"

        droplet_id = api.active(name="web")["id"]
        api.emulator.faults.add(Fault(action="power_off", outcome="endless"))
        action = api.post(f"/v2/droplets/{droplet_id}/actions", {"type": "power_off"}).json()["action"]["id"]
        api.settle()
        assert api.get(f"/v2/actions/{action}").json()["action"]["status"] == "in-progress"


def test_a_droplet_that_is_deleted_while_it_is_created_gets_no_machine() -> None:
    with emulated(replace(SETTINGS, latency=Latency(create=0.2, spread=0))) as api:
        droplet_id = api.create()["id"]
        assert api.delete(f"/v2/droplets/{droplet_id}").status_code == 204
        api.settle()
        assert not api.machines.machines
        assert api.emulator.state.droplets.leaving() == []


def test_a_request_waits_before_it_is_served() -> None:
    with emulated(replace(SETTINGS, latency=Latency(request=0.2, spread=0))) as api:
        started = time.monotonic()
        api.get("/v2/droplets")
        assert time.monotonic() - started >= 0.2
        started = time.monotonic()
        api.get("/_emulator/status")  # not part of DigitalOcean's API
        assert time.monotonic() - started < 0.2


def test_what_no_droplet_here_has_is_listed_as_empty() -> None:
    with emulated() as api:
        droplet_id = api.active(tags=["demo"])["id"]
        rule = {"protocol": "tcp", "ports": "22", "sources": {"addresses": ["0.0.0.0/0"]}}
        api.post("/v2/tags", {"name": "other"})
        for name, tag in (("web", "demo"), ("db", "other")):
            api.post("/v2/firewalls", {"name": name, "inbound_rules": [rule], "tags": [tag]})

        path = f"/v2/droplets/{droplet_id}"
        assert [entry["name"] for entry in api.get(f"{path}/firewalls").json()["firewalls"]] == ["web"]
        assert api.get(f"{path}/neighbors").json() == {"droplets": []}
        for kind in ("backups", "kernels"):
            assert api.get(f"{path}/{kind}").json()[kind] == []
            assert api.get(f"/v2/droplets/12/{kind}").status_code == 404


def test_actions_by_tag_and_by_every_path() -> None:
    with emulated() as api:
        ids = [api.active(name=name, tags=["demo"])["id"] for name in ("a", "b")]

        answer = api.post("/v2/droplets/actions?tag_name=demo", {"type": "power_off"})
        api.settle()

        assert answer.status_code == 201
        assert [action["resource_id"] for action in answer.json()["actions"]] == ids
        assert [api.droplet(droplet_id)["status"] for droplet_id in ids] == ["off", "off"]
        action_id = answer.json()["actions"][0]["id"]
        by_droplet = api.get(f"/v2/droplets/{ids[0]}/actions/{action_id}").json()
        assert by_droplet == api.get(f"/v2/actions/{action_id}").json()
        assert api.get(f"/v2/droplets/{ids[1]}/actions/{action_id}").status_code == 404
        types = [action["type"] for action in api.get(f"/v2/droplets/{ids[0]}/actions").json()["actions"]]
        assert types == ["power_off", "create"]
        assert api.get("/v2/actions").json()["meta"] == {"total": 4}
        assert api.post("/v2/droplets/actions?tag_name=demo", {"type": "rename"}).status_code == 422
        assert api.post("/v2/droplets/actions?tag_name=unknown", {"type": "power_on"}).status_code == 404


def test_a_machine_that_cannot_be_made_leaves_an_errored_action() -> None:
    machines = ScriptedMachines()
    machines.fail("create", "no space left")
    with emulated(machines=machines) as api:
        answer = api.post("/v2/droplets", DROPLET).json()
        api.settle()

        action = api.get(f"/v2/actions/{answer['links']['actions'][0]['id']}").json()["action"]
        assert action["status"] == "errored"
        droplet_id = answer["droplet"]["id"]
        assert api.droplet(droplet_id)["status"] == "new"
        assert api.get("/_emulator/status").json()["status"]["failures"] == {str(droplet_id): "no space left"}
        assert api.post(f"/v2/droplets/{droplet_id}/actions", {"type": "power_on"}).status_code == 422
        assert api.delete(f"/v2/droplets/{droplet_id}").status_code == 204


def test_a_droplet_may_be_deleted_while_it_is_made() -> None:
    machines = ScriptedMachines()
    machines.delay("create", 0.2)
    with emulated(machines=machines) as api:
        droplet_id = api.create()["id"]

        assert api.delete(f"/v2/droplets/{droplet_id}").status_code == 204
        api.settle()
        assert api.machines.machines == {}


def test_keys_reach_the_machine() -> None:
    with emulated() as api:
        key = api.post("/v2/account/keys", {"name": "k", "public_key": public_key(1)}).json()["ssh_key"]
        other = api.post("/v2/account/keys", {"name": "l", "public_key": public_key(2)}).json()["ssh_key"]

        droplet_id = api.active(ssh_keys=[key["id"], other["fingerprint"]])["id"]

        assert api.machines.machines[droplet_id].spec.public_keys == (public_key(1), public_key(2))


def test_hundreds_of_droplets_are_listed_by_tag_page_by_page() -> None:
    """``make sweep`` lists two thousand."""
    list_by_tag(450)
