"""``bakery consul`` and ``bakery nomad`` run the cluster's programs; no secret is in the shell or in argv."""

import json
import os
import signal
import subprocess  # noqa: TID251 - a signal is sent to bakery
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakery.config.defaults import TESTED_NOMAD_VERSION
from bakery.proc import run
from tests.helpers.cli import BAKERY, CliHarness
from tests.helpers.live_cli import LiveCli, live_cli
from tests.helpers.tools import require_tool

pytestmark = pytest.mark.integration

FAKE = """\
#!{python}
import json, os, signal, sys, time
if sys.argv[1:2] == ["version"]:
    print("Nomad v{version}")
    sys.exit()
if sys.argv[1:2] == ["wait"]:
    def stop(number, frame):
        os.write(1, f"signal {{number}}\\n".encode())  # print may be interrupted in the middle of another
        sys.exit(42)
    signal.signal(signal.SIGTERM, stop)
    print("ready", flush=True)
    time.sleep(60)
command = open("/proc/self/cmdline").read().split(chr(0))
print(json.dumps({{"arguments": sys.argv[1:], "environment": dict(os.environ), "command": command}}))
sys.exit(3)
"""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveCli]:
    with live_cli(tmp_path_factory.mktemp("live")) as made:
        yield made


@pytest.fixture
def fake(live: LiveCli, tmp_path: Path) -> dict[str, str]:
    """A nomad of the cluster's version that prints what it got; the variables that make bakery find it."""
    program = tmp_path / "nomad"
    program.write_text(FAKE.format(python=sys.executable, version=TESTED_NOMAD_VERSION))
    program.chmod(0o755)
    return {"BAKERY_TOOLCHAIN_DIR": str(tmp_path)}


def test_consul_and_nomad_answer(live: LiveCli) -> None:
    members = live.process("consul", "members").stdout.splitlines()
    assert members[1].split()[0] == "demo-server-1"
    servers = json.loads(live.process("nomad", "server", "members", "-json").stdout)
    assert [server["Status"] for server in servers] == ["alive"]


def test_the_exit_code_is_the_programs(live: LiveCli) -> None:
    done = live.process("nomad", "job", "status", "none-of-that-name", check=False)
    assert done.returncode == 1
    assert "No job(s)" in done.stderr


def test_options_after_bakerys_own_are_the_programs(live: LiveCli, fake: dict[str, str]) -> None:
    words = ("job", "run", "-f", "--json", "-detach", "-var", "a=b", "--", "-x")
    done = live.process("nomad", "-f", "bakery.yaml", *words, check=False, env=fake)
    assert done.returncode == 3
    assert json.loads(done.stdout)["arguments"] == list(words)
    alone = live.process("nomad", "-version", check=False, env=fake)
    assert json.loads(alone.stdout)["arguments"] == ["-version"]
    divided = live.process("nomad", "--", "-f", "x", check=False, env=fake)
    assert json.loads(divided.stdout)["arguments"] == ["-f", "x"]


@pytest.mark.parametrize(
    ("words", "options"),
    [(("job", "status"), ("--management",)), (("status",), ()), (("alloc", "logs", "-f", "4f1c"), ())],
)
def test_secrets_are_in_its_environment_only(
    live: LiveCli, fake: dict[str, str], words: tuple[str, ...], options: tuple[str, ...]
) -> None:
    mine = {
        **fake, "NOMAD_NAMESPACE": "dev", "NOMAD_VAR_region": "x", "NOMAD_SKIP_VERIFY": "true",
        "CONSUL_HTTP_TOKEN_FILE": "/elsewhere", "NOMAD_TOKEN": "mine", "DIGITALOCEAN_TOKEN": "dop_v1_" + "a" * 64,
    }  # fmt: skip
    mine["DIGITALOCEAN_TOKEN"] = os.environ["DIGITALOCEAN_TOKEN"]
    shown = json.loads(live.process("nomad", *words, check=False, env=mine).stdout)
    expected = live.variables(*options)
    got = shown["environment"]
    assert {name: got.get(name) for name in expected} == expected
    assert (got["NOMAD_NAMESPACE"], got["NOMAD_VAR_region"]) == ("dev", "x")
    assert {"NOMAD_SKIP_VERIFY", "CONSUL_HTTP_TOKEN_FILE", "DIGITALOCEAN_TOKEN"} & set(got) == set()
    for token in (expected["NOMAD_TOKEN"], expected["CONSUL_HTTP_TOKEN"]):
        assert not any(token in word for word in shown["command"])


