"""An emulator whose droplets are in memory: what cannot be had there is refused at once, with what to do."""

import os
import time
from collections.abc import Iterator

import pytest

from bakery.emulator.daemon import lifecycle
from bakery.emulator.daemon.folder import EmulatorOptions, EmulatorRecord, emulator_dir
from bakery.emulator.host.process import start_time
from tests.helpers.cli import SMALL, CliHarness
from tests.helpers.ports import free_port

pytestmark = pytest.mark.integration

ACTIVE = ("launch", "--wait", "active", "--yes")
WORK = "==> an empty snapshot in place of a baked one\n"
REFUSED = (
    "error: nothing can be baked in fra1: the region has no metadata service\n"
    "  the build droplet gets Packer's SSH key from it; without it Packer would wait for SSH until its time-out\n"
    "help: on an emulator with droplets in memory: bakery emulator stand-in makes an empty snapshot instead\n"
)


@pytest.fixture
def memory(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatorRecord]:
    """A process of its own, without any snapshot, which --local finds."""
    monkeypatch.setenv("BAKERY_EMULATOR", "memory")
    yield lifecycle.up(EmulatorOptions(name="memory", port=free_port(), machines="memory"))
    lifecycle.down("memory")


def changing(memory: EmulatorRecord) -> list[str]:
    requests = lifecycle.ask(memory, "/_emulator/requests")["requests"]
    return [f"{r['method']} {r['path']}" for r in requests if r["method"] != "GET" and r["path"].startswith("/v2")]


def test_a_bake_without_boots_is_refused_at_once(at: CliHarness, memory: EmulatorRecord) -> None:
    """Packer would wait ten minutes for SSH. Nor is a program looked for: none is needed to say no."""
    started = time.monotonic()
    for arguments in (("--yes",), ("--dry-run",)):
        ran = at("build-image", "--local", *arguments)
        assert (ran.code, ran.out, ran.err) == (
            2, "", REFUSED.replace("stand-in makes", "stand-in --local makes"),
        )  # fmt: skip
    assert changing(memory) == []
    assert time.monotonic() - started < 60


def test_the_account_of_an_emulator_that_boots_can_bake(at: CliHarness) -> None:
    """The control: with the metadata service in its regions the same command goes on."""
    file = at.folder / "bakery.yaml"
    file.write_text(file.read_text() + "image: {nomad: 1.11.2}\n")
    ran = at("build-image", "--dry-run")
    assert ran.code == 0, ran.err


def test_a_stand_in_lets_a_launch_in_memory_go_on(at: CliHarness, memory: EmulatorRecord) -> None:
    assert at("launch", "--local", "--yes", "--wait", "active").code == 2, "control: there is no snapshot yet"
    ran = at("emulator", "stand-in")
    assert ran.code == 0, ran.err
    said = WORK + "created the empty snapshot bakery-stand-in (id {}) in fra1, in place of a baked one\n"
    number = at("images", "--local", "--json").json["images"][0]["id"]
    assert ran.err == said.format(number)
    made = changing(memory)
    again = at("emulator", "stand-in", "--json")
    assert again.json == {"id": number, "name": "bakery-stand-in", "made": False}
    assert changing(memory) == made
    assert at("build-image", "--local", "--json").json["id"] == number
    ran = at("launch", "--local", "--yes", "--wait", "active")
    assert ran.code == 0, ran.err
    status = lifecycle.status(memory)
    assert (status["droplets"], status["running"]) == (4, 4), "its own droplet is gone"


@pytest.fixture
def launched(at: CliHarness, memory: EmulatorRecord) -> CliHarness:
    assert at("emulator", "stand-in").code == 0
    assert at("--local", *ACTIVE).code == 0
    return at


NO_AGENTS = "error: droplets in memory do not boot, so no node runs Consul or Nomad\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("env",),
        ("env", "--management"),
        ("ui", "--no-open"),
        ("consul", "members"),
        ("nomad", "status"),
        ("logs", "demo-nomad-client-1"),
        ("logs", "demo-consul-server-1"),
        ("credentials", "list"),
        ("replace", "demo-nomad-client-1", "--yes"),
        ("scale", "nomad-client=1", "--yes"),
        ("upgrade", "--dry-run"),
    ],
    ids=" ".join,
)
def test_what_needs_an_agent_says_at_once_that_there_is_none(
    launched: CliHarness, memory: EmulatorRecord, arguments: tuple[str, ...]
) -> None:
    before = changing(memory)
    ran = launched("--local", *arguments)
    assert (ran.code, ran.err) == (
        2, f"{NO_AGENTS}help: an emulator whose droplets boot (needs root): bakery demo\n"
    )  # fmt: skip
    assert changing(memory) == before


def test_an_upgrade_with_a_bake_names_the_agents_and_not_the_bake(launched: CliHarness) -> None:
    launched.write(SMALL + "image: {nomad: 1.11.3}\n")
    assert launched("--local", "build-image", "--dry-run").err.startswith("error: nothing can be baked"), "control"
    assert launched("--local", "upgrade", "--dry-run").err.startswith(NO_AGENTS)


