"""DigitalOcean's own clients as they come: pydo, and godo (which Terraform, doctl and Packer are built on)."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pydo
import pytest
from azure.core.exceptions import ClientAuthenticationError

from bakery.proc import run
from tests.helpers.emulated import DROPLET, TOKEN, Api, emulated, public_key
from tests.helpers.go.programs import MODULES, go_environment
from tests.helpers.tools import require_tool

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

GODO = MODULES / "godo"


class Plain:
    """pydo without TLS: azure-core sends a token over plain http only where each call says so."""

    def __init__(self, part: Any) -> None:  # noqa: ANN401 - pydo has no types
        self._part = part

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - pydo has no types
        return partial(getattr(self._part, name), enforce_https=False)


def test_pydo_makes_a_droplet_and_an_image_of_it() -> None:
    with emulated() as api, pydo.Client(TOKEN, endpoint=api.url) as client:
        droplets, actions = Plain(client.droplets), Plain(client.droplet_actions)
        key = Plain(client.ssh_keys).create(body={"name": "k", "public_key": public_key(1)})["ssh_key"]
        body = {**DROPLET, "ssh_keys": [key["id"]], "tags": ["demo"], "user_data": "#cloud-config\n"}
        made = droplets.create(body=body)
        api.settle()

        droplet = droplets.get(made["droplet"]["id"])["droplet"]
        assert (droplet["status"], droplet["tags"]) == ("active", ["demo"])
        action = Plain(client.actions).get(made["links"]["actions"][0]["id"])["action"]
        assert (action["type"], action["status"]) == ("create", "completed")

        started = actions.post(droplet["id"], body={"type": "snapshot", "name": "baked"})["action"]
        api.settle()
        assert actions.get(droplet["id"], started["id"])["action"]["status"] == "completed"
        [snapshot] = droplets.list_snapshots(droplet["id"])["snapshots"]
        [image] = Plain(client.images).list(private=True)["images"]
        assert (snapshot["id"], image["name"]) == (image["id"], "baked")
        resources = [{"resource_id": str(image["id"]), "resource_type": "image"}]
        Plain(client.tags).create(body={"name": "baked"})
        Plain(client.tags).assign_resources("baked", body={"resources": resources})
        assert Plain(client.images).list(tag_name="baked")["meta"]["total"] == 1
        assert Plain(client.snapshots).list(resource_type="droplet")["snapshots"][0]["id"] == str(image["id"])

        droplets.destroy_by_tag(tag_name="demo")
        assert droplets.list()["droplets"] == []


def test_pydo_keeps_networks_and_finds_the_rest_empty() -> None:
    with emulated() as api, pydo.Client(TOKEN, endpoint=api.url) as client:
        api.active(tags=["demo"])
        vpcs, firewalls = Plain(client.vpcs), Plain(client.firewalls)
        vpc = vpcs.create(body={"name": "v", "region": "fra1", "ip_range": "10.100.0.0/20"})["vpc"]
        assert vpcs.patch(vpc["id"], body={"description": "d"})["vpc"]["description"] == "d"
        assert vpcs.list_members(vpc["id"])["members"] == []
        vpcs.delete(vpc["id"])
        rule = {"protocol": "tcp", "ports": "22", "sources": {"addresses": ["0.0.0.0/0"]}}
        firewall = firewalls.create(body={"name": "web", "inbound_rules": [rule], "tags": ["demo"]})["firewall"]
        assert firewalls.get(firewall["id"])["firewall"]["inbound_rules"] == [rule]
        firewalls.delete(firewall["id"])

        assert Plain(client.projects).get_default()["project"]["is_default"] is True
        assert Plain(client.account).get()["account"]["status"] == "active"
        assert Plain(client.balance).get()["account_balance"] == "0.00"
        for part, key in (
            (client.load_balancers, "load_balancers"),
            (client.reserved_ips, "reserved_ips"),
            (client.volumes, "volumes"),
            (client.domains, "domains"),
            (client.certificates, "certificates"),
        ):
            assert Plain(part).list()[key] == []


def test_pydo_makes_a_way_in() -> None:
    with emulated() as api, pydo.Client(TOKEN, endpoint=api.url) as client:
        droplet = api.active(tags=["demo"])
        balancers, reserved = Plain(client.load_balancers), Plain(client.reserved_ips)
        rule = {"entry_protocol": "tcp", "entry_port": 443, "target_protocol": "tcp", "target_port": 443}
        body = {"name": "web", "region": "fra1", "tag": "demo", "forwarding_rules": [rule]}
        made = balancers.create(body=body)["load_balancer"]
        found = balancers.get(made["id"])["load_balancer"]
        assert (found["status"], found["droplet_ids"]) == ("active", [droplet["id"]])
        balancers.delete(made["id"])

        address = reserved.create(body={"region": "fra1"})["reserved_ip"]["ip"]
        action = {"type": "assign", "droplet_id": droplet["id"]}
        Plain(client.reserved_ips_actions).post(address, body=action)
        api.settle()
        assert reserved.get(address)["reserved_ip"]["droplet"]["id"] == droplet["id"]
        reserved.delete(address)

        Plain(client.domains).create(body={"name": "example.com"})
        record = {"type": "A", "name": "www", "data": "192.0.2.7"}
        Plain(client.domains).create_record("example.com", body=record)
        assert len(Plain(client.domains).list_records("example.com")["domain_records"]) == 4


def test_pydo_reads_refusals_as_they_are_documented() -> None:
    with emulated() as api, pydo.Client(TOKEN, endpoint=api.url) as client:
        assert Plain(client.droplets).get(12)["id"] == "not_found"
    with emulated() as api, pydo.Client("wrong", endpoint=api.url) as client:
        with pytest.raises(ClientAuthenticationError) as refused:
            Plain(client.droplets).list()
        assert refused.value.status_code == 401


@pytest.fixture(scope="module")
def godo_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once, from the modules that go.sum pins."""
    go = require_tool("go")
    program = tmp_path_factory.mktemp("godo") / "godo"
    run([go, "build", "-o", program, "."], env=go_environment() | {"GOTOOLCHAIN": "local"}, cwd=GODO, seconds=500)
    return program