def test_a_signal_reaches_it_and_its_exit_code_comes_back(live: LiveCli, fake: dict[str, str]) -> None:
    environment = {**os.environ, **fake}
    command = [str(BAKERY), "nomad", "wait"]
    with subprocess.Popen(
        command, env=environment, cwd=live.at.folder, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == f"signal {signal.SIGTERM.value}\n"
        assert process.wait(60) == 42


def test_no_signal_is_ignored_because_python_ignores_it(live: LiveCli, tmp_path: Path) -> None:
    """Python ignores SIGPIPE from its start, and a program would inherit that."""
    program = tmp_path / "nomad"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = version ] && echo "Nomad v{TESTED_NOMAD_VERSION}" || grep SigIgn /proc/self/status\n'
    )
    program.chmod(0o755)
    shown = live.process("nomad", "status", env={"BAKERY_TOOLCHAIN_DIR": str(tmp_path)}).stdout
    assert int(shown.split()[1], 16) & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1) == 0


def consul_part(folder: Path) -> set[str]:
    """The names of Consul's files that ``nomad operator debug`` wrote."""
    return {file.name for file in folder.rglob("consul-*.json") if file.stat().st_size > 2}


def test_nomads_debug_has_consuls_part(live: LiveCli, tmp_path: Path) -> None:
    """Control: with the variables of env as they are, Nomad does not accept the certificate of Consul's server."""
    with_bakery, with_env = tmp_path / "bakery", tmp_path / "env"
    for folder in (with_bakery, with_env):
        folder.mkdir()
    words = ("operator", "debug", "-duration=1s", "-interval=1s", "-server-id=all")
    live.process("nomad", *words, f"-output={with_bakery}")
    assert consul_part(with_bakery) >= {
        "consul-leader.json",
        "consul-agent-members.json",
        "consul-agent-self.json",
    }
    bundle = live.agents.bundle
    texts = [file.read_text(errors="replace") for file in with_bakery.rglob("*") if file.is_file()]
    assert any('"consul-token"' in text for text in texts), "control: it writes its flags down"
    for token in (bundle.consul_management.secret, bundle.nomad_management.secret):
        assert not any(token in text for text in texts)
    line = [str(require_tool("nomad")), *words, "-event-topic=Evaluation", f"-output={with_env}"]
    done = run(line, env=live.variables(), check=False)
    assert "x509: certificate is valid for 127.0.0.1, not 127.1" in done.stdout + done.stderr
    assert consul_part(with_env) == set()


def test_verbose_prints_no_management_token(live: LiveCli) -> None:
    """Controls: it prints the token that it has; without the option the request has the management token."""
    words = ("operator", "api", "-X", "GET")
    shown = live.process("nomad", *words, "-verbose", "/v1/nodes")
    assert "> X-Nomad-Token: " in shown.stderr
    assert live.agents.bundle.nomad_management.secret not in shown.stdout + shown.stderr
    assert json.loads(live.process("nomad", *words, "/v1/acl/token/self").stdout)["Type"] == "management"


def test_without_a_server_it_says_which_were_asked(at: CliHarness) -> None:
    assert at("launch", "--yes", "--wait", "active").code == 0
    ran = at("nomad", "status")
    assert ran.code == 4
    assert ran.err.startswith("error: no Nomad server of cluster demo answers\n")
    assert "demo-nomad-server-1 at 127.64." in ran.err
    assert "bakery status says more" in ran.err


def test_before_the_first_launch_the_next_step_is_a_launch(at: CliHarness) -> None:
    ran = at("consul", "members")
    assert ran.code == 3
    assert "bakery launch" in ran.err
