"""Which cloud a command goes to: said before it changes anything, remembered, and no other one without a flag."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Network
from urllib.parse import urlsplit

import pexpect
import pytest

from bakery.emulator.daemon import lifecycle
from bakery.emulator.daemon.folder import (
    EmulatorOptions,
    EmulatorRecord,
    MachineKind,
    emulator_dir,
    is_alive,
    new_emulator,
)
from bakery.emulator.network.plan import MEMORY_RANGE
from bakery.wait import Pending, wait_until
from tests.helpers.cli import BAKERY, CliHarness
from tests.helpers.cli_schemas import check_answer
from tests.helpers.emulated import LOOPBACK, Api, emulated
from tests.helpers.ports import free_port

pytestmark = pytest.mark.integration

ACTIVE = ("launch", "--yes", "--wait", "active")
TEAM = "00000000-0000-4000-8000-0000000000aa"


def _line(at: CliHarness) -> str:
    host = at.api.url.removeprefix("http://")
    return f"on {host}, account operator@emulator.invalid, team Emulator"


@contextmanager
def _another(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """Commands go to another emulator, with another account, while the first still runs."""
    with emulated(replace(LOOPBACK, team_uuid=TEAM, team_name="Other")) as other, monkeypatch.context() as patch:
        patch.setenv("DIGITALOCEAN_API_URL", other.url)
        patch.setenv("BAKERY_ADDRESS_URL", f"{other.url}/_emulator/address")
        CliHarness(folder=at.folder, api=other).bake()
        yield other


def test_the_cloud_is_named_where_the_state_is_shown(at: CliHarness) -> None:
    assert at(*ACTIVE).code == 0
    line = _line(at)
    assert line in at("plan").out.splitlines()
    assert line in at("launch", "--dry-run").out.splitlines()
    assert line in at("status").err.splitlines()
    assert line.removeprefix("on ") + " accepts the token; up to 10000 droplets" in at("doctor").out
    for arguments, schema in ((("plan",), "plan"), (("launch", "--dry-run"), "changes"), (("status",), "status")):
        answer = at(*arguments, "--json").json
        check_answer(answer, schema)
        assert answer["cloud"]["endpoint"] == at.api.url
    assert "account" not in at("plan", "--offline").out


@pytest.mark.parametrize(
    ("arguments", "question"),
    [
        (("launch", "--role", "nomad-client", "--count", "3"), "make these changes?"),
        (("destroy",), "type the cluster's name"),
        (("destroy", "--node", "demo-nomad-client-2"), r"destroy demo-nomad-client-2\?"),
        (("access", "refresh", "--admin-cidr", "203.0.113.7/32"), "change these?"),
        (("gc", "--older-than", "0", "--delete"), "delete these"),
        (("build-image", "-f", "other.yaml"), "bake it?|error:"),  # where Packer is not there
    ],
)
def test_the_cloud_is_named_before_each_question(
    at: CliHarness, arguments: tuple[str, ...], question: str
) -> None:
    assert at(*ACTIVE).code == 0
    text = (at.folder / "bakery.yaml").read_text(encoding="utf-8")
    at.write(text + "image: {base: debian-13-x64}\n", "other.yaml")
    at.api.post("/v2/tags", {"name": "bakery:build:0123456789ab"})
    child = pexpect.spawn(str(BAKERY), [*arguments, "--quiet"], encoding="utf-8", timeout=60, dimensions=(50, 200))
    child.expect(question)
    assert _line(at) in child.before
    child.sendline("n")
    child.expect(pexpect.EOF)
    child.close()


def test_another_account_is_refused_until_somebody_insists(
    at: CliHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert at(*ACTIVE).code == 0
    kept = json.loads((at.folder / ".bakery" / "demo" / "cloud.json").read_text(encoding="utf-8"))
    assert kept["endpoint"] == at.api.url
    here = _line(at).removeprefix("on ")
    with _another(at, monkeypatch) as other:
        there = other.url.removeprefix("http://")
        account = "account operator@emulator.invalid, team Other"
        message = f"cluster demo was launched on {here}, and this is {there}, {account}"
        for arguments in (
            ACTIVE, ("destroy", "--yes"), ("destroy", "--node", "demo-nomad-client-2", "--yes"),
            ("access", "refresh", "--yes"), ("status",), ("env",), ("bootstrap",),
            ("render", "--role", "nomad-client", "-o", "out"),
        ):  # fmt: skip
            ran = at(*arguments)
            assert (ran.code, ran.out) == (2, ""), arguments
            assert ran.err.splitlines()[-2] == f"error: {message}"
            assert ran.err.splitlines()[-1].endswith("; if you mean this one: --other-cloud")
        for arguments in (("plan",), ("launch", "--dry-run")):
            ran = at(*arguments, "--json")
            assert ran.code == 2
            assert [obstacle["message"] for obstacle in ran.json["cannot"]] == [message]
        assert message in at("doctor").out
        assert other.get("/v2/droplets").json()["droplets"] == []
        ran = at(*ACTIVE, "--other-cloud")
        assert ran.code == 0
        assert ran.err.startswith(f"warning: cluster demo was launched on {here}; this is {there}, ")
        assert len(other.get("/v2/droplets").json()["droplets"]) == 4
        assert at("plan", "--exit-code").code == 0, "from now on it is here"


@pytest.mark.parametrize(
    "change",
    [{"owner": "of-the-emulator-before"}, {"owner": "of-the-emulator-before", "endpoint": "http://127.0.0.1:9"}],
    ids=["at the same address", "at an address where nobody answers any more"],
)
def test_an_emulator_that_is_gone_binds_nobody(at: CliHarness, change: dict[str, str]) -> None:
    """It was taken down and brought up again: the droplets went with it, the credentials are still here."""
    assert at(*ACTIVE).code == 0
    assert at("destroy", "--yes").code == 0
    assert at(*ACTIVE).code == 0
    file = at.folder / ".bakery" / "demo" / "cloud.json"
    kept = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(kept | change | {"name": "the emulator before"}))
    assert at("plan", "--exit-code").code == 0
    ran = at("launch", "--wait", "active")
    assert ran.code == 0
    launched = (
        "warning: cluster demo was launched on the emulator before, which is gone with its droplets; this is "
    )
    assert ran.err.startswith(launched)
    assert "warning" not in at("launch", "--wait", "active").err, "now this one is remembered"


def test_a_real_account_is_no_place_for_an_emulator_s_cluster(at: CliHarness) -> None:
    """And the other way round: the file says that the cluster is at DigitalOcean, and this is an emulator."""
    assert at(*ACTIVE).code == 0
    file = at.folder / ".bakery" / "demo" / "cloud.json"
    kept = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(kept | {"endpoint": "https://api.digitalocean.com", "name": "DigitalOcean"}))
    at.forget()
    for arguments in (ACTIVE, ("destroy", "--yes"), ("status",)):
        ran = at(*arguments)
        assert ran.code == 2
        assert ran.err.startswith("error: cluster demo was launched on DigitalOcean, and this is ")
    assert at.changing() == []


@pytest.mark.parametrize(
    "arguments", [("env",), ("bootstrap",), ("render", "--role", "nomad-client", "-o", "out")]
)
def test_other_cloud_lets_commands_that_look_go_there(
    at: CliHarness, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """Control: with the flag each goes on, and finds that nothing is there."""
    assert at(*ACTIVE).code == 0
    with _another(at, monkeypatch):
        ran = at(*arguments, "--other-cloud")
    assert (ran.code, ran.out) == (2, "")
    assert "as --other-cloud allows" in ran.err
    assert "Consul server" in ran.err


def test_tokens_go_with_the_address_of_their_own_cluster_only(
    at: CliHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both clouds have a cluster of this name; without the check env joined the tokens of one to the other."""
    assert at(*ACTIVE).code == 0
    with _another(at, monkeypatch) as other:
        droplet = other.active(name="demo-consul-server-1", tags=["bakery:demo", "bakery:demo:consul-server"])
        ran = at("env")
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("error: cluster demo was launched on ")
        public = next(n for n in droplet["networks"]["v4"] if n["type"] == "public")["ip_address"]
        assert f"https://{public}:8501" in at("env", "--other-cloud", "--management").out


