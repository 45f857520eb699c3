"""Settings of the cluster file on the command line: checked by the real programs, shown, and refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bakery.config.defaults import TESTED_NOMAD_VERSION
from tests.helpers.cli import SMALL, CliHarness, cli_harness
from tests.helpers.tools import require_tool

pytestmark = pytest.mark.integration

LAUNCH = ("launch", "--yes", "--wait", "active")
DOCKER = """\
docker:
  registries:
    registry.example.com: {username: ci, password_env: REGISTRY_PASSWORD}
  ulimits: {nofile: 4096, memlock: -1}
"""


def small(client: str = "", server: str = "") -> str:
    """The small cluster, of the tested versions; the mapping of nomad-client is in line 6."""
    text = SMALL.replace("nomad-client: {count: 2, size: s-1vcpu-1gb", f"nomad-client: {{count: 2{client}")
    text = text.replace("nomad-server: {count: 1, size: s-1vcpu-1gb", f"nomad-server: {{count: 1{server}")
    return f"{text}image: {{nomad: {TESTED_NOMAD_VERSION}}}\n"


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliHarness]:
    """With the programs of the toolchain in BAKERY_TOOLCHAIN_DIR."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("consul", "nomad"):
        (tools / name).symlink_to(require_tool(name))
    with cli_harness(tmp_path, monkeypatch) as made:
        monkeypatch.setenv("BAKERY_TOOLCHAIN_DIR", str(tools))
        yield made


@pytest.mark.parametrize("command", [("validate",), ("plan", "--offline"), LAUNCH], ids=lambda words: words[0])
def test_a_key_that_nomad_does_not_know_is_refused_by_nomad_itself(
    at: CliHarness, command: tuple[str, ...]
) -> None:
    at.write(small(client=", nomad: {client: {gc_max_alocs: 5}}"))
    ran = at(*command)
    assert ran.code == 2
    assert "nomad 1.11.3 refuses roles.nomad-client.nomad: " in ran.err
    assert "bakery.yaml:6:28" in ran.err
    assert "unexpected keys gc_max_alocs" in ran.err
    assert at.changing() == []
    assert not (at.folder / ".bakery" / "demo" / "bundle.json").exists()


def test_a_value_that_consul_does_not_take_is_refused_by_consul_itself(at: CliHarness) -> None:
    at.write(small(server=", consul: {performance: {raft_multiplier: 40}}"))
    ran = at("validate")
    assert ran.code == 2
    assert "consul 1.22.5 refuses roles.nomad-server.consul: " in ran.err
    assert "bakery.yaml:5:28" in ran.err
    assert "raft_multiplier" in ran.err


def test_a_mapping_in_the_place_of_a_value_is_refused_with_its_place(at: CliHarness) -> None:
    at.write(small(client=", nomad: {log_level: {a: 1}}"))
    ran = at("plan", "--offline")
    assert ran.code == 2
    assert "roles.nomad-client.nomad.log_level must be a value such as 'INFO'" in ran.err
    assert "bakery.yaml:6:28" in ran.err


def test_what_the_programs_take_is_valid(at: CliHarness) -> None:
    """Control: the same keys, spelled right."""
    at.write(
        small(
            client=", nomad: {client: {gc_max_allocs: 5}}",
            server=", consul: {performance: {raft_multiplier: 4}}, nomad: {server: {heartbeat_grace: 20s}}",
        )
    )
    ran = at("validate")
    assert (ran.code, "is not checked" in ran.err) == (0, False)


