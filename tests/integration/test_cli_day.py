"""The commands of a day, on droplets in memory: from init to destroy, for people and as JSON."""

import json
import os
import re
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from bakery.credentials.store import find_bundle
from tests.helpers.cli import SMALL, CliHarness, cli_harness
from tests.helpers.cli_schemas import check_answer
from tests.helpers.emulated import LOOPBACK
from tests.helpers.state import leave_operator_tokens, paths_in

pytestmark = pytest.mark.integration

ACTIVE = ("launch", "--yes", "--wait", "active")
NAMES = ["demo-consul-server-1", "demo-nomad-client-1", "demo-nomad-client-2", "demo-nomad-server-1"]


def test_init_writes_a_file_that_is_valid(at: CliHarness) -> None:
    ran = at("init", "-f", "new.yaml", "--cluster", "prod", "--region", "nyc3", "--json")
    assert ran.code == 0
    check_answer(ran.json, "init")
    file = yaml.safe_load((at.folder / "new.yaml").read_text(encoding="utf-8"))
    assert (file["cluster"], file["region"]) == ("prod", "nyc3")
    assert at("validate", "-f", "new.yaml").code == 0
    assert at("init", "-f", "new.yaml", "--force").code == 0


def test_init_names_the_cluster_after_the_folder(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, name in (("cloud", "cloud"), ("My Cloud", "demo")):
        (at.folder / folder).mkdir()
        monkeypatch.chdir(at.folder / folder)
        assert at("init").code == 0
        assert yaml.safe_load(Path("bakery.yaml").read_text(encoding="utf-8"))["cluster"] == name


def test_validate(at: CliHarness) -> None:
    assert at("validate").err == "bakery.yaml: valid\n"
    ran = at("validate", "--json")
    check_answer(ran.json, "validate")
    assert ran.json == {"cluster": "demo", "valid": True, "warnings": []}
    at.write(SMALL.replace("consul-server: {count: 1", "consul-server: {count: 2"))
    ran = at("validate", "--json")
    warning = "2 Consul servers can lose none, as 1 can: use an odd number"
    assert ran.json["warnings"] == [warning]
    assert ran.err == f"warning: {warning}\n"


def test_validate_prints_the_schema_of_the_file(at: CliHarness) -> None:
    import jsonschema

    (at.folder / "bakery.yaml").unlink()
    schema = at("validate", "--schema").json
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(SMALL), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"version": 1, "cluster": "demo", "regoin": "fra1"}, schema)


def test_plan_offline_asks_nobody(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    at.forget()
    ran = at("plan", "--offline")
    assert ran.code == 0
    assert ran.err == ""
    assert ran.out.startswith(
        "cluster demo, region fra1, VPC bakery-demo 10.100.0.0/20\n"
        "consul 1.22.5, nomad 2.0.5, on debian-12-x64\n"
        "bakery's tests run Consul 1.22.5 and Nomad 1.11.3\n"
        "\n"
        "NODE                  ROLE           SIZE         WAVE  ADDRESS\n"
        "demo-consul-server-1  consul-server  s-1vcpu-1gb  1     at launch\n"
        "demo-nomad-server-1   nomad-server   s-1vcpu-1gb  2     at launch\n"
        "demo-nomad-client-1   nomad-client   s-1vcpu-1gb  2     at launch\n"
        "demo-nomad-client-2   nomad-client   s-1vcpu-1gb  2     at launch\n"
    )
    paths = [record.path for record in at.api.emulator.requests.all() if record.path != "/v2/account"]
    assert paths == []
    monkeypatch.delenv("DIGITALOCEAN_TOKEN")
    ran = at("plan")
    assert ran.code == 0
    assert ran.err == "no token: prices and pending changes are left out\n"


def test_the_tables_of_plan_fit_a_terminal(at: CliHarness) -> None:
    """Of the cluster that bakery init writes."""
    at.write("version: 1\ncluster: demo\n")
    lines = [line for line in at("plan", "--offline").out.splitlines() if "vulnerabilities" not in line]
    assert max(map(len, lines)) == 80


def test_plan_and_its_exit_code(at: CliHarness) -> None:
    ran = at("plan", "--exit-code")
    assert ran.code == 10
    assert ran.err == ""
    assert "  + vpc       bakery-demo           10.100.0.0/20" in ran.out.splitlines()
    assert "  + droplet   demo-nomad-client-2   s-1vcpu-1gb" in ran.out.splitlines()
    assert ran.out.splitlines()[-2:] == [  # 4 x $6, 4 x $0.00893: https://www.digitalocean.com/pricing/droplets
        "8 to create, 0 to update, 0 to replace",
        "adds $24.00 a month; the cluster then costs $24.00 a month ($0.036 an hour)",
    ]
    assert at("plan").code == 0
    ran = at("plan", "--json")
    check_answer(ran.json, "plan")
    assert [change["name"] for change in ran.json["changes"] if change["kind"] == "droplet"] == [
        node["name"] for node in ran.json["nodes"]
    ]
    check_answer(at("plan", "--json", "--offline").json, "plan")
    assert at.changing() == []
    assert at(*ACTIVE).code == 0
    ran = at("plan", "--exit-code")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "nothing to change: the cloud is as planned")


