"""Keys, tags, images, snapshots, VPCs and firewalls over HTTP (https://docs.digitalocean.com/reference/api/digitalocean/)."""

from dataclasses import replace
from typing import Any

import pytest

from tests.helpers.emulated import SETTINGS, Api, ManualClock, emulated, public_key
from tests.helpers.scripted_machines import ScriptedMachines

pytestmark = pytest.mark.integration


def bake(api: Api, name: str = "baked") -> int:
    """The id of a new snapshot."""
    droplet_id = api.active()["id"]
    api.act(droplet_id, "snapshot", name=name)
    image_id: int = api.droplet(droplet_id)["snapshot_ids"][-1]
    return image_id


def test_ssh_keys() -> None:
    with emulated() as api:
        created = api.post("/v2/account/keys", {"name": "mine", "public_key": public_key(1)})
        again = api.post("/v2/account/keys", {"name": "again", "public_key": public_key(1)})
        key = created.json()["ssh_key"]

        assert created.status_code == 201
        assert set(key) == {"id", "fingerprint", "public_key", "name"}
        assert again.status_code == 422
        assert again.json()["message"] == "SSH Key is already in use on your account"
        assert api.post("/v2/account/keys", {"name": "x", "public_key": "nonsense"}).status_code == 422
        assert api.get(f"/v2/account/keys/{key['fingerprint']}").json() == {"ssh_key": key}
        renamed = api.call("PUT", f"/v2/account/keys/{key['id']}", {"name": "ours"})
        assert renamed.json()["ssh_key"]["name"] == "ours"
        assert api.get("/v2/account/keys").json()["meta"] == {"total": 1}
        assert api.delete(f"/v2/account/keys/{key['fingerprint']}").status_code == 204
        assert api.delete(f"/v2/account/keys/{key['id']}").status_code == 404


def test_tags() -> None:
    with emulated() as api:
        created = api.post("/v2/tags", {"name": "Demo:web"})
        assert created.status_code == 201
        nothing = {"count": 0}
        kinds = ("droplets", "images", "volumes", "volume_snapshots", "databases")
        assert created.json() == {
            "tag": {"name": "Demo:web", "resources": {"count": 0} | dict.fromkeys(kinds, nothing)}
        }
        assert api.post("/v2/tags", {"name": "demo:web"}).json()["tag"]["name"] == "Demo:web"

        droplet_id = api.active()["id"]
        image_id = bake(api)
        resources = {
            "resources": [
                {"resource_id": str(droplet_id), "resource_type": "droplet"},
                {"resource_id": str(image_id), "resource_type": "image"},
            ]
        }
        assert api.post("/v2/tags/Demo:web/resources", resources).status_code == 204
        counts = api.get("/v2/tags/Demo:web").json()["tag"]["resources"]
        assert (counts["count"], counts["droplets"]["count"], counts["images"]["count"]) == (2, 1, 1)
        assert counts["droplets"]["last_tagged_uri"] == f"{api.url}/v2/droplets/{droplet_id}"
        assert api.droplet(droplet_id)["tags"] == ["Demo:web"]

        assert api.delete("/v2/tags/Demo:web/resources", resources).status_code == 204
        assert api.droplet(droplet_id)["tags"] == []
        assert api.delete("/v2/tags/Demo:web").status_code == 204
        assert api.get("/v2/tags/Demo:web").status_code == 404


@pytest.mark.parametrize("name", ["a.b", "", None, 12, "x" * 256])
def test_a_bad_tag_name_has_its_own_form_of_error(name: object) -> None:
    """OpenAPI, tags_create_new.yml: 400 with error, messages and root_causes."""
    with emulated() as api:
        answer = api.post("/v2/tags", {"name": name})

        assert answer.status_code == 400
        assert set(answer.json()) == {"error", "messages", "root_causes"}


@pytest.mark.parametrize(
    ("tag", "resources", "status"),
    [
        ("unknown", [{"resource_id": "1", "resource_type": "droplet"}], 404),
        ("demo", [{"resource_id": "1", "resource_type": "droplet"}], 404),
        ("demo", [{"resource_id": "x", "resource_type": "image"}], 404),
        ("demo", [{"resource_id": "1", "resource_type": 3}], 422),
        ("demo", [], 422),
        ("demo", "x", 422),
        ("demo", ["x"], 422),
    ],
)
def test_what_cannot_be_tagged(tag: str, resources: object, status: int) -> None:
    with emulated() as api:
        api.post("/v2/tags", {"name": "demo"})
        assert api.post(f"/v2/tags/{tag}/resources", {"resources": resources}).status_code == status


