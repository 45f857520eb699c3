"""What somebody meets on the first day with bakery: quiet runs, closed streams, odd names, the emulator."""

import json
import os
import re
import socket
import subprocess  # noqa: TID251 - streams and bytes as a shell hands them over
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pexpect
import pytest

from bakery.emulator.daemon import lifecycle
from bakery.emulator.daemon.folder import EmulatorOptions, EmulatorRecord, emulator_dir, new_emulator
from bakery.emulator.network.plan import MEMORY_RANGE
from tests.helpers.cli import BAKERY, CliHarness

pytestmark = pytest.mark.integration

CHECKOUT = Path(__file__).parents[2]
ACTIVE = ("launch", "--yes", "--wait", "active")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@pytest.fixture
def emulator(at: CliHarness) -> Iterator[EmulatorRecord]:
    """A process of its own with droplets in memory, which --name first finds."""
    options = EmulatorOptions(name="first", port=_free_port(), machines="memory", public_range=MEMORY_RANGE)
    yield lifecycle.up(options)
    lifecycle.down("first")


def _shell(line: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=60)


# Quiet runs --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("plan",), "  + droplet   demo-nomad-client-1   s-1vcpu-1gb"),
        (("launch", "--dry-run"), "  + droplet   demo-nomad-client-1   s-1vcpu-1gb"),
    ],
)
def test_the_changes_are_an_answer(at: CliHarness, arguments: tuple[str, ...], shown: str) -> None:
    ran = at(*arguments, "--quiet")
    assert ran.code == 0
    assert shown in ran.out.splitlines()
    assert ran.err == ""


def test_what_would_be_destroyed_is_an_answer(at: CliHarness) -> None:
    assert at(*ACTIVE).code == 0
    ran = at("destroy", "--dry-run", "--quiet")
    assert "  - droplet  demo-nomad-client-1" in ran.out.splitlines()
    ran = at("destroy", "--role", "nomad-client", "--dry-run", "--quiet")
    first, second, note = ran.out.splitlines()
    assert [line.split()[2] for line in (first, second)] == ["demo-nomad-client-1", "demo-nomad-client-2"]
    work = "the work of demo-nomad-client-1, demo-nomad-client-2"
    assert note == f"    {work} is not moved: no Nomad server sees a leader"
    assert len(at.droplets()) == 4


@pytest.mark.parametrize(
    ("arguments", "question", "about"),
    [
        (("launch", "--role", "nomad-client", "--count", "3"), "make these changes?", "demo-nomad-client-3"),
        (
            ("destroy", "--node", "demo-nomad-client-2"),
            r"destroy demo-nomad-client-2\?",
            "- droplet demo-nomad-cl",
        ),
        (("destroy",), "type the cluster's name", "demo-nomad-client-1"),
    ],
)
def test_no_question_without_what_it_is_about(
    at: CliHarness, arguments: tuple[str, ...], question: str, about: str
) -> None:
    assert at(*ACTIVE).code == 0
    at.forget()
    child = pexpect.spawn(str(BAKERY), [*arguments, "--quiet"], encoding="utf-8", timeout=60)
    child.expect(question)
    assert about in child.before
    child.sendline("n")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 2
    assert at.changing() == []


# Streams -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "code"),
    [("plan --offline >&-", 0), ("validate 2>&-", 0), ("plan -f none 2>&-", 2), ("lunch <&- >&- 2>&-", 2)],
)
def test_closed_streams_are_empty_ones(at: CliHarness, verb: str, code: int) -> None:
    done = _shell(f"{BAKERY} {verb}")
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def test_nothing_is_written_into_a_file_that_took_a_closed_stream_s_number(at: CliHarness) -> None:
    done = _shell(f"{BAKERY} render --role consul-server --first -o out >&- 2>&-")
    assert done.returncode == 0
    for file in (at.folder / ".bakery").rglob("*"):
        assert not file.is_file() or b"by hand:" not in file.read_bytes(), file


def test_a_path_that_is_not_text_is_printed_as_it_is(at: CliHarness) -> None:
    done = subprocess.run(
        [os.fsencode(BAKERY), *b"render --role consul-server --first --quiet -o".split(), b"o\xff"],
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},  # as in any UTF-8 locale but C
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, b"o\xff/consul-server.yaml\n")
    assert done.stderr == b""