def test_a_dry_run_changes_nothing_at_all(at: CliHarness) -> None:
    ran = at("launch", "--dry-run", "--json")
    assert ran.code == 0
    check_answer(ran.json, "changes")
    assert len(ran.json["changes"]) == 8
    assert at.changing() == []
    assert not (at.folder / ".bakery").exists()


def test_launch_and_launch_again(at: CliHarness) -> None:
    ran = at(*ACTIVE, "--json")
    assert ran.code == 0
    check_answer(ran.json, "launch")
    assert sorted(droplet["name"] for droplet in ran.json["droplets"]) == NAMES
    assert (ran.json["created"], ran.json["healthy"]) == (4, False)
    assert ran.err.splitlines()[-2:] == [
        "demo is active: 4 droplets, 4 new",
        "next: bakery status",
    ]
    assert at.droplets() == NAMES

    at.forget()
    ran = at("launch", "--wait", "active", "--json")
    assert ran.code == 0, "without changes nobody needs to be asked"
    assert ran.json["created"] == 0
    assert at.changing() == []


def test_a_cluster_that_does_not_become_healthy(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKERY_DEADLINE_FACTOR", "0.02")
    ran = at("launch", "--yes", "--deadline", "1", "-f", "bakery.yaml")
    assert ran.code == 6
    assert ran.out == ""
    assert ran.err.splitlines()[-1].startswith("help: bakery status -f bakery.yaml ")


def test_one_role_to_a_count(launched: CliHarness) -> None:
    ran = launched(*ACTIVE, "--role", "nomad-client", "--count", "3")
    assert ran.code == 0
    assert launched.droplets() == sorted([*NAMES, "demo-nomad-client-3"])


def test_a_count_below_what_is_there_destroys_nothing(launched: CliHarness) -> None:
    ran = launched(*ACTIVE, "--role", "nomad-client", "--count", "1", "-f", "bakery.yaml")
    assert ran.code == 0
    advice = "to remove it: bakery destroy -f bakery.yaml --node demo-nomad-client-2"
    assert f"warning: demo-nomad-client-2 is not in the plan; {advice}" in ran.err.splitlines()
    ran = launched("launch", "--dry-run", "--role", "nomad-client", "--count", "1", "-f", "bakery.yaml", "--json")
    assert f"    demo-nomad-client-2 is not in the plan; {advice}" in ran.err.splitlines()
    assert ran.json["extra"] == ["demo-nomad-client-2"]
    assert launched.changing() == []
    assert launched.droplets() == NAMES


def test_status_where_nothing_was_launched_has_no_table_of_droplets(at: CliHarness) -> None:
    assert at("render", "--role", "nomad-client", "--join", "10.100.0.2", "-o", "rendered").code == 0
    ran = at("status")
    assert ran.code == 7
    assert "demo-consul-server-1  consul-server  missing" in ran.out
    assert "SNAPSHOT" not in ran.out
    assert "\n\n\n" not in ran.out


def test_status_of_droplets_without_agents(launched: CliHarness) -> None:
    ran = launched("status")
    assert ran.code == 7
    lines = ran.out.splitlines()
    assert lines[0] == "demo is not healthy: 0 of 4 nodes healthy, 15 of 16 conditions not met"
    first = next(number for number, line in enumerate(lines) if line.startswith("NODE "))
    rows = [line.split() for line in lines[first:]]
    assert rows[0] == [
        "NODE", "ROLE", "DROPLET", "PUBLIC", "PRIVATE", "CONSUL", "NOMAD", "VOTER", "HEALTHY", "EXPIRES",
        "DIFFERS",
    ]  # fmt: skip
    assert [row[0] for row in rows[1:5]] == [
        "demo-consul-server-1", "demo-nomad-server-1", "demo-nomad-client-1", "demo-nomad-client-2",
    ]  # fmt: skip
    assert {row[2] for row in rows[1:5]} == {"active"}
    assert rows[6][:3] == ["next:", "bakery", "launch"]
    ran = launched("status", "--json")
    assert ran.code == 7
    check_answer(ran.json, "status")
    assert ran.json["healthy"] is False
    assert launched.changing() == []


def test_env_and_its_undoing(launched: CliHarness) -> None:
    leave_operator_tokens(launched.folder)
    exports = launched("env").out.splitlines()
    values = dict(line.removeprefix("export ").split("=", 1) for line in exports if line.startswith("export "))
    assert values["CONSUL_HTTP_ADDR"].startswith("https://127.64.")
    assert values["CONSUL_HTTP_ADDR"].endswith(":8501")
    assert values["NOMAD_ADDR"].endswith(":4646")
    assert values["CONSUL_TLS_SERVER_NAME"] == "server.demo.consul"
    assert values["NOMAD_TLS_SERVER_NAME"] == "server.global.nomad"
    for name in ("CONSUL_CACERT", "CONSUL_CLIENT_CERT", "CONSUL_CLIENT_KEY", "NOMAD_CACERT", "NOMAD_CLIENT_KEY"):
        file = Path(values[name])
        assert file.is_absolute()
        assert file.stat().st_mode & 0o777 == 0o600
    (launched.folder / "bakery.yaml").unlink()
    unset = launched("env", "--unset").out.splitlines()
    assert {line.removeprefix("unset ") for line in unset if line.startswith("unset ")} == {
        *values, "BAKERY_ENV_PATH",
    }  # fmt: skip


def test_images(at: CliHarness) -> None:
    other = at.api.active(name="other")
    at.api.act(other["id"], "snapshot", name="holiday-photos")
    ran = at("images", "--json")
    check_answer(ran.json, "images")
    assert [(image["name"], image["current"]) for image in ran.json["images"]] == [("bakery-stand-in", True)]
    row = at("images").out.splitlines()[1].split()
    assert (row[1], row[2], row[-1]) == ("bakery-stand-in", "fra1", "yes")
    ran = at("images", "--tag", "--json")
    check_answer(ran.json, "images-tag")
    assert at("images", "--tag").out == ran.json["tag"] + "\n"


def test_an_unchanged_image_is_found_without_any_program(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(at.folder))
    ran = at("build-image", "--json")
    assert ran.code == 0, ran.err
    check_answer(ran.json, "build-image")
    assert ran.json["name"] == "bakery-stand-in"
    assert ran.err.splitlines()[0] == "bakery-stand-in already has this content; nothing to bake"
    assert at.changing() == []


def test_what_would_be_baked_is_shown_with_its_price(at: CliHarness) -> None:
    """The sizes' prices are the emulator's; the snapshot's is DigitalOcean's list price."""
    assert at("build-image", "--dry-run").out == "", "there is one"
    file = at.folder / "bakery.yaml"
    file.write_text(file.read_text() + "image: {nomad: 1.11.2}\n")
    ran = at("build-image", "--dry-run")
    assert (ran.code, ran.out) == (
        0,
        "  + snapshot  of debian-12-x64, Consul 1.22.5 and Nomad 1.11.2, in fra1\n"
        "baked on a droplet of size s-1vcpu-1gb ($0.009 an hour), deleted afterwards; "
        "a snapshot costs $0.06 per GB and month\n",
    )
    ran = at("build-image", "--dry-run", "--json")
    check_answer(ran.json, "build-image-dry-run")
    assert ran.json == {"bakes": True}
    assert at.changing() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--role", "consul-server", "--first"),
        ("--role", "nomad-client", "--join", "10.100.0.2", "--join", "10.100.0.3"),
        ("--role", "nomad-client", "--node", "demo-nomad-client-2", "--join", "10.100.0.2"),
    ],
    ids=["first", "join", "node"],
)
def test_render_gives_the_same_bytes_twice(at: CliHarness, arguments: tuple[str, ...]) -> None:
    first, second = at("render", *arguments, "-o", "one"), at("render", *arguments, "-o", "two", "--json")
    assert first.code == second.code == 0
    check_answer(second.json, "render")
    file = at.folder / first.out.strip()
    assert file.read_bytes() == (at.folder / second.json["file"]).read_bytes()
    assert file.read_text(encoding="utf-8").startswith("#cloud-config\n")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert file.stem == (arguments[3] if "--node" in arguments else arguments[1])
    assert at.changing() == []