def test_without_the_program_the_check_is_left_out_and_the_user_is_told(
    at: CliHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BAKERY_TOOLCHAIN_DIR")
    monkeypatch.setenv("PATH", "/nowhere")
    at.write(small(client=", nomad: {client: {gc_max_allocs: 5}}"))
    ran = at("validate")
    assert ran.code == 0
    assert "roles.nomad-client.nomad is not checked: nomad 1.11.3 is not on this machine" in ran.err


def test_without_a_registrys_credentials_nothing_is_made(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    at.write(SMALL + DOCKER)
    shown = at("plan", "--json")
    assert shown.code == 3
    assert [(each["code"], each["hint"]) for each in shown.json["cannot"]] == [
        ("registry_credentials", "export REGISTRY_PASSWORD=…")
    ]
    ran = at(*LAUNCH)
    assert ran.code == 3
    assert (
        "docker.registries.registry.example.com.password_env names REGISTRY_PASSWORD, which is empty or not set"
        in ran.err
    )
    assert "export REGISTRY_PASSWORD=…" in ran.err
    assert at.droplets() == []
    assert [path for _, path in at.changing() if not path.startswith("/v2/account/keys")] == []
    monkeypatch.setenv("REGISTRY_PASSWORD", "canary-password")
    assert at(*LAUNCH).code == 0
    monkeypatch.delenv("REGISTRY_PASSWORD")
    assert at(*LAUNCH).code == 0, "without a new client nothing is read"


def test_plan_and_launch_refuse_for_the_same_reasons(at: CliHarness) -> None:
    """Obstacles of two kinds, in the account and on this machine: both are named, before the question."""
    at.write((SMALL + DOCKER).replace("size: s-1vcpu-1gb}", "size: s-9vcpu-1gb}", 1))
    shown = at("plan", "--json")
    codes = [each["code"] for each in shown.json["cannot"]]
    assert (shown.code, "registry_credentials" in codes, len(codes)) == (3, True, 2)
    ran = at("launch")
    assert ran.code == 3
    for each in shown.json["cannot"]:
        assert each["message"] in ran.err
    assert at.changing() == []


def test_plan_shows_the_settings_without_merged_values(at: CliHarness) -> None:
    """A merged value may be a secret, such as a token of Vault."""
    (at.folder / "a.sh").write_text("#!/bin/sh\ntrue\n")
    own = ", ".join(
        (
            ", meta: {rack: a1}",
            "node_class: fast",
            "host_volumes: {data: {path: /srv/data}, log: {path: /var/log, read_only: true}}",
            "nomad: {client: {gc_max_allocs: 5}, log_level: DEBUG}",
            "user_data: [a.sh]",
        )
    )
    at.write(small(client=own) + DOCKER)
    rows = [
        ("roles.nomad-client.meta", "rack=a1"),
        ("roles.nomad-client.node_class", "fast"),
        ("roles.nomad-client.host_volumes", "data: /srv/data, log: /var/log (read-only)"),
        ("roles.nomad-client.nomad", "client.gc_max_allocs, log_level"),
        ("roles.nomad-client.user_data", "a.sh (15 bytes)"),
        ("docker.registries", "registry.example.com"),
        ("docker.ulimits", "nofile=4096, memlock=-1"),
    ]
    shown = at("plan", "--offline", "--json").json
    assert [(each["name"], each["value"]) for each in shown["settings"]] == rows
    text = at("plan", "--offline").out
    assert [value for _, value in rows if value not in text] == []
    assert "DEBUG" not in text


def test_the_mesh_is_shown_and_running_nodes_get_it_from_a_roll(at: CliHarness) -> None:
    assert at(*LAUNCH).code == 0
    before = at("plan", "--json").json
    at.write(f"{SMALL}mesh: true\n")
    shown = at("plan", "--json").json
    text = "Consul's gRPC on 127.0.0.1:8503 of Nomad clients, no other port"
    assert [(each["name"], each["value"]) for each in shown["settings"]] == [("mesh", text)]
    assert shown["firewalls"] == before["firewalls"]
    names = "demo-nomad-server-1, demo-nomad-client-1, demo-nomad-client-2"
    assert f"{names}: configured differently from a new droplet; only new" in at("plan").out


def test_changed_settings_are_seen_by_plan_and_the_cloud_firewall_is_updated(at: CliHarness) -> None:
    assert at(*LAUNCH).code == 0
    at.write(SMALL.replace("{count: 2,", "{count: 2, ports: [80/tcp, 8080/tcp from vpc], meta: {rack: a1},"))
    ran = at("plan")
    assert (
        "its rules differ from the plan: adds tcp 80 from 0.0.0.0/0, ::/0; adds tcp 8080 from 10.100.0.0/20"
        in ran.out
    )
    line = "demo-nomad-client-1, demo-nomad-client-2: configured differently from a new droplet; only new"
    assert line in ran.out
    assert at("plan", "--exit-code").code == 10
    assert at(*LAUNCH).code == 0
    (firewall,) = [
        each
        for each in at.api.get("/v2/firewalls?per_page=100").json()["firewalls"]
        if each["name"].startswith("demo-nomad-client")
    ]
    opened = {rule["ports"]: rule["sources"]["addresses"] for rule in firewall["inbound_rules"]}
    assert opened["80"] == ["0.0.0.0/0", "::/0"]
    assert opened["8080"] == ["10.100.0.0/20"]
    assert line in at("plan").out, "the droplets are the old ones"
