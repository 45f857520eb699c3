"""Load balancers, reserved IPs, domains and certificates of the emulated API; droplets are in memory."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bakery.emulator.account.latency import Latency
from bakery.emulator.account.settings import EmulatorSettings
from tests.helpers.emulated import SETTINGS, Api, ManualClock, emulated
from tests.helpers.tls import self_signed

pytestmark = pytest.mark.integration

RULE = {"entry_protocol": "tcp", "entry_port": 80, "target_protocol": "tcp", "target_port": 8080}
TLS = {"entry_protocol": "https", "entry_port": 443, "target_protocol": "http", "target_port": 80}
RULES: dict[str, object] = {"forwarding_rules": [RULE]}


def balancer(**changes: object) -> dict[str, object]:
    return {"name": "web", "region": "fra1", "tag": "demo", **RULES, **changes}


def make(api: Api, **changes: object) -> dict[str, Any]:
    answer = api.post("/v2/load_balancers", balancer(**changes))
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()["load_balancer"]
    return made


def read(api: Api, made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/v2/load_balancers/{made['id']}").json()["load_balancer"]
    return found


def test_a_load_balancer_takes_the_droplets_of_its_tag() -> None:
    with emulated() as api:
        first = api.active(tags=["demo"])["id"]
        made = make(api)
        assert (made["status"], made["ip"]) == ("new", "")

        second = api.active(name="web-2", tags=["demo"])["id"]
        api.active(name="other")
        found = read(api, made)
        assert (found["status"], found["ip"], found["tag"]) == ("active", "198.18.0.11", "demo")
        assert found["droplet_ids"] == [first, second]
        assert found["health_check"]["healthy_threshold"] == 3
        api.delete(f"/v2/droplets/{first}")
        assert read(api, made)["droplet_ids"] == [second]
        assert api.get("/v2/load_balancers").json()["load_balancers"] == [read(api, made)]

        assert api.post(f"/v2/load_balancers/{made['id']}/droplets", {"droplet_ids": [second]}).status_code == 422
        assert api.delete(f"/v2/load_balancers/{made['id']}").status_code == 204
        assert api.get(f"/v2/load_balancers/{made['id']}").status_code == 404


def test_a_load_balancer_takes_droplets_by_id() -> None:
    with emulated() as api:
        first, second = api.active()["id"], api.active(name="web-2")["id"]
        made = make(api, tag=None, droplet_ids=[first])
        path = f"/v2/load_balancers/{made['id']}/droplets"
        assert api.post(path, {"droplet_ids": [second, first]}).status_code == 204
        assert read(api, made)["droplet_ids"] == [first, second]
        assert api.delete(path, {"droplet_ids": [first]}).status_code == 204
        assert read(api, made)["droplet_ids"] == [second]
        assert api.post(path, {"droplet_ids": [12]}).status_code == 422
        api.delete(f"/v2/droplets/{second}")
        assert read(api, made)["droplet_ids"] == []


def test_a_put_replaces_everything_and_rules_come_and_go() -> None:
    with emulated() as api:
        made = make(api, enable_proxy_protocol=True, size_unit=2)
        path = f"/v2/load_balancers/{made['id']}"
        other = {**RULE, "entry_port": 81}
        assert api.post(f"{path}/forwarding_rules", {"forwarding_rules": [other]}).status_code == 204
        assert [rule["entry_port"] for rule in read(api, made)["forwarding_rules"]] == [80, 81]
        twice = {**RULE, "target_port": 9}
        assert api.post(f"{path}/forwarding_rules", {"forwarding_rules": [twice]}).status_code == 422
        assert api.delete(f"{path}/forwarding_rules", {"forwarding_rules": [other]}).status_code == 204
        assert api.delete(f"{path}/forwarding_rules", RULES).status_code == 422  # the last one

        assert api.call("PUT", path, balancer(name="renamed")).status_code == 200
        found = read(api, made)
        assert (found["name"], found["enable_proxy_protocol"], found["size_unit"]) == ("renamed", False, 1)
        assert api.call("PUT", path, balancer(region="nyc3")).status_code == 422


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "name can't be blank"),
        ({"name": "a b"}, "name must contain only"),
        ({"region": "moon1"}, "invalid region"),
        ({"forwarding_rules": []}, "at least one rule"),
        ({"forwarding_rules": [{**RULE, "entry_port": 70000}]}, "entry_port must be a number"),
        ({"forwarding_rules": [RULE, RULE]}, "duplicate entry port"),
        ({"forwarding_rules": [{**RULE, "target_protocol": "http"}]}, "must have tcp as"),
        ({"forwarding_rules": [{**RULE, "entry_protocol": "udp"}]}, "does not support udp"),
        ({"forwarding_rules": [TLS]}, "either a certificate_id or tls_passthrough"),
        ({"forwarding_rules": [{**TLS, "certificate_id": "12"}]}, "does not exist"),
        ({"forwarding_rules": [{**RULE, "tls_passthrough": True}]}, "tls_passthrough needs https"),
        ({"droplet_ids": [12]}, "Droplet 12 does not exist"),
        ({"health_check": {"check_interval_seconds": 1}}, "from 3 to 300"),
        ({"health_check": {"path": "ping"}}, "begin with a slash"),
        ({"sticky_sessions": {"type": "cookies"}}, "does not support sticky sessions"),
        ({"type": "GLOBAL"}, "does not support load balancers with type GLOBAL"),
        ({"network": "INTERNAL"}, "does not support load balancers with network INTERNAL"),
        ({"network": "MOON"}, "must be one of EXTERNAL, INTERNAL"),
        ({"firewall": {"allow": ["1.2.3.4"]}}, "entries like ip:1.2.3.4"),
        ({"vpc_uuid": "515850a0-a812-50bf-aa3c-d0d21d287e40"}, "does not exist in this region"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_load_balancers_that_cannot_be(change: dict[str, object], words: str) -> None:
    with emulated() as api:
        answer = api.post("/v2/load_balancers", balancer(**change))
        assert answer.status_code == 422
        assert words in answer.json()["message"]
        assert api.get("/v2/load_balancers").json()["meta"]["total"] == 0


def test_droplet_ids_and_a_tag_exclude_each_other() -> None:
    with emulated() as api:
        answer = api.post("/v2/load_balancers", balancer(droplet_ids=[api.active()["id"]]))
        assert (answer.status_code, answer.json()["message"]) == (
            422,
            "droplet_ids and tag are mutually exclusive",
        )


def test_the_account_has_a_limit_of_load_balancers() -> None:
    with emulated(replace(SETTINGS, load_balancer_limit=1)) as api:
        made = make(api)
        answer = api.post("/v2/load_balancers", balancer(name="second"))
        assert (answer.status_code, "limit" in answer.json()["message"]) == (422, True)
        api.delete(f"/v2/load_balancers/{made['id']}")
        make(api)


def test_a_load_balancer_is_new_for_a_while() -> None:
    clock = ManualClock()
    with emulated(replace(SETTINGS, latency=Latency(balancer=60, spread=0)), clock=clock) as api:
        made = make(api)
        clock.advance(59)
        assert (read(api, made)["status"], read(api, made)["ip"]) == ("new", "")
        clock.advance(1)
        assert read(api, made)["status"] == "active"


def test_a_load_balancer_is_a_member_of_its_vpc_and_project() -> None:
    with emulated() as api:
        vpc = api.post("/v2/vpcs", {"name": "v", "region": "fra1", "ip_range": "10.100.0.0/20"}).json()["vpc"]
        made = make(api, vpc_uuid=vpc["id"])
        path = f"/v2/vpcs/{vpc['id']}"
        assert [member["urn"] for member in api.get(f"{path}/members").json()["members"]] == [
            f"do:loadbalancer:{made['id']}"
        ]
        assert api.get(f"{path}/members?resource_type=droplet").json()["members"] == []
        urns = [each["urn"] for each in api.get("/v2/projects/default/resources").json()["resources"]]
        assert urns == [f"do:loadbalancer:{made['id']}"]
        assert api.delete(path).status_code == 403
        outside = api.active(tags=["demo"])["id"]
        assert outside not in read(api, made)["droplet_ids"]  # of another VPC
        api.delete(f"/v2/load_balancers/{made['id']}")
        assert api.delete(path).status_code == 204


def reserve(api: Api, **body: object) -> dict[str, Any]:
    answer = api.post("/v2/reserved_ips", body)
    assert answer.status_code == 202, answer.text
    api.settle()
    made: dict[str, Any] = answer.json()["reserved_ip"]
    return made


def holder(api: Api, address: str) -> int | None:
    droplet = api.get(f"/v2/reserved_ips/{address}").json()["reserved_ip"]["droplet"]
    return None if droplet is None else int(droplet["id"])


def move(api: Api, address: str, **body: object) -> dict[str, Any]:
    answer = api.post(f"/v2/reserved_ips/{address}/actions", body)
    assert answer.status_code == 201, answer.text
    api.settle()
    number = answer.json()["action"]["id"]
    action: dict[str, Any] = api.get(f"/v2/reserved_ips/{address}/actions/{number}").json()["action"]
    return action


def test_a_reserved_ip_moves_between_droplets() -> None:
    with emulated() as api:
        first, second = api.active()["id"], api.active(name="web-2")["id"]
        made = reserve(api, droplet_id=first)
        address = made["ip"]
        assert (made["droplet"], made["locked"]) == (None, True)  # as in OpenAPI's example
        assert holder(api, address) == first

        action = move(api, address, type="assign", droplet_id=second)
        assert (action["type"], action["status"]) == ("assign_ip", "completed")
        assert holder(api, address) == second
        assert api.post("/v2/reserved_ips", {"droplet_id": second}).status_code == 422  # it has one
        assert move(api, address, type="unassign")["type"] == "unassign_ip"
        assert holder(api, address) is None
        kinds = [each["type"] for each in api.get(f"/v2/reserved_ips/{address}/actions").json()["actions"]]
        assert kinds == ["unassign_ip", "assign_ip", "assign_ip"]

        move(api, address, type="assign", droplet_id=first)
        api.delete(f"/v2/droplets/{first}")
        assert holder(api, address) is None
        assert api.delete(f"/v2/reserved_ips/{address}").status_code == 204
        assert api.get(f"/v2/reserved_ips/{address}").status_code == 404


def test_reserved_ips_have_limits() -> None:
    with emulated() as api:
        addresses = [reserve(api, region="fra1")["ip"] for _ in range(3)]
        assert len(set(addresses)) == 3
        answer = api.post("/v2/reserved_ips", {"region": "fra1"})
        assert (answer.status_code, "limit" in answer.json()["message"]) == (422, True)
        far = api.active(region="nyc3")["id"]
        private = api.active(public_networking=False)["id"]
        path = f"/v2/reserved_ips/{addresses[0]}/actions"
        for body, status in (
            ({"type": "assign", "droplet_id": far}, 422),
            ({"type": "assign", "droplet_id": private}, 422),
            ({"type": "assign", "droplet_id": 12}, 404),
            ({"type": "assign"}, 422),
            ({"type": "dance"}, 422),
        ):
            assert api.post(path, body).status_code == status, body
        assert api.post("/v2/reserved_ips", {"region": "moon1"}).status_code == 422
        assert api.post("/v2/reserved_ips", {}).status_code == 422


def test_an_assignment_can_fail_or_never_end() -> None:
    """The same faults as for actions of droplets."""
    with emulated() as api:
        droplet_id = api.active()["id"]
        address = reserve(api, region="fra1")["ip"]
        api.post("/_emulator/faults", {"action": "assign_ip", "outcome": "errored"})
        assert move(api, address, type="assign", droplet_id=droplet_id)["status"] == "errored"
        assert holder(api, address) is None
        api.post("/_emulator/faults", {"action": "assign_ip", "outcome": "endless"})
        assert move(api, address, type="assign", droplet_id=droplet_id)["status"] == "in-progress"
        assert api.get(f"/v2/reserved_ips/{address}").json()["reserved_ip"]["locked"] is True
        assert api.post(f"/v2/reserved_ips/{address}/actions", {"type": "unassign"}).status_code == 422
        assert api.delete(f"/v2/reserved_ips/{address}").status_code == 422


def test_floating_ips_are_reserved_ips_under_their_old_name() -> None:
    with emulated() as api:
        address = reserve(api, region="fra1")["ip"]
        [found] = api.get("/v2/floating_ips").json()["floating_ips"]
        assert found["ip"] == address
        made = api.post("/v2/floating_ips", {"region": "fra1"}).json()["floating_ip"]
        assert api.get(f"/v2/reserved_ips/{made['ip']}").status_code == 200
        assert api.delete(f"/v2/floating_ips/{address}").status_code == 204


RECORD = {"type": "A", "name": "www", "data": "192.0.2.7"}


def test_a_domain_has_records() -> None:
    with emulated() as api:
        made = api.post("/v2/domains", {"name": "Example.com", "ip_address": "192.0.2.1"})
        assert made.json() == {"domain": {"name": "example.com", "ttl": 1800, "zone_file": None}}
        zone = api.get("/v2/domains/example.com").json()["domain"]["zone_file"]
        assert "example.com. 1800 IN A 192.0.2.1\n" in zone
        path = "/v2/domains/example.com/records"
        record = api.post(path, RECORD).json()["domain_record"]
        assert (record["ttl"], record["weight"]) == (1800, None)
        kinds = [each["type"] for each in api.get(path).json()["domain_records"]]
        assert kinds == ["NS", "NS", "NS", "A", "A"]
        assert api.get(f"{path}?type=A&name=www.example.com").json()["domain_records"] == [record]

        changed = api.call("PATCH", f"{path}/{record['id']}", {"data": "192.0.2.8", "ttl": 60})
        assert changed.json()["domain_record"] == {**record, "data": "192.0.2.8", "ttl": 60}
        alias = api.post(path, {"type": "CNAME", "name": "blog", "data": "www.example.com."}).json()
        assert alias["domain_record"]["data"] == "www.example.com"
        assert api.delete(f"{path}/{record['id']}").status_code == 204
        assert api.get(f"{path}/{record['id']}").status_code == 404
        assert api.delete("/v2/domains/example.com").status_code == 204
        assert api.get(path).status_code == 404


@pytest.mark.parametrize(
    "record",
    [
        {**RECORD, "data": "www"},
        {**RECORD, "data": ""},
        {**RECORD, "type": "AAAA"},
        {**RECORD, "type": "DS"},
        {**RECORD, "name": "two words"},
        {**RECORD, "ttl": "soon"},
        {"type": "MX", "name": "@", "data": "mail.example.com."},
        {"type": "SRV", "name": "_http._tcp", "data": "www", "priority": 1, "weight": 1},
    ],
    ids=str,
)
def test_records_that_cannot_be(record: dict[str, object]) -> None:
    with emulated() as api:
        api.post("/v2/domains", {"name": "example.com"})
        assert api.post("/v2/domains/example.com/records", record).status_code == 422
        assert len(api.get("/v2/domains/example.com/records").json()["domain_records"]) == 3


@pytest.mark.parametrize("name", ["", "com", "a_b.com", "-a.com", "a..com", "example.com"])
def test_domains_that_cannot_be(name: str) -> None:
    with emulated() as api:
        api.post("/v2/domains", {"name": "example.com"})
        assert api.post("/v2/domains", {"name": name}).status_code == 422


def test_a_certificate_is_uploaded_used_and_deleted() -> None:
    pem = self_signed("www.example.com")
    with emulated() as api:
        body = {
            "name": "c",
            "type": "custom",
            "private_key": pem.key,
            "leaf_certificate": pem.certificate,
        }
        made = api.post("/v2/certificates", body).json()["certificate"]
        assert (made["state"], made["dns_names"], made["type"]) == ("verified", ["www.example.com"], "custom")
        assert api.get("/v2/certificates?name=c").json()["certificates"] == [made]
        assert api.get("/v2/certificates?name=d").json()["certificates"] == []
        assert api.post("/v2/certificates", body).status_code == 422  # the name is taken

        user = make(api, forwarding_rules=[{**TLS, "certificate_id": made["id"]}])
        assert read(api, user)["forwarding_rules"][0]["certificate_id"] == made["id"]
        assert api.delete(f"/v2/certificates/{made['id']}").status_code == 403
        api.delete(f"/v2/load_balancers/{user['id']}")
        assert api.delete(f"/v2/certificates/{made['id']}").status_code == 204


def test_certificates_that_cannot_be() -> None:
    pem, other = self_signed("www.example.com"), self_signed("www.example.com")
    good = {"name": "c", "private_key": pem.key, "leaf_certificate": pem.certificate}
    with emulated() as api:
        for change in (
            {"private_key": other.key},
            {"private_key": "no PEM"},
            {"leaf_certificate": "no PEM"},
            {"certificate_chain": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"},
            {"type": "self"},
            {"type": "lets_encrypt", "dns_names": []},
            {"type": "lets_encrypt", "dns_names": ["www.example.com"]},  # no domain of the account
        ):
            assert api.post("/v2/certificates", good | change).status_code == 422, change
        assert api.post("/v2/certificates", good).status_code == 201  # control


def test_lets_encrypt_issues_for_domains_of_the_account_and_the_balancer_gets_their_records() -> None:
    clock = ManualClock()
    with emulated(replace(SETTINGS, certificate_s=30), clock=clock) as api:
        api.post("/v2/domains", {"name": "example.com"})
        body = {"name": "le", "type": "lets_encrypt", "dns_names": ["www.example.com"]}
        made = api.post("/v2/certificates", body).json()["certificate"]
        assert made["state"] == "pending"
        clock.advance(30)
        found = api.get(f"/v2/certificates/{made['id']}").json()["certificate"]
        assert (found["state"], found["dns_names"]) == ("verified", ["www.example.com"])
        assert datetime.fromisoformat(found["not_after"]) == datetime(2027, 2, 22, 12, 0, tzinfo=UTC)

        rule = {**TLS, "certificate_id": made["id"]}
        user = make(api, forwarding_rules=[rule])
        records = api.get("/v2/domains/example.com/records?name=www.example.com").json()["domain_records"]
        assert [(each["type"], each["data"]) for each in records] == [("A", read(api, user)["ip"])]


def test_everything_outlives_the_emulator(tmp_path: Path) -> None:
    """And the addresses and ids in use are not given out again."""
    file = tmp_path / "account.json"
    pem = self_signed("www.example.com")
    with emulated(account_file=file) as api:
        droplet_id = api.active(tags=["demo"])["id"]
        made = read(api, make(api))
        address = reserve(api, droplet_id=droplet_id)["ip"]
        api.post("/v2/domains", {"name": "example.com"})
        keys = {"private_key": pem.key, "leaf_certificate": pem.certificate}
        api.post("/v2/certificates", {"name": "c", **keys})
        before = everything(api)
    with emulated(account_file=file) as api:
        assert everything(api) == before
        assert holder(api, address) == droplet_id
        fresh = api.active(name="web-2")
        assert fresh["networks"]["v4"][1]["ip_address"] not in {made["ip"], address}
        assert fresh["id"] > before["domains/example.com/records"]["domain_records"][-1]["id"]
        assert api.delete(f"/v2/reserved_ips/{address}").status_code == 204


def everything(api: Api) -> dict[str, Any]:
    lists = ("load_balancers", "reserved_ips", "domains", "domains/example.com/records", "certificates")
    found = {path: api.get(f"/v2/{path}").json() for path in lists}
    for reserved in found["reserved_ips"]["reserved_ips"]:
        reserved["droplet"] = reserved["droplet"]["id"]
    return found


def test_an_account_of_an_older_emulator_is_read(tmp_path: Path) -> None:
    """It has none of these lists."""
    file = tmp_path / "account.json"
    lists = ("actions", "tags", "keys", "images", "vpcs", "firewalls", "droplets", "leaving")
    file.write_text("{" + ", ".join(f'"{name}": []' for name in lists) + "}", encoding="utf-8")
    with emulated(EmulatorSettings(tokens=SETTINGS.tokens), account_file=file) as api:
        assert api.get("/v2/load_balancers").json()["load_balancers"] == []