def test_render_leaves_a_folder_of_the_users_as_it_is(at: CliHarness) -> None:
    (at.folder / "shared").mkdir(mode=0o755)
    (at.folder / "shared").chmod(0o755)
    assert at("render", "--role", "consul-server", "--first", "-o", "shared").code == 0
    assert (at.folder / "shared").stat().st_mode & 0o777 == 0o755
    assert (at.folder / "shared" / "consul-server.yaml").stat().st_mode & 0o777 == 0o600


def test_render_joins_the_cluster_that_runs(launched: CliHarness) -> None:
    ran = launched("render", "--role", "nomad-client", "-o", "out")
    assert ran.code == 0
    tags = "bakery:demo, bakery:demo:role:nomad-client, bakery:demo:gen:1, bakery:demo:config:[0-9a-f]{16}"
    assert re.search(f"with tags {tags};", ran.err)
    text = (launched.folder / "out" / "nomad-client.yaml").read_text(encoding="utf-8")
    droplets = launched.api.get("/v2/droplets?tag_name=bakery:demo:role:consul-server").json()["droplets"]
    private = [n["ip_address"] for n in droplets[0]["networks"]["v4"] if n["type"] == "private"]
    documents = [f for f in yaml.safe_load(text)["write_files"] if private[0] in str(f.get("content"))]
    assert documents != []


