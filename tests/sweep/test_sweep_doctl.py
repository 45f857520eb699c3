"""doctl, built as it comes, against an emulator whose droplets are in memory."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bakery.proc import run
from tests.helpers.emulated import TOKEN, Api, emulated, public_key
from tests.helpers.go.programs import build_client

pytestmark = [pytest.mark.sweep, pytest.mark.timeout(0)]

RUN_S = 600
CREATE = ("--size", "s-1vcpu-1gb", "--image", "debian-12-x64", "--region", "fra1")


@pytest.fixture
def api() -> Iterator[Api]:
    with emulated() as api:
        yield api


class Doctl:
    """doctl with a home of its own, so that no configuration of the user's takes part."""

    def __init__(self, program: Path, api: Api, home: Path) -> None:
        self._argv: list[str | Path] = [program, "--api-url", api.url, "--output", "json"]
        self._env = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "DIGITALOCEAN_ACCESS_TOKEN": TOKEN}

    def __call__(self, *words: str) -> Any:  # noqa: ANN401 - JSON
        """What it printed; None for nothing."""
        printed = run([*self._argv, *words], env=self._env, seconds=RUN_S).stdout
        return json.loads(printed) if printed.strip() else None

    def refusal(self, *words: str) -> str:
        done = run([*self._argv, *words], env=self._env, seconds=RUN_S, check=False)
        assert done.returncode == 1
        return done.stdout + done.stderr


@pytest.fixture
def doctl(api: Api, tmp_path: Path) -> Doctl:
    return Doctl(build_client("doctl"), api, tmp_path)