def test_a_server_named_for_bootstrap_asks_no_cloud(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    assert at(*ACTIVE).code == 0
    with _another(at, monkeypatch):
        ran = at("bootstrap", "--server", "127.0.0.1", "--deadline", "1")
    assert "was launched on" not in ran.err


def test_destroying_the_whole_cluster_forgets_the_cloud(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    file = at.folder / ".bakery" / "demo" / "cloud.json"
    assert at(*ACTIVE).code == 0
    assert at("destroy", "--node", "demo-nomad-client-2", "--yes").code == 0
    assert at("destroy", "--dry-run").code == 0
    assert file.exists()
    assert at("destroy", "--yes").code == 0
    assert not file.exists()
    with _another(at, monkeypatch):
        ran = at(*ACTIVE)
        assert (ran.code, "warning" in ran.err) == (0, False)


def test_a_cluster_of_an_older_bakery_is_remembered_at_its_next_launch(at: CliHarness) -> None:
    file = at.folder / ".bakery" / "demo" / "cloud.json"
    assert at(*ACTIVE).code == 0
    file.unlink()
    assert at("status").code == 7
    assert not file.exists(), "looking writes nothing"
    assert at("launch", "--wait", "active").code == 0
    assert file.exists()


def test_it_costs_one_request(at: CliHarness) -> None:
    assert at(*ACTIVE).code == 0
    at.forget()
    assert at("launch", "--wait", "active").code == 0
    paths = [record.path for record in at.api.emulator.requests.all() if record.path.startswith("/v2")]
    assert paths.count("/v2/account") == 1, "the survey takes the answer that named the cloud"


# Emulators of one machine ------------------------------------------------------------


@pytest.fixture
def emulators(at: CliHarness) -> Iterator[tuple[EmulatorRecord, ...]]:
    """Two processes with droplets in memory, neither of the default name."""
    yield tuple(_up(name, free_port()) for name in ("blue", "green"))
    for name in ("blue", "green"):
        lifecycle.down(name)


def _up(name: str, port: int) -> EmulatorRecord:
    return lifecycle.up(EmulatorOptions(name=name, port=port, machines="memory", public_range=MEMORY_RANGE))


def test_an_emulator_that_crashed_is_to_come_back_first(
    at: CliHarness, emulators: tuple[EmulatorRecord, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It left its state, so it is the one that is meant; another one that runs is not."""
    os.kill(emulators[0].pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(emulators[0]) or Pending("it runs"), what="the emulator to end", seconds=10)
    monkeypatch.setenv("BAKERY_EMULATOR", "blue")
    ran, port = at("--local", "plan"), urlsplit(emulators[0].endpoint).port
    assert (ran.code, ran.err.splitlines()) == (
        2,
        [
            "error: --local means the emulator blue, which is not running any more",
            f"help: bakery emulator up --name blue --machines memory --port {port}",
        ],
    )


@pytest.mark.parametrize(
    ("machines", "command"),
    [
        ("nspawn", "bakery emulator up --name red --resume"),
        ("memory", "bakery emulator up --name red --machines memory"),
    ],
)
def test_one_that_crashed_is_started_as_it_was(
    at: CliHarness, monkeypatch: pytest.MonkeyPatch, machines: MachineKind, command: str
) -> None:
    """Droplets that boot outlive its process, and up without --resume would take them away."""
    record = new_emulator(EmulatorOptions(name="red", machines=machines, public_range=MEMORY_RANGE))
    emulator_dir("red").write(replace(record, pid=2**22 + 1, ready=True))
    monkeypatch.setenv("BAKERY_EMULATOR", "red")
    for arguments in (("--local", "plan"), ("emulator", "status"), ("emulator", "restart")):
        assert at(*arguments).err.splitlines()[-1] == f"help: {command}"


def test_one_in_memory_that_crashed_is_started_with_all_of_its_options(
    at: CliHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = EmulatorOptions(
        name="red",
        port=7190,
        machines="memory",
        public_range=IPv4Network("127.128.0.0/16"),
        reuse_addresses=True,
        latency="create=2",
    )
    emulator_dir("red").write(replace(new_emulator(options), pid=2**22 + 1, ready=True))
    monkeypatch.setenv("BAKERY_EMULATOR", "red")
    again = (
        "bakery emulator up --name red --machines memory --port 7190 --public-range 127.128.0.0/16 "
        "--reuse-addresses --latency create=2"
    )
    for arguments in (("--local", "plan"), ("emulator", "status")):
        assert at(*arguments).err.splitlines()[-1] == f"help: {again}"
    assert at("emulator", "up", "--resume").err.splitlines() == [
        "error: there is nothing to resume of the emulator red: droplets in memory end with its process",
        f"help: {again}",
    ]


def test_one_that_is_gone_is_started_by_its_name(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing says any more whether its droplets were in memory."""
    monkeypatch.setenv("BAKERY_EMULATOR", "red")
    for arguments in (("--local", "plan"), ("emulator", "status"), ("emulator", "restart")):
        assert at(*arguments).err.splitlines()[-1] == (
            "help: bakery emulator up --name red; with droplets in memory: "
            "bakery emulator up --name red --machines memory"
        )


def test_local_names_the_emulators_that_run(
    at: CliHarness, emulators: tuple[EmulatorRecord, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = at("--local", "plan")
    assert (ran.code, ran.err.splitlines()) == (
        2,
        [
            "error: --local means the emulator default, which is not running; running: blue, green",
            "help: export BAKERY_EMULATOR=blue",
        ],
    )
    monkeypatch.setenv("BAKERY_EMULATOR", "green")
    ran = at("--local", "plan")
    assert ran.code == 2, "it has no snapshot"
    assert f"on the emulator green ({emulators[1].endpoint})" in ran.out.splitlines()


def test_each_emulator_has_an_account_of_its_own(
    at: CliHarness, emulators: tuple[EmulatorRecord, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = []
    for name in ("blue", "green"):
        monkeypatch.setenv("BAKERY_EMULATOR", name)
        owners.append(at("--local", "plan", "--json").json["cloud"]["owner"])
    blue = emulators[0]
    os.kill(blue.pid, signal.SIGTERM)
    lifecycle.down("blue")
    _up("blue", int(blue.endpoint.rpartition(":")[2]))
    monkeypatch.setenv("BAKERY_EMULATOR", "blue")
    owners.append(at("--local", "plan", "--json").json["cloud"]["owner"])
    assert len(set(owners)) == 3