def test_credentials(launched: CliHarness) -> None:
    ran = launched("credentials", "--json")
    check_answer(ran.json, "credentials")
    bundle = find_bundle(paths_in(launched.folder))
    assert bundle is not None
    ca = x509.load_pem_x509_certificate(bundle.consul_ca.certificate.encode())
    shown = next(c for c in ran.json["certificates"] if c["name"] == "Consul CA")
    assert shown["not_after"] == f"{ca.not_valid_after_utc:%Y-%m-%d}"
    assert launched("credentials").out.splitlines()[0] == "CERTIFICATE  NOT AFTER   DAYS LEFT"


@pytest.mark.parametrize(("which", "subject"), [("consul", "Consul"), ("nomad", "Nomad")])
def test_browser_cert_can_be_imported(
    launched: CliHarness, monkeypatch: pytest.MonkeyPatch, which: str, subject: str
) -> None:
    (launched.folder / "password").write_text("canary-p12-password\n", encoding="utf-8")
    ran = launched("browser-cert", which, "--password-file", "password", "--json")
    assert ran.code == 0
    check_answer(ran.json, "browser-cert")
    file = launched.folder / ".bakery" / "demo" / f"demo-{which}.p12"
    assert ran.json["file"] == str(file)
    assert file.stat().st_mode & 0o777 == 0o600
    key, certificate, others = pkcs12.load_key_and_certificates(file.read_bytes(), b"canary-p12-password")
    assert key is not None
    assert certificate is not None
    assert subject.lower() in certificate.issuer.rfc4514_string().lower()
    assert len(others) == 1

    monkeypatch.setenv("BAKERY_P12_PASSWORD", "other")
    ran = launched("browser-cert", which)
    assert (ran.code, ran.err) == (
        2,
        f"error: {file} exists\nhelp: --force replaces it, -o FILE writes another\n",
    )
    assert launched("browser-cert", which, "--force").code == 0
    assert pkcs12.load_key_and_certificates(file.read_bytes(), b"other")[0] is not None
    ran = launched("browser-cert", which, "-o", "none/x.p12")
    assert ran.err.startswith("error: cannot write none/x.p12\n")


