"""A load balancer and a reserved IP by the command line, against the emulated API; droplets are in memory."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.cli import CliHarness, cli_harness
from tests.helpers.emulated import LOOPBACK
from tests.helpers.snapshot import bake

pytestmark = pytest.mark.integration

ACTIVE = ("launch", "--wait", "active", "--yes")
FILE = """\
version: 1
cluster: demo
roles:
  consul-server: {{count: 1, size: s-1vcpu-1gb}}
  ingress: {{count: {count}, size: s-1vcpu-1gb}}
ingress: {ingress}
"""
LETS_ENCRYPT = "{domains: [www.example.com], load_balancer: {certificate: lets-encrypt}}"


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliHarness]:
    with cli_harness(
        tmp_path, monkeypatch, snapshot=False, settings=replace(LOOPBACK, load_balancer_limit=1)
    ) as made:
        made.write(FILE.format(count=2, ingress=LETS_ENCRYPT))
        bake(made.api, traefik=True)
        made.api.post("/v2/domains", {"name": "example.com"})
        made.forget()
        yield made


def the_only(at: CliHarness, path: str, key: str) -> dict[str, Any]:
    (found,) = at.api.get(f"/v2/{path}").json()[key]
    return dict(found)


def test_a_load_balancer_from_plan_to_destroy(at: CliHarness) -> None:
    planned = at("plan", "--json").json
    lines = [line for line in planned["changes"] if line["kind"] == "balancer"]
    assert [(line["sign"], line["name"]) for line in lines] == [("+", "demo-ingress")]
    assert planned["price_usd"]["total_monthly"] == 30.0  # three droplets at 6, and 12
    assert "$12.00 a month" in at("plan").out
    rules = {rule["ports"]: rule for firewall in planned["firewalls"] for rule in firewall["inbound"]}
    assert [(rules[port]["load_balancer"], rules[port]["from"]) for port in ("80", "443")] == [(True, [])] * 2
    assert re.search(r"80/tcp +load balancer ", at("plan").out)

    ran = at(*ACTIVE)
    assert ran.code == 0, ran.err
    balancer = the_only(at, "load_balancers", "load_balancers")
    certificate = the_only(at, "certificates", "certificates")
    assert f"{balancer['name']} has the address {balancer['ip']}" in ran.err
    assert (len(balancer["droplet_ids"]), balancer["enable_proxy_protocol"]) == (2, True)
    assert [rule["certificate_id"] for rule in balancer["forwarding_rules"]] == ["", certificate["id"]]
    records = at.api.get("/v2/domains/example.com/records?type=A").json()["domain_records"]
    assert [(each["name"], each["data"]) for each in records] == [("www", balancer["ip"])]

    at.forget()
    assert at(*ACTIVE).code == 0
    assert at.changing() == []
    answer = at("status", "--json").json
    assert answer["load_balancer"]["ip"] == balancer["ip"]
    assert f"load balancer: {balancer['ip']} (active, droplets: 2)" in at("status").out

    shown = at("destroy", "--dry-run").out
    assert "  - droplet       demo-ingress-1\n" in shown
    assert f"  - load balancer {balancer['name']}\n" in shown
    gone = at("destroy", "--yes", "--json")
    assert gone.code == 0, gone.err
    assert gone.json["load_balancers"] == gone.json["certificates"] == [balancer["name"]]
    for path in ("load_balancers", "certificates", "droplets"):
        assert at.api.get(f"/v2/{path}").json()["meta"]["total"] == 0
    assert [name for name in at.api.get("/v2/tags").json()["tags"] if "demo" in name["name"]] == []


def test_a_reached_limit_is_named_and_the_cluster_is_there(at: CliHarness) -> None:
    rule = {"entry_protocol": "tcp", "entry_port": 80, "target_protocol": "tcp", "target_port": 80}
    other = {"name": "web", "region": "fra1", "tag": "web", "forwarding_rules": [rule]}
    number = at.api.post("/v2/load_balancers", other).json()["load_balancer"]["id"]
    ran = at(*ACTIVE)
    assert ran.code == 4
    assert "error: DigitalOcean refused the load balancer" in ran.err
    assert "exceed your load balancer limit" in ran.err
    assert len(at.droplets()) == 3

    at.api.delete(f"/v2/load_balancers/{number}")
    assert at(*ACTIVE).code == 0
    assert the_only(at, "load_balancers", "load_balancers")["name"].startswith("bakery-demo-ingress-")


def conditions(at: CliHarness) -> dict[str, tuple[str, str]]:
    shown = at("status", "--json").json["conditions"]
    return {each["name"]: (each["state"], each["message"]) for each in shown}


def doctor_says(at: CliHarness, name: str) -> tuple[str, str]:
    checks = at("doctor", "--json").json["checks"]
    (found,) = [check for check in checks if check["name"] == name]
    return found["state"], found["message"]


def test_a_load_balancer_that_is_missing_is_named_with_the_next_step(at: CliHarness) -> None:
    assert doctor_says(at, "load-balancer") == ("not_yet", "the first launch makes it")
    assert at(*ACTIVE).code == 0
    assert conditions(at)["load-balancer"][0] == "ok"
    assert doctor_says(at, "load-balancer")[0] == "pass"
    at.api.delete(f"/v2/load_balancers/{the_only(at, 'load_balancers', 'load_balancers')['id']}")
    missing = "the load balancer of the cluster file does not exist"
    assert conditions(at)["load-balancer"] == ("missing", missing)
    assert doctor_says(at, "load-balancer") == ("fail", missing)
    shown = at("status")
    assert missing in shown.out
    assert "next: bakery launch creates what is missing" in shown.out
    assert at(*ACTIVE).code == 0
    assert conditions(at)["load-balancer"][0] == "ok"


def test_a_reserved_ip_that_is_missing_is_named(at: CliHarness) -> None:
    at.write(FILE.format(count=1, ingress="{reserved_ip: auto}"))
    assert at(*ACTIVE).code == 0
    assert conditions(at)["reserved-ip"][0] == "ok"
    at.api.delete(f"/v2/reserved_ips/{the_only(at, 'reserved_ips', 'reserved_ips')['ip']}")
    missing = "the reserved IP of the cluster file does not exist"
    assert conditions(at)["reserved-ip"] == ("missing", missing)
    assert doctor_says(at, "reserved-ip") == ("fail", missing)


def test_a_reserved_ip_from_plan_to_destroy(at: CliHarness) -> None:
    at.write(FILE.format(count=1, ingress="{reserved_ip: auto}"))
    assert "free while it is assigned" in at("plan").out
    ran = at(*ACTIVE)
    assert ran.code == 0, ran.err
    reserved = the_only(at, "reserved_ips", "reserved_ips")
    assert reserved["droplet"]["name"] == "demo-ingress-1"
    assert f"reserved IP: {reserved['ip']} (assigned)" in at("status").out
    at.forget()
    assert at(*ACTIVE).code == 0
    assert at.changing() == []

    assert at("destroy", "--node", "demo-ingress-1", "--yes").code == 0
    assert at(*ACTIVE).code == 0
    moved = the_only(at, "reserved_ips", "reserved_ips")
    assert (moved["ip"], moved["droplet"]["id"] != reserved["droplet"]["id"]) == (reserved["ip"], True)

    gone = at("destroy", "--yes", "--json").json
    assert gone["reserved_ips"] == [reserved["ip"]]
    assert at.api.get("/v2/reserved_ips").json()["meta"]["total"] == 0


def test_gc_finds_what_a_lost_cluster_left(at: CliHarness) -> None:
    """Its droplets were deleted in the control panel."""
    assert at(*ACTIVE).code == 0
    balancer = the_only(at, "load_balancers", "load_balancers")
    assert at("gc", "--older-than", "0", "--json").json["orphans"] == []  # control: the cluster lives
    at.api.delete("/v2/droplets?tag_name=bakery:demo")
    at.api.settle()
    found = at("gc", "--older-than", "0", "--json").json["orphans"]
    names = [(each["kind"], each["name"]) for each in found]
    assert names == [("load balancer", balancer["name"]), ("certificate", balancer["name"])]
    assert at("gc", "--older-than", "0", "--delete", "--yes").code == 0
    assert at.api.get("/v2/load_balancers").json()["meta"]["total"] == 0