@pytest.mark.parametrize(
    "arguments", [("launch", "--yes"), ("launch", "--dry-run"), ("scale", "nomad-client=3", "--yes")], ids=" ".join
)
def test_a_launch_does_not_wait_for_what_cannot_come(
    launched: CliHarness, memory: EmulatorRecord, arguments: tuple[str, ...]
) -> None:
    before, file = changing(memory), (launched.folder / "bakery.yaml").read_text(encoding="utf-8")
    ran = launched("--local", *arguments)
    assert ran.code == 2
    assert "no node runs Consul or Nomad, and the cluster cannot become healthy" in ran.out + ran.err
    assert "bakery launch --local --wait active" in ran.out + ran.err
    assert changing(memory) == before
    assert (launched.folder / "bakery.yaml").read_text(encoding="utf-8") == file


def test_a_plan_names_the_launch_that_works_there(launched: CliHarness) -> None:
    """It is no failure: which nodes there will be does not depend on agents."""
    warning = (
        "droplets in memory do not boot, so no node runs Consul or Nomad; the launch that works there: "
        "bakery launch --local --wait active"
    )
    ran = launched("--local", "plan", "--exit-code")
    assert (ran.code, ran.err) == (0, f"warning: {warning}\n")
    assert "cannot be launched" not in ran.out
    shown = launched("--local", "plan", "--json").json
    assert (shown["warnings"], shown["cannot"]) == ([warning], [])
    assert launched("--local", "plan", "--offline").err == "", "control: a plan that does not ask the account"


def test_status_and_doctor_do_not_send_one_to_a_launch(launched: CliHarness) -> None:
    ran = launched("--local", "status")
    assert ran.code == 7
    assert ran.out.endswith("\n\ndroplets in memory do not boot, so no node runs Consul or Nomad\n")
    assert "next:" not in ran.out
    checks = launched("--local", "doctor").out
    assert checks.count("not checked: droplets in memory do not boot") == 3
    assert "FAIL" not in checks


def test_a_stand_in_follows_the_cluster_file(at: CliHarness, memory: EmulatorRecord) -> None:
    other = at.write("version: 1\ncluster: other\nregion: ams3\nimage: {nomad: 1.11.2}\n", "other.yaml")
    assert at("emulator", "stand-in", "-f", str(other)).code == 0
    (image,) = at("images", "--local", "-f", str(other), "--json").json["images"]
    assert (image["regions"], image["current"]) == (["ams3"], True)
    assert at("images", "--local", "--json").json["images"][0]["current"] is False


def test_what_the_emulator_will_not_make_is_its_own_sentence(at: CliHarness, memory: EmulatorRecord) -> None:
    at.write("version: 1\ncluster: other\nregion: fra9\n", "other.yaml")
    ran = at("emulator", "stand-in", "-f", "other.yaml")
    assert ran.code == 2
    assert ran.err.startswith(f"{WORK}error: the emulator created no stand-in snapshot\n")
    assert "fra9" in ran.err or "region" in ran.err


def test_where_droplets_boot_a_stand_in_is_refused(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A launch from it would boot a bare Debian that never becomes a node."""
    pid = os.getpid()
    emulator_dir("boots").write(
        EmulatorRecord(
            name="boots", endpoint="http://127.0.0.1:1", token="t", address_url="", machines="nspawn",
            public_range="198.18.0.0/15", id="test", pid=pid, started=start_time(pid) or 0, ready=True,
        )
    )  # fmt: skip
    ran = at("emulator", "stand-in", "--name", "boots")
    assert (ran.code, ran.err) == (
        2,
        "error: droplets of the emulator boots boot, and an empty snapshot cannot become a node\n"
        "help: bake a real one: bakery build-image --local\n",
    )


def test_up_names_the_commands_that_work_there(at: CliHarness, memory: EmulatorRecord) -> None:
    (at.folder / "bakery.yaml").unlink()
    ran = at("emulator", "up", "--name", "memory")
    assert ran.err.splitlines()[-5:] == [
        "next: export BAKERY_EMULATOR=memory",
        "      bakery init --local",
        "      bakery emulator stand-in",
        "      bakery launch --local --wait active",
        'for other programs: eval "$(bakery emulator env)"',
    ]
    for command in (
        ("init", "--cluster", "demo"), ("emulator", "stand-in"), ("--local", *ACTIVE),
    ):  # fmt: skip
        assert at(*command).code == 0
    ran = at("emulator", "up", "--name", "memory")
    assert ran.err.splitlines()[-4:-1] == [
        "next: export BAKERY_EMULATOR=memory",
        "      bakery emulator stand-in",
        "      bakery launch --local --wait active",
    ]


def test_nothing_sends_one_to_a_bake(at: CliHarness, memory: EmulatorRecord) -> None:
    """A bake in memory is refused, so init, plan and doctor name the stand-in."""
    (at.folder / "bakery.yaml").unlink()
    ran = at("init", "--local", "--cluster", "demo")
    assert ran.err.splitlines()[-1] == (
        "next: bakery plan --local, bakery emulator stand-in --local, bakery launch --local --wait active"
    )
    assert "help: bakery emulator stand-in --local" in at("--local", "plan").out
    snapshot = next(c for c in at("--local", "doctor", "--json").json["checks"] if c["name"] == "snapshot")
    assert snapshot["remedy"] == "bakery emulator stand-in --local"