def test_a_colleagues_network_is_added_and_removed(launched: CliHarness) -> None:
    """The operator's own stays; the file and the firewalls have the same networks, also after the same again."""
    file, colleague = launched.folder / "bakery.yaml", "203.0.113.7/32"
    file.write_text(file.read_text() + "access: {admin_cidrs: [auto]}\n")
    before = file.read_text()
    dry = launched("access", "add", colleague, "--dry-run")
    assert (dry.code, file.read_text()) == (0, before)
    added = launched("access", "add", colleague, "--yes", "--json")
    check_answer(added.json, "access-refresh")
    assert added.json["admin_cidrs"] == ["127.64.0.2/32", colleague]
    assert added.json["changed"] != []
    assert file.read_text() == before.replace("[auto]", f"[auto, {colleague}]")
    again = launched("access", "add", colleague, "--yes", "--json")
    assert (again.code, again.json["changed"]) == (0, [])
    assert launched("access", "refresh", "--json").json["changed"] == []
    removed = launched("access", "remove", colleague, "--yes", "--json")
    assert removed.json["admin_cidrs"] == ["127.64.0.2/32"]
    assert file.read_text() == before
    for words, message in {
        ("remove", colleague): f"error: {colleague} is not in access.admin_cidrs\n",
        ("remove", "auto"): "error: auto is the only network in access.admin_cidrs",
        ("add", "0.0.0.0/0"): "error: CIDR 0.0.0.0/0 would open the APIs to everyone\n",
        ("add", "10.0.0.1"): "error: CIDR 10.0.0.1",
    }.items():
        ran = launched("access", *words, "--yes")
        assert ran.code == 2
        assert ran.err.startswith(message), ran.err
    assert file.read_text() == before


LOCKED_OUT = "warning: 127.64.0.2/32, your own address, is in none of the networks that remain"


def test_before_the_operators_own_address_is_removed_a_warning_says_so(launched: CliHarness) -> None:
    file = launched.folder / "bakery.yaml"
    text = file.read_text()
    file.write_text(f"{text}access: {{admin_cidrs: [auto, 203.0.113.7/32]}}\n")
    assert LOCKED_OUT not in launched("access", "remove", "203.0.113.7/32", "--dry-run").err
    assert LOCKED_OUT in launched("access", "remove", "auto", "--dry-run").err
    file.write_text(f"{text}access: {{admin_cidrs: [auto, 127.64.0.0/24]}}\n")
    assert LOCKED_OUT not in launched("access", "remove", "auto", "--dry-run").err, "the network has the address"
    assert launched("access", "remove", "auto", "--dry-run").code == 0