def test_the_error_is_the_last_line_of_stderr(at: CliHarness) -> None:
    ran = at("launch", "--wait", "active", "--json")
    lines = ran.err.splitlines()
    assert lines[0] == "==> Looking at the account"
    assert json.loads(lines[-1])["hint"] == "add --yes"


# Programs and packages that are not there --------------------------------------------


@pytest.mark.parametrize("arguments", [["emulator", "up"], ["--local", "plan"], ["tour"], ["demo"]])
def test_without_the_extra_the_emulator_says_what_to_install(at: CliHarness, arguments: list[str]) -> None:
    code = (
        "import sys\nfor name in ('uvicorn', 'starlette', 'httptools'): sys.modules[name] = None\n"
        f"from bakery.cli.main import run\nsys.exit(run({arguments!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    head, _, hint = done.stderr.splitlines()
    assert head == "error: the emulator's packages are not installed"
    packages = "httptools starlette uvicorn"
    assert hint.startswith(
        f"help: {sys.executable} -m pip install {packages}; with pipx: pipx inject cluster-bakery "
    )


@pytest.mark.parametrize("address", ["garbage..host", "http://10.0.0.1", "10.0.0.1:8501"])
def test_a_server_that_is_no_address_is_refused_at_once(at: CliHarness, address: str) -> None:
    assert at("render", "--role", "consul-server", "--first", "-o", "out").code == 0
    ran = at("bootstrap", "--server", address)
    assert (ran.code, ran.err) == (
        2,
        f"error: --server {address} is not an address\nhelp: an IPv4 address or a DNS name, without a port\n",
    )


def test_credentials_that_cannot_be_looked_for_are_not_absent(at: CliHarness) -> None:
    """A symbolic link to itself: like a folder without permission, but for root too."""
    assert at(*ACTIVE).code == 0
    (at.folder / ".bakery" / "demo").rename(at.folder / "moved")
    (at.folder / ".bakery" / "demo").symlink_to("demo")
    at.forget()
    for arguments in (("credentials",), ACTIVE, ("render", "--role", "nomad-client", "-o", "out")):
        ran = at(*arguments)
        assert ran.code == 3
        assert ran.err.startswith(f"error: {at.folder}/.bakery/demo/bundle.json cannot be read\n")
    assert at.changing() == []


# The emulator's verbs ----------------------------------------------------------------


def test_the_emulator_s_verbs_answer_in_json(at: CliHarness, emulator: EmulatorRecord) -> None:
    own = ("--name", "first", "--json")
    file = str(at.folder / "record")
    for arguments, expected in (
        (("fault", "clear"), {"cleared": "all"}),
        (("requests", "--clear"), {"cleared": True}),
        (("requests", "--record", file), {"recording": file}),
        (("requests", "--stop-recording"), {"recording": None}),
        (("down",), {"name": "first", "was_there": True}),
        (("down",), {"name": "first", "was_there": False}),
    ):
        ran = at("emulator", *arguments, *own)
        assert (ran.code, ran.json) == (0, expected), ran.err
    assert at("env", "--unset", "--json").json["unset"][0] == "CONSUL_HTTP_ADDR"
    assert at("completion", "fish", "--json").json["shell"] == "fish"


def test_all_emulators_are_listed(at: CliHarness, emulator: EmulatorRecord) -> None:
    """The one that runs, and one whose process has ended."""
    dead = new_emulator(EmulatorOptions(name="dead", port=7199))
    emulator_dir("dead").write(dead)
    listed = at("emulator", "list", "--json")
    assert (listed.code, listed.json["emulators"]) == (
        0,
        [
            {"name": "dead", "endpoint": "http://127.0.0.1:7199", "state": "crashed", "machines": "nspawn"},
            {"name": "first", "endpoint": emulator.endpoint, "state": "running", "machines": "memory"},
        ],
    )
    assert emulator.token not in listed.out
    table = at("emulator", "list")
    assert [line.split() for line in table.out.splitlines()] == [
        ["NAME", "ENDPOINT", "STATE", "MACHINES"],
        ["dead", "http://127.0.0.1:7199", "crashed", "nspawn"],
        ["first", emulator.endpoint, "running", "memory"],
    ]
    emulator_dir("dead").forget()
    assert at("emulator", "down", "--name", "first").code == 0
    nothing = at("emulator", "list")
    assert (nothing.code, nothing.out) == (0, "")
    assert nothing.err == "there are no emulators; to start one: bakery emulator up\n"
    assert at("emulator", "list", "--json").json["emulators"] == []


def test_the_emulator_s_token_is_never_json(at: CliHarness, emulator: EmulatorRecord) -> None:
    for arguments in (
        ("--json", "emulator", "env", "--name", "first"),
        ("emulator", "env", "--name", "first", "--json"),
        ("emulator", "--json", "env", "--name", "first"),
    ):
        ran = at(*arguments)
        assert (ran.code, ran.out) == (2, "")
        assert emulator.token not in ran.err
    assert emulator.token in at("emulator", "env", "--name", "first").out, "control: as text it is there"


def test_droplets_in_memory_have_no_logs_and_say_so(at: CliHarness, emulator: EmulatorRecord) -> None:
    for arguments in (("logs", "x"), ("exec", "x", "true")):
        ran = at("emulator", arguments[0], "--name", "first", *arguments[1:])
        assert ran.code == 2
        assert ran.err.startswith(
            "error: the droplets of the emulator first are in memory: they have no processes"
        )
        assert "bakery emulator down --name first" in ran.err.splitlines()[-1]


def test_a_refusal_of_the_emulator_is_a_sentence(at: CliHarness, emulator: EmulatorRecord) -> None:
    droplet = lifecycle.ask(emulator, "/v2/droplets", body={
        "name": "x", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-12-x64",
    })["droplet"]["id"]  # fmt: skip
    ran = at("emulator", "impair", "x", "--loss", "1%", "--name", "first")
    assert ran.code == 2
    assert ran.err.splitlines()[1] == f"  droplet {droplet} is in memory only and has no links"


def test_restart_of_droplets_in_memory_names_whole_commands(at: CliHarness, emulator: EmulatorRecord) -> None:
    ran = at("emulator", "restart", "--name", "first")
    assert (ran.code, ran.err) == (
        2,
        "error: droplets in memory end with the emulator's process\n"
        "help: bakery emulator down --name first; bakery emulator up --name first --machines memory "
        f"--port {urlsplit(emulator.endpoint).port}\n",
    )


def test_a_fault_that_is_not_there(at: CliHarness, emulator: EmulatorRecord) -> None:
    ran = at("emulator", "fault", "clear", "99", "--name", "first")
    assert (ran.code, ran.err) == (
        2, "error: there is no fault 99\n  faults here: none\nhelp: bakery emulator fault list\n",
    )  # fmt: skip


def test_up_again_says_what_it_does_not_change(at: CliHarness, emulator: EmulatorRecord) -> None:
    port = int(emulator.endpoint.rpartition(":")[2])
    same = at("emulator", "up", "--name", "first", "--port", str(port), "--machines", "memory")
    assert "warning" not in same.err
    assert at("emulator", "up", "--name", "first").err.count("warning") == 0
    other = at("emulator", "up", "--name", "first", "--port", "7199", "--machines", "nspawn")
    assert other.code == 0
    advice = "to use that, first run: bakery emulator down --name first"
    assert f"warning: it runs without --port 7199 and --machines nspawn; {advice}" in other.err.splitlines()
    assert "next: export BAKERY_EMULATOR=first\n      bakery emulator stand-in\n" in other.err


# make --------------------------------------------------------------------------------


def _make(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["make", "--no-print-directory", "-C", str(CHECKOUT), "-o", ".venv/.ready", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_make_takes_paths_with_blanks_and_quotes(at: CliHarness) -> None:
    folder = at.folder / "Gr\u00f6\u00dfe, Bob's $file; touch pwned"
    folder.mkdir()
    file = folder / "my cluster.yaml"
    file.write_text((at.folder / "bakery.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    escaped = str(file).replace("$", "$$")
    done = _make(
        "render", f"CLUSTER_FILE={escaped}", "ROLE=nomad-client", "JOIN=10.100.0.2 10.100.0.3",
        f"OUT={at.folder / 'out put'}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (at.folder / "out put" / "nomad-client.yaml").exists()
    assert not (CHECKOUT / "pwned").exists()


def test_make_render_without_a_role_asks_for_it(at: CliHarness) -> None:
    done = _make("render", f"CLUSTER_FILE={at.folder / 'bakery.yaml'}")
    assert done.returncode == 2
    assert re.search(r"which role\? make render ROLE=nomad-client", done.stderr)