def test_a_snapshot_is_an_image_under_two_addresses() -> None:
    with emulated(machines=ScriptedMachines(snapshot_bytes=3 * 1024**3)) as api:
        image_id = bake(api)

        image = api.get(f"/v2/images/{image_id}").json()["image"]
        assert (image["id"], image["name"], image["type"], image["status"]) == (
            image_id,
            "baked",
            "snapshot",
            "available",
        )
        assert (image["public"], image["slug"], image["distribution"]) == (False, None, "Debian")
        assert (image["regions"], image["min_disk_size"], image["size_gigabytes"]) == (["fra1"], 25, 3.0)
        snapshot = api.get(f"/v2/snapshots/{image_id}").json()["snapshot"]
        assert snapshot["id"] == str(image_id)  # a string here, an integer there
        assert snapshot["resource_type"] == "droplet"
        assert api.get("/v2/snapshots?resource_type=droplet").json()["meta"] == {"total": 1}
        assert api.get("/v2/snapshots?resource_type=volume").json()["meta"] == {"total": 0}

        base = api.get("/v2/images/debian-12-x64").json()["image"]["id"]
        plain = api.get(f"/v2/snapshots/{base}")
        assert (plain.status_code, plain.json()["message"]) == (400, "the resource is not a snapshot")

        assert api.delete(f"/v2/snapshots/{image_id}").status_code == 204
        assert api.get(f"/v2/images/{image_id}").status_code == 404
        api.settle()
        assert api.machines.snapshots == {}


def test_images_are_filtered() -> None:
    with emulated() as api:
        image_id = bake(api)
        api.post("/v2/tags", {"name": "baked"})
        tagging = {"resources": [{"resource_id": str(image_id), "resource_type": "image"}]}
        api.post("/v2/tags/baked/resources", tagging)

        def ids(query: str) -> list[int]:
            return [image["id"] for image in api.get(f"/v2/images?{query}").json()["images"]]

        assert ids("private=true") == [image_id]
        assert ids("private=true&tag_name=baked") == [image_id]
        assert ids("tag_name=unknown") == []
        assert ids("type=application") == []
        assert len(ids("type=distribution")) == 4
        assert len(ids("")) == 5


def test_own_images_can_be_renamed_transferred_and_deleted_and_bases_cannot() -> None:
    with emulated() as api:
        image_id = bake(api)

        renamed = api.call("PUT", f"/v2/images/{image_id}", {"name": "new", "description": "d"})
        assert renamed.json()["image"]["name"] == "new"
        started = api.post(f"/v2/images/{image_id}/actions", {"type": "transfer", "region": "nyc3"})
        assert started.status_code == 201
        action = started.json()["action"]
        assert (action["type"], action["resource_type"], action["region_slug"]) == ("transfer", "image", "nyc3")
        api.settle()
        done = api.get(f"/v2/images/{image_id}/actions/{action['id']}").json()["action"]
        assert done["status"] == "completed"
        assert api.get(f"/v2/images/{image_id}").json()["image"]["regions"] == ["fra1", "nyc3"]
        bad = api.post(f"/v2/images/{image_id}/actions", {"type": "transfer", "region": "mars1"})
        assert bad.status_code == 422

        assert api.delete("/v2/images/debian-12-x64").status_code == 403
        assert api.delete(f"/v2/images/{image_id}").status_code == 204


def test_a_failed_snapshot_leaves_no_image() -> None:
    machines = ScriptedMachines()
    machines.fail("snapshot", "no space left")
    with emulated(machines=machines) as api:
        droplet_id = api.active()["id"]

        assert api.act(droplet_id, "snapshot", name="baked")["status"] == "errored"
        assert api.droplet(droplet_id)["snapshot_ids"] == []
        assert api.get("/v2/images?private=true").json()["images"] == []