def test_access_follows_the_operator(launched: CliHarness) -> None:
    ran = launched("access", "refresh", "--json")
    check_answer(ran.json, "access-refresh")
    assert ran.json == {"admin_cidrs": ["127.64.0.2/32"], "changed": []}
    assert launched.changing() == []
    moved = ("access", "refresh", "--admin-cidr", "203.0.113.7/32")
    ran = launched(*moved, "--dry-run")
    assert [line.rpartition("-")[0] for line in ran.out.splitlines()] == [
        "  ~ firewall demo-consul-server",
        "  ~ firewall demo-nomad-server",
    ], "each with the launch's id at its end"
    ran = launched(*moved)
    assert ran.code == 2, "nobody is there to be asked"
    assert ran.err.endswith("help: add --yes\n")
    assert launched.changing() == []
    ran = launched(*moved, "--yes", "--json")
    assert ran.code == 0
    check_answer(ran.json, "access-refresh")
    assert len(ran.json["changed"]) == 2, "the servers' firewalls, and not the clients'"
    rules = json.dumps(launched.api.get("/v2/firewalls").json())
    assert "203.0.113.7/32" in rules
    assert "127.64.0.2/32" not in rules
    both = launched(*moved, "--admin-cidr", "auto", "--yes", "--json")
    assert both.json["admin_cidrs"] == ["203.0.113.7/32", "127.64.0.2/32"], "auto as in the file"


@pytest.mark.parametrize("answer", ["--yes", "--confirm=demo"])
def test_destroy(launched: CliHarness, answer: str) -> None:
    ran = launched("destroy", "--dry-run", "--json")
    check_answer(ran.json, "destroy")
    assert sorted(ran.json["droplets"]) == NAMES
    assert [kept["name"] for kept in ran.json["kept"]] == ["bakery-stand-in"]
    assert launched.changing() == []
    assert launched.droplets() == NAMES

    ran = launched("destroy")
    assert (ran.code, ran.err.splitlines()[-2:]) == (
        2,
        [
            "error: this needs an answer, and stdin or stderr is not a terminal",
            "help: add --yes, or --confirm demo",
        ],
    )
    assert launched.changing() == []

    ran = launched("destroy", answer, "--json")
    assert ran.code == 0, ran.err
    check_answer(ran.json, "destroy")
    assert launched.droplets() == []
    assert launched.api.get("/v2/firewalls").json()["firewalls"] == []
    assert [vpc for vpc in launched.api.get("/v2/vpcs").json()["vpcs"] if "demo" in vpc["name"]] == []
    assert len(launched.api.get("/v2/images?private=true").json()["images"]) == 1
    assert launched("destroy", "--yes").err.splitlines()[0] == "cluster demo has no resources here"
    assert (launched.folder / ".bakery" / "demo" / "bundle.json").exists(), "the credentials stay"


def test_destroy_with_snapshots(launched: CliHarness) -> None:
    ran = launched("destroy", "--yes", "--snapshots", "--json")
    assert ran.json["snapshots"] == ["bakery-stand-in"]
    assert launched.api.get("/v2/images?private=true").json()["images"] == []


def test_destroy_one_node(launched: CliHarness) -> None:
    ran = launched("destroy", "--node", "demo-nomad-client-2", "--dry-run", "--json")
    check_answer(ran.json, "destroy")
    assert launched.changing() == []
    ran = launched("destroy", "--node", "demo-nomad-client-2", "--yes")
    assert ran.code == 0
    assert launched.droplets() == [name for name in NAMES if name != "demo-nomad-client-2"]
    server = ("destroy", "--node", "demo-consul-server-1", "--yes")
    ran = launched(*server)
    assert (ran.code, ran.err.splitlines()[-2:]) == (
        2,
        [
            "error: whether Consul would keep its quorum without demo-consul-server-1 cannot be asked:"
            " no server of it sees a leader",
            "help: bakery status; to destroy it all the same: --accept-quorum-loss demo-consul-server-1",
        ],
    )
    assert len(launched.droplets()) == 3
    assert launched(*server, "--accept-quorum-loss", "demo-consul-server-1").code == 0
    assert launched.droplets() == ["demo-nomad-client-1", "demo-nomad-server-1"]


