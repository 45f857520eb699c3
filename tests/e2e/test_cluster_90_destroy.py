"""``bakery destroy`` takes the cluster away, all of it, and nothing that only looks like it. Last of all."""

import json
from collections.abc import Mapping

import pytest

from bakery.credentials.throwaway import throwaway_public_key
from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import PATIENCE, Cluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

DROPLET = "demo-nomad-client-9"
FIREWALL = "demo-nomad-client-0000000"
VPC = "bakery-demo-2"
KEY = "bakery-demo-launch-key"
TAGS = {"bakery:demo2", "bakery:demonstration"}

Account = Mapping[str, set[str]]


def account(cluster: Cluster) -> Account:
    """What there is, by kind; without what every account has (default VPCs, public images)."""

    def listed(path: str, kind: str) -> list[dict[str, str]]:
        query = "&" if "?" in path else "?"
        found: list[dict[str, str]] = cluster.api("GET", f"{path}{query}per_page=200").body[kind]
        return found

    return {
        "droplets": {each["name"] for each in listed("/v2/droplets", "droplets")},
        "firewalls": {each["name"] for each in listed("/v2/firewalls", "firewalls")},
        "vpcs": {each["name"] for each in listed("/v2/vpcs", "vpcs") if not each["default"]},
        "keys": {each["name"] for each in listed("/v2/account/keys", "ssh_keys")},
        "tags": {each["name"] for each in listed("/v2/tags", "tags")},
        "snapshots": {each["name"] for each in listed("/v2/images?private=true", "images")},
    }


def make_foreign(cluster: Cluster) -> None:
    """Somebody else's: a droplet, a firewall, a VPC, an SSH key and two tags, with names like ours."""
    droplet = {
        "name": DROPLET,
        "region": "fra1",
        "size": "s-1vcpu-1gb",
        "image": "debian-12-x64",
        "tags": ["bakery:demo2"],
    }
    rule = {"protocol": "tcp", "ports": "22", "sources": {"addresses": ["0.0.0.0/0"]}}
    for path, body in (
        ("/v2/tags", {"name": "bakery:demonstration"}),
        ("/v2/droplets", droplet),
        ("/v2/firewalls", {"name": FIREWALL, "inbound_rules": [rule], "tags": ["bakery:demo2"]}),
        (
            "/v2/vpcs",
            {"name": VPC, "region": "fra1", "ip_range": "10.131.0.0/24", "description": "of somebody else"},
        ),
        ("/v2/account/keys", {"name": KEY, "public_key": throwaway_public_key()}),
    ):
        made = cluster.api("POST", path, body)
        assert made.status in {201, 202}, made.body


OF_SNAPSHOTS = ("bakery:image:", "bakery:build:", "bakery:versions:")


def test_destroy_takes_the_cluster_and_nothing_else(cluster: Cluster) -> None:
    make_foreign(cluster)
    before = account(cluster)
    assert len(before["droplets"]) >= 10  # control: the cluster is there
    assert {VPC, "bakery-demo"} <= before["vpcs"]
    cluster.bakery("destroy", "--local", "--yes")
    assert account(cluster) == {
        "droplets": {DROPLET},
        "firewalls": {FIREWALL},
        "vpcs": {VPC},
        "keys": {KEY},
        "tags": TAGS | {tag for tag in before["tags"] if tag.startswith(OF_SNAPSHOTS)},
        "snapshots": before["snapshots"],
    }


def test_destroy_again_finds_nothing(cluster: Cluster) -> None:
    before = account(cluster)
    done = cluster.bakery("destroy", "--local", "--yes")
    assert "cluster demo has no resources here" in done.stderr
    assert account(cluster) == before


def test_the_emulator_is_up_and_empty(cluster: Cluster) -> None:
    assert cluster.api("DELETE", f"/v2/droplets/{cluster.droplet(DROPLET).id}").status == 204

    def empty() -> dict[str, int] | Pending:
        shown: dict[str, int] = json.loads(cluster.bakery("emulator", "status", "--json", "--name", "demo").stdout)
        return shown if shown["droplets"] == 0 else Pending(f"{shown['droplets']} droplets are there")

    assert wait_until(empty, what="the last droplet to go", seconds=PATIENCE)["running"] == 0