def test_doctl_makes_droplets_and_waits_for_them(doctl: Doctl, api: Api, tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(public_key(1))
    (tmp_path / "user-data").write_text("#cloud-config\n# of doctl\n")
    [key] = doctl("compute", "ssh-key", "import", "laptop", "--public-key-file", str(tmp_path / "key.pub"))
    [vpc] = doctl("vpcs", "create", "--name", "own", "--region", "fra1", "--ip-range", "10.100.0.0/20")
    chosen = ("--vpc-uuid", vpc["id"], "--ssh-keys", key["fingerprint"], "--tag-names", "demo,web")
    made = doctl(
        *("compute", "droplet", "create", "web-1", "web-2", *CREATE, *chosen, "--wait"),
        *("--user-data-file", str(tmp_path / "user-data"), "--enable-monitoring"),
    )

    names = [(droplet["name"], droplet["status"], droplet["vpc_uuid"], droplet["tags"]) for droplet in made]
    assert sorted(names) == [(name, "active", vpc["id"], ["demo", "web"]) for name in ("web-1", "web-2")]
    assert doctl("compute", "droplet", "list", "--tag-name", "demo") == doctl("compute", "droplet", "list")
    [read] = doctl("compute", "droplet", "get", str(made[0]["id"]))
    addresses = {entry["type"]: entry["ip_address"] for entry in read["networks"]["v4"]}
    assert addresses["public"].startswith("198.18.0.")
    assert addresses["private"] in {"10.100.0.2", "10.100.0.3"}
    for droplet in made:
        spec = api.machines.machines[droplet["id"]].spec
        assert (spec.user_data, spec.public_keys) == ("#cloud-config\n# of doctl\n", (public_key(1),))
    doctl("compute", "droplet", "delete", "--force", "web-1", "web-2")
    assert doctl("compute", "droplet", "list") == []


def test_doctl_acts_on_a_droplet_and_keeps_its_snapshot(doctl: Doctl, api: Api) -> None:
    [droplet] = doctl("compute", "droplet", "create", "web", *CREATE, "--wait")
    number = str(droplet["id"])
    for words in (
        ["power-off", number],
        ["resize", number, "--size", "s-2vcpu-2gb", "--resize-disk"],
        ["power-on", number],
        ["rename", number, "--droplet-name", "web-renamed"],
        ["snapshot", number, "--snapshot-name", "kept"],
    ):
        [action] = doctl("compute", "droplet-action", *words, "--wait")
        assert (action["type"], action["status"]) == (words[0].replace("-", "_"), "completed")

    [read] = doctl("compute", "droplet", "get", number)
    assert (read["name"], read["status"], read["disk"]) == ("web-renamed", "active", 60)
    [image] = doctl("compute", "image", "list-user")
    [snapshot] = doctl("compute", "snapshot", "list")
    assert (image["name"], image["min_disk_size"], str(image["id"])) == ("kept", 60, snapshot["id"])
    moved = doctl("compute", "image-action", "transfer", str(image["id"]), "--region", "nyc3", "--wait")
    assert [action["status"] for action in moved] == ["completed"]
    doctl("compute", "snapshot", "delete", "--force", snapshot["id"])
    assert api.get("/v2/images?private=true").json()["images"] == []


def test_doctl_keeps_tags_firewalls_and_vpcs(doctl: Doctl, api: Api) -> None:
    [droplet] = doctl("compute", "droplet", "create", "web", *CREATE, "--wait")
    number = str(droplet["id"])
    doctl("compute", "tag", "create", "demo")
    doctl("compute", "droplet", "tag", number, "--tag-name", "demo")
    [tag] = doctl("compute", "tag", "get", "demo")
    assert tag["resources"]["droplets"]["count"] == 1

    inbound = "protocol:tcp,ports:22,address:0.0.0.0/0 protocol:icmp,tag:demo"
    [firewall] = doctl("compute", "firewall", "create", "--name", "web", "--inbound-rules", inbound)
    doctl("compute", "firewall", "add-tags", firewall["id"], "--tag-names", "demo")
    doctl(
        "compute", "firewall", "add-rules", firewall["id"], "--outbound-rules", "protocol:tcp,ports:all,tag:demo"
    )
    [read] = doctl("compute", "firewall", "list-by-droplet", number)
    assert read["inbound_rules"] == [
        {"protocol": "tcp", "ports": "22", "sources": {"addresses": ["0.0.0.0/0"]}},
        {"protocol": "icmp", "ports": "0", "sources": {"tags": ["demo"]}},
    ]
    assert read["outbound_rules"] == [{"protocol": "tcp", "ports": "0", "destinations": {"tags": ["demo"]}}]
    doctl("compute", "firewall", "delete", "--force", firewall["id"])
    doctl("compute", "droplet", "untag", number, "--tag-name", "demo")
    assert api.droplet(droplet["id"])["tags"] == []

    [vpc] = doctl("vpcs", "create", "--name", "own", "--region", "fra1", "--description", "mine")
    [renamed] = doctl("vpcs", "update", vpc["id"], "--name", "renamed")
    assert (renamed["name"], renamed["description"]) == ("renamed", "mine")
    doctl("vpcs", "delete", "--force", vpc["id"])
    assert doctl("compute", "firewall", "list") == []


def test_doctl_makes_a_way_in(doctl: Doctl, api: Api) -> None:
    [droplet] = doctl("compute", "droplet", "create", "web", *CREATE, "--tag-name", "demo", "--wait")
    doctl("compute", "domain", "create", "example.com")
    record = ("--record-type", "A", "--record-name", "www", "--record-data", "192.0.2.7")
    doctl("compute", "domain", "records", "create", "example.com", *record)
    [certificate] = doctl(
        *("compute", "certificate", "create", "--name", "le", "--type", "lets_encrypt"),
        *("--dns-names", "www.example.com"),
    )
    rules = (
        "entry_protocol:tcp,entry_port:80,target_protocol:tcp,target_port:8080 entry_protocol:https,"
        f"entry_port:443,target_protocol:http,target_port:8080,certificate_id:{certificate['id']}"
    )
    check = (
        "protocol:tcp,port:8080,check_interval_seconds:5,response_timeout_seconds:3,"
        "healthy_threshold:2,unhealthy_threshold:3"
    )
    create = ("compute", "load-balancer", "create", "--name", "web", "--region", "fra1", "--tag-name", "demo")
    [made] = doctl(*create, "--forwarding-rules", rules, "--health-check", check, "--enable-proxy-protocol")
    [read] = doctl("compute", "load-balancer", "get", made["id"])
    assert (read["status"], read["droplet_ids"]) == ("active", [droplet["id"]])
    assert read["enable_proxy_protocol"] is True
    assert "sticky sessions" in doctl.refusal(
        *create,
        "--forwarding-rules",
        rules,
        "--sticky-sessions",
        "type:cookies,cookie_name:a,cookie_ttl_seconds:60",
    )

    [reserved] = doctl("compute", "reserved-ip", "create", "--region", "fra1")
    doctl("compute", "reserved-ip-action", "assign", reserved["ip"], str(droplet["id"]))
    api.settle()
    [held] = doctl("compute", "reserved-ip", "get", reserved["ip"])
    assert held["droplet"]["id"] == droplet["id"]
    doctl("compute", "reserved-ip", "delete", "--force", reserved["ip"])
    doctl("compute", "load-balancer", "delete", "--force", made["id"])
    doctl("compute", "certificate", "delete", "--force", certificate["id"])
    doctl("compute", "domain", "delete", "--force", "example.com")
    assert doctl("compute", "load-balancer", "list") == []


def test_doctl_shows_the_apis_own_words(doctl: Doctl) -> None:
    [vpc] = doctl("vpcs", "create", "--name", "own", "--region", "fra1")
    doctl("compute", "droplet", "create", "web", *CREATE, "--vpc-uuid", vpc["id"], "--wait")
    create = ("compute", "droplet", "create", "web", "--region", "fra1")
    assert "You specified an invalid size" in doctl.refusal(*create, "--size", "s-99", "--image", "debian-12-x64")
    assert "You specified an invalid image" in doctl.refusal(*create, "--size", "s-1vcpu-1gb", "--image", "no")
    assert "could not be found" in doctl.refusal("compute", "droplet", "get", "12")
    assert "could not be found" in doctl.refusal("kubernetes", "cluster", "list")
    assert "VPC with members" in doctl.refusal("vpcs", "delete", "--force", vpc["id"])


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("compute region list", 10),
        ("compute size list", 7),
        ("compute image list-distribution", 4),
        ("projects list", 1),
        ("compute volume list", 0),
        ("compute load-balancer list", 0),
        ("compute reserved-ip list", 0),
        ("compute certificate list", 0),
        ("compute domain list", 0),
    ],
)
def test_doctl_lists(doctl: Doctl, words: str, count: int) -> None:
    """The counts are those of the emulator's settings and catalogue."""
    assert len(doctl(*words.split()) or []) == count