def test_gc_lists_and_then_removes(at: CliHarness) -> None:
    assert at("gc").err == "nothing to delete\n"
    at.api.post("/v2/tags", {"name": "bakery:build:0123456789ab"})
    at.api.create(name="bakery-0123456789ab", tags=["bakery:build:0123456789ab"])
    at.api.settle()
    at.forget()
    assert at("gc").err == "nothing to delete\n", "it is young: a bake may be at work"
    ran = at("gc", "--older-than", "0", "--json")
    check_answer(ran.json, "gc")
    assert ran.json["orphans"] == [
        {"kind": "droplet", "name": "bakery-0123456789ab"},
        {"kind": "tag", "name": "bakery:build:0123456789ab"},
    ]
    assert at.changing() == []
    assert at("gc", "--older-than", "0", "--delete").code == 2, "there is nobody to ask"
    assert at.changing() == []
    assert at("gc", "--older-than", "0", "--delete", "--yes").code == 0
    assert at.api.get("/v2/droplets").json()["droplets"] == []


def test_gc_sweeps_what_a_killed_bake_recorded(at: CliHarness) -> None:
    """The record names the build and the account, so its droplet's age does not matter."""
    account = at.api.get("/v2/account").json()["account"]["uuid"]
    builds = at.folder.parent / "home" / "state" / "bakery" / "builds"
    builds.mkdir(parents=True)
    (builds / "0123456789ab.build").write_text(account, encoding="utf-8")
    (builds / "feedfeedfeed.build").write_text("another account", encoding="utf-8")
    at.api.post("/v2/tags", {"name": "bakery:build:0123456789ab"})
    at.api.create(name="bakery-0123456789ab", tags=["bakery:build:0123456789ab"])
    at.api.settle()
    at.forget()
    ran = at("gc", "--json")
    check_answer(ran.json, "gc")
    assert ran.json["orphans"] == [{"kind": "build", "name": "bakery-0123456789ab"}]
    assert at.changing() == []
    assert at("gc", "--delete", "--yes").code == 0
    assert at.api.get("/v2/droplets").json()["droplets"] == []
    assert [file.name for file in builds.glob("*.build")] == ["feedfeedfeed.build"]


def test_gc_leaves_alone_what_a_running_bake_recorded(at: CliHarness) -> None:
    import filelock

    account = at.api.get("/v2/account").json()["account"]["uuid"]
    builds = at.folder.parent / "home" / "state" / "bakery" / "builds"
    builds.mkdir(parents=True)
    (builds / "0123456789ab.build").write_text(account, encoding="utf-8")
    with filelock.FileLock(builds / "builds.lock"):
        assert at("gc", "--json").json["orphans"] == []
        assert at("gc", "--delete", "--yes").code == 0
    assert (builds / "0123456789ab.build").exists()
    ended = at("gc", "--json").json["orphans"]
    assert ended == [{"kind": "build", "name": "bakery-0123456789ab"}], "control: it has ended"


def test_doctor_names_what_is_missing(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(at.folder))
    ran = at("doctor", "--json", "-f", "bakery.yaml")
    assert ran.code == 0, "what the next command makes is not a failure"
    check_answer(ran.json, "doctor")
    assert {check["name"]: check["state"] for check in ran.json["checks"]} == {
        "cluster file": "pass",
        "token": "pass",
        "clock": "pass",
        "droplet limit": "pass",
        "programs": "not_yet",
        "versions": "pass",
        "snapshot": "pass",
        "certificates": "not_yet",
        "locks": "pass",
        "state folder": "pass",
        "strangers": "pass",
        "keyrings": "pass",
        "node certs": "pass",
        "HCSEC-2026-25": "warn",
    }
    checks = {check["name"]: check for check in ran.json["checks"]}
    certificates, strangers = checks["certificates"], checks["strangers"]
    keyrings, node_certs = checks["keyrings"], checks["node certs"]
    assert "bakery launch -f bakery.yaml" in certificates["remedy"]
    not_checked = {check["message"] for check in (strangers, keyrings, node_certs)}
    assert not_checked == {"not checked: demo has no droplets"}
    at.write("version: 1\n")
    ran = at("doctor")
    assert ran.code == 7
    assert [line[:7].strip() for line in ran.out.splitlines() if not line.startswith(" ")] == [
        "STATE",
        "FAIL",
        "pass",
        "pass",
        "not yet",
    ]
    assert at.changing() == []