def drive(program: Path, api: Api) -> dict[str, Any]:
    seen: dict[str, Any] = json.loads(
        run([program, api.url, public_key(1)], env={"DIGITALOCEAN_TOKEN": TOKEN}, seconds=90).stdout
    )
    return seen


def test_godo_drives_it(godo_program: Path) -> None:
    with emulated() as api:
        seen = drive(godo_program, api)

        by_tag = seen.pop("ByTag")
        assert len(set(by_tag)) == 3
        key = api.post("/v2/account/keys", {"name": "again", "public_key": public_key(1)}).json()["ssh_key"]
        assert seen == {
            "Regions": 10,
            "Key": key["fingerprint"],
            "First": "godo-1",
            "Together": ["godo-2", "godo-3"],
            "Status": "active",
            "Addresses": ["198.18.0.10", "10.100.0.2"],
            "Pages": 2,
            "Snapshot": "godo-image",
            "Tagged": ["godo-image"],
            "Transfer": ["fra1", "nyc3"],
            "Firewall": "godo",
            "Members": 3,
            "Project": "Default",
            "WaysIn": ["renamed", "active", "3", "lets_encrypt", "192.0.2.7"],
            "Errors": {
                "tag": "404 The resource you were accessing could not be found.",
                "droplet": "404 The resource you were accessing could not be found.",
                "key": "422 SSH Key is already in use on your account",
            },
            "Left": 0,
            "Rate": 5000,
        }


def test_godos_own_retries_get_through_a_bad_gateway_and_a_limit(godo_program: Path) -> None:
    """godo tries again after 429 and 5xx (defaultRetryMax in godo.go), a POST too."""
    with emulated() as api:
        api.post("/_emulator/faults", {"method": "GET", "path": "/v2/regions", "status": 502, "html": True})
        api.post("/_emulator/faults", {"path": "/v2/vpcs", "status": 429, "retry_after": 1})
        seen = drive(godo_program, api)
        asked = [entry["path"] for entry in api.get("/_emulator/requests").json()["requests"]]

        assert seen["Left"] == 0
        assert (asked.count("/v2/regions"), asked.count("/v2/vpcs")) == (2, 2)