def test_vpcs() -> None:
    with emulated() as api:
        created = api.post(
            "/v2/vpcs", {"name": "demo", "description": "d", "region": "fra1", "ip_range": "10.100.0.0/20"}
        )
        vpc = created.json()["vpc"]
        path = f"/v2/vpcs/{vpc['id']}"

        assert created.status_code == 201
        assert {**vpc, "created_at": ""} == {
            "id": vpc["id"],
            "urn": f"do:vpc:{vpc['id']}",
            "name": "demo",
            "description": "d",
            "region": "fra1",
            "ip_range": "10.100.0.0/20",
            "default": False,
            "created_at": "",
        }
        assert api.call("PUT", path, {"description": "e"}).status_code == 422
        assert api.call("PATCH", path, {"description": "e"}).json()["vpc"]["description"] == "e"
        assert api.call("PUT", path, {"name": "new"}).json()["vpc"]["name"] == "new"
        assert api.post("/v2/vpcs", {"name": "a b", "region": "fra1"}).status_code == 422
        assert api.post("/v2/vpcs", {"name": "c", "region": "mars1"}).status_code == 422
        assert api.post("/v2/vpcs", {"name": "c", "region": "fra1", "description": "x" * 256}).status_code == 422


def test_a_vpc_is_in_use_until_its_droplets_machines_are_gone() -> None:
    machines = ScriptedMachines()
    machines.delay("destroy", 0.3)
    with emulated(machines=machines) as api:
        vpc = api.post("/v2/vpcs", {"name": "demo", "region": "fra1"}).json()["vpc"]
        path = f"/v2/vpcs/{vpc['id']}"
        droplet = api.active(vpc_uuid=vpc["id"])

        [member] = api.get(f"{path}/members").json()["members"]
        assert (member["urn"], member["name"]) == (f"do:droplet:{droplet['id']}", "web-1")
        api.delete(f"/v2/droplets/{droplet['id']}")
        refused = api.delete(path)
        assert (refused.status_code, refused.json()["message"]) == (403, "Can not delete VPC with members.")
        api.settle()
        assert api.delete(path).status_code == 204
        assert api.get(path).status_code == 404


def test_a_default_vpc_cannot_be_deleted() -> None:
    with emulated(replace(SETTINGS, default_vpcs=False)) as api:
        first = api.post("/v2/vpcs", {"name": "first", "region": "fra1"}).json()["vpc"]
        second = api.post("/v2/vpcs", {"name": "second", "region": "fra1"}).json()["vpc"]

        assert first["default"] is True
        assert api.delete(f"/v2/vpcs/{first['id']}").status_code == 403
        api.call("PATCH", f"/v2/vpcs/{second['id']}", {"default": True})
        assert api.delete(f"/v2/vpcs/{first['id']}").status_code == 204


SSH_RULE = {"protocol": "tcp", "ports": "22", "sources": {"addresses": ["0.0.0.0/0", "::/0"]}}
PING_RULE = {"protocol": "icmp", "sources": {"tags": ["demo"]}}
OUT_RULE = {"protocol": "udp", "ports": "all", "destinations": {"addresses": ["10.0.0.0/8"]}}


def firewall(**changes: object) -> dict[str, Any]:
    return {
        "name": "demo",
        "inbound_rules": [SSH_RULE, PING_RULE],
        "outbound_rules": [OUT_RULE],
        "tags": ["demo"],
        **changes,
    }


def test_firewalls() -> None:
    clock = ManualClock()
    with emulated(replace(SETTINGS, firewall_delay_s=3), clock=clock) as api:
        droplet_id = api.active(tags=["demo"])["id"]
        created = api.post("/v2/firewalls", firewall())
        body = created.json()["firewall"]
        path = f"/v2/firewalls/{body['id']}"

        assert created.status_code == 202
        assert body["status"] == "waiting"
        assert body["pending_changes"] == [{"droplet_id": droplet_id, "removing": False, "status": "waiting"}]
        assert body["inbound_rules"] == [SSH_RULE, {**PING_RULE, "ports": "0"}]
        assert body["outbound_rules"] == [{**OUT_RULE, "ports": "0"}]
        clock.advance(3)
        settled = api.get(path).json()["firewall"]
        assert (settled["status"], settled["pending_changes"]) == ("succeeded", [])

        replaced = api.call("PUT", path, {"name": "demo", "inbound_rules": [SSH_RULE]}).json()["firewall"]
        assert (replaced["tags"], replaced["outbound_rules"]) == ([], [])
        assert api.delete(path).status_code == 204
        assert api.get(path).status_code == 404