def test_doctor_fixes_what_is_harmless(launched: CliHarness) -> None:
    folder = launched.folder / ".bakery" / "demo"
    owner = folder / "lock.owner"
    owner.write_text(json.dumps({"pid": 2**22 + 1, "host": socket.gethostname(), "started": "noon"}))
    owner.chmod(0o600)
    (folder / "journal.json").chmod(0o644)

    def states(*arguments: str) -> dict[str, str]:
        shown = launched("doctor", "--json", *arguments).json["checks"]
        return {check["name"]: check["state"] for check in shown if check["name"] in ("locks", "state folder")}

    assert states() == {"locks": "warn", "state folder": "warn"}
    assert owner.exists(), "control: looking changes nothing"
    assert states("--fix") == {"locks": "pass", "state folder": "pass"}
    assert not owner.exists()
    assert (folder / "journal.json").stat().st_mode & 0o777 == 0o600
    assert launched.changing() == []


def test_doctor_leaves_the_lock_of_a_living_process(launched: CliHarness) -> None:
    owner = launched.folder / ".bakery" / "demo" / "lock.owner"
    owner.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "started": "noon"}))
    launched("doctor", "--fix")
    assert owner.exists()


def test_doctor_counts_the_droplets_that_the_account_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cli_harness(tmp_path, monkeypatch, settings=replace(LOOPBACK, droplet_limit=3)) as at:
        shown = {check["name"]: check for check in at("doctor", "--json").json["checks"]}
    limit = shown["droplet limit"]
    message = "with the whole cluster the account has 4 droplets, and may have 3"
    assert (limit["state"], limit["message"]) == ("fail", message)


def test_doctor_asks_the_cluster_who_is_in_it(launched: CliHarness) -> None:
    def checks() -> dict[str, tuple[bool, str, str | None]]:
        shown = launched("doctor", "--json").json["checks"]
        return {check["name"]: (check["passed"], check["message"], check["remedy"]) for check in shown}

    unanswered = (False, "not known: there is no leader", "bakery status")
    assert checks()["strangers"] == unanswered, "droplets in memory have no agents"
    assert checks()["keyrings"] == (False, "not checked, for the same reason: see strangers", None), (
        "each cause once"
    )
    shutil.rmtree(launched.folder / ".bakery")
    not_asked = (True, "not checked: there are no credentials of demo here", None)
    assert checks()["strangers"] == checks()["keyrings"] == not_asked
    assert launched.changing() == []


def test_local_means_the_running_emulator(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DIGITALOCEAN_API_URL", "DIGITALOCEAN_TOKEN", "BAKERY_ADDRESS_URL"):
        monkeypatch.delenv(name)
    at.announce()
    ran = at("--local", "launch", "--yes", "--wait", "active")
    assert ran.code == 0, ran.err
    assert ran.err.splitlines()[-1] == "next: bakery status --local"
    assert at.droplets() == NAMES


def test_errors_are_what_their_schema_says(at: CliHarness) -> None:
    at.write("version: 1\nclustre: demo\n")
    for arguments in (("plan",), ("lunch",), ("-f", "none", "plan"), ("access", "refresh", "--admin-cidr", "x")):
        ran = at(*arguments, "--json")
        assert ran.code == 2
        check_answer(json.loads(ran.err), "error")