def test_parts_of_firewalls() -> None:
    with emulated() as api:
        droplet_id = api.active(tags=["demo"])["id"]
        path = f"/v2/firewalls/{api.post('/v2/firewalls', firewall(tags=[])).json()['firewall']['id']}"

        def shown() -> dict[str, Any]:
            body: dict[str, Any] = api.get(path).json()["firewall"]
            return body

        for method, ids, tags in (("POST", [droplet_id], ["demo"]), ("DELETE", [], [])):
            assert api.call(method, f"{path}/droplets", {"droplet_ids": [droplet_id]}).status_code == 204
            assert api.call(method, f"{path}/tags", {"tags": ["demo"]}).status_code == 204
            assert (shown()["droplet_ids"], shown()["tags"]) == (ids, tags)
        web = {**SSH_RULE, "ports": "8000-9000"}
        assert api.post(f"{path}/rules", {"inbound_rules": [web]}).status_code == 204
        assert web in shown()["inbound_rules"]
        assert api.delete(f"{path}/rules", {"inbound_rules": [web]}).status_code == 204
        assert web not in shown()["inbound_rules"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": None}, 422),
        ({"tags": ["unknown"]}, 422),
        ({"droplet_ids": [1]}, 422),
        ({"inbound_rules": [], "outbound_rules": []}, 422),
        ({"inbound_rules": [{**SSH_RULE, "protocol": "gre"}]}, 422),
        ({"inbound_rules": [{**SSH_RULE, "ports": "70000"}]}, 422),
        ({"inbound_rules": [{**SSH_RULE, "ports": "9-8"}]}, 422),
        ({"inbound_rules": [{**SSH_RULE, "ports": None}]}, 422),
        ({"inbound_rules": [{**SSH_RULE, "sources": {}}]}, 422),
        ({"inbound_rules": [{**SSH_RULE, "sources": None}]}, 422),
        ({"inbound_rules": [{**SSH_RULE, "sources": {"addresses": ["10.0.0/8"]}}]}, 422),
        ({"inbound_rules": [{**SSH_RULE, "sources": {"tags": ["unknown"]}}]}, 422),
        ({"name": "taken"}, 409),
        ({"name": "two words"}, 422),
        ({"name": "-web"}, 422),
        ({}, 202),
    ],
    ids=lambda value: str(value)[:60],
)
def test_firewalls_that_cannot_be(change: dict[str, object], status: int) -> None:
    with emulated() as api:
        api.post("/v2/tags", {"name": "demo"})
        api.post("/v2/firewalls", firewall(name="taken"))

        assert api.post("/v2/firewalls", firewall(**change)).status_code == status


EMPTY = {
    "reserved_ipv6": "reserved_ipv6s",
    "volumes": "volumes",
    "vpc_peerings": "vpc_peerings",
    "droplets/autoscale": "autoscale_pools",
}


@pytest.mark.parametrize("path", EMPTY)
def test_what_is_not_emulated_is_listed_as_empty_and_cannot_be_made(path: str) -> None:
    with emulated() as api:
        assert api.get(f"/v2/{path}").json() == {EMPTY[path]: [], "links": {}, "meta": {"total": 0}}
        assert api.post(f"/v2/{path}", {"name": "x"}).status_code == 404


def test_every_droplet_is_in_the_default_project() -> None:
    with emulated() as api:
        droplet_id = api.active()["id"]

        [project] = api.get("/v2/projects").json()["projects"]
        assert api.get("/v2/projects/default").json() == {"project": project}
        assert api.get(f"/v2/projects/{project['id']}").json() == {"project": project}
        [resource] = api.get("/v2/projects/default/resources").json()["resources"]
        assert resource["urn"] == f"do:droplet:{droplet_id}"
        assert resource["links"] == {"self": f"{api.url}/v2/droplets/{droplet_id}"}
        assert api.get("/v2/projects/5a4981aa-9653-4bd1-bef5-d6bff52042e4").status_code == 404


def test_actions_of_an_image() -> None:
    with emulated() as api:
        image_id = bake(api)
        api.post(f"/v2/images/{image_id}/actions", {"type": "transfer", "region": "nyc3"})
        api.settle()

        [action] = api.get(f"/v2/images/{image_id}/actions").json()["actions"]
        assert (action["type"], action["resource_id"], action["resource_type"]) == ("transfer", image_id, "image")
        assert api.get("/v2/images/12/actions").status_code == 404
