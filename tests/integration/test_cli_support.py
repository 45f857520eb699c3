"""``bakery support``: what is in the bundle, and that no secret is, not even where an agent logged one."""

import json
import re
import tarfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import quote

import pytest

from bakery.credentials.tokens import consul_agent_token
from bakery.errors import AgentError
from tests.helpers.cli import SMALL, CliHarness
from tests.helpers.emulated import TOKEN
from tests.helpers.live_cli import LiveCli, live_cli
from tests.helpers.real_agents import LOOPBACK
from tests.helpers.state import paths_in

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveCli]:
    with live_cli(tmp_path_factory.mktemp("live")) as made:
        yield made


def unpack(file: Path) -> dict[str, str]:
    with tarfile.open(file) as archive:
        read = {member.name.partition("/")[2]: archive.extractfile(member) for member in archive.getmembers()}
        return {name: stream.read().decode() for name, stream in read.items() if stream is not None}


def secrets(live: LiveCli) -> dict[str, str]:
    """Each secret by where it is from; of a key its lines."""
    found: dict[str, str] = {"account": TOKEN}

    def walk(place: str, value: Any) -> None:  # noqa: ANN401 - any part of the bundle
        if isinstance(value, dict):
            for name, part in value.items():
                walk(f"{place}.{name}", part)
        elif place.endswith((".key", ".secret", "gossip_key", "token_seed")):
            lines = [line for line in value.splitlines() if not line.startswith("-----")]
            found.update({f"{place}.{number}": line for number, line in enumerate(lines) if len(line) > 16})

    walk("bundle", asdict(live.agents.bundle))
    found["agent"] = consul_agent_token(live.agents.bundle, "demo-nomad-client-1").secret
    issued = paths_in(live.at.folder).issued_to("helper")
    found["issued token"] = issued.nomad_token.read_text().strip()
    found["issued key"] = issued.consul_key.read_text().splitlines()[1]
    return found


@contextmanager
def leaking(live: LiveCli) -> Iterator[None]:
    """Have Nomad log every secret again and again: it logs the path of each request."""
    nomad: Any = live.agents.clients.nomad(LOOPBACK)
    ended = Event()

    def leak() -> None:
        while not ended.wait(1):
            for secret in secrets(live).values():
                with suppress(AgentError):  # no job has that name
                    nomad._http.call("GET", f"/v1/job/{quote(secret, safe='')}")

    thread = Thread(target=leak)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_the_bundle_has_what_helps_and_no_secret(live: LiveCli) -> None:
    assert live.at("credentials", "issue", "helper", "--role", "read").code == 0
    careless = "".join(f"# {place}: {secret}\n" for place, secret in secrets(live).items())
    file = live.at.folder / "bakery.yaml"
    file.write_text(file.read_text() + careless)

    with leaking(live):
        ran = live.at("support", "--seconds", "6", "-o", "bundle.tar.gz", "--json")
    assert ran.code == 0, ran.err
    bundle = live.at.folder / "bundle.tar.gz"
    assert bundle.stat().st_mode & 0o777 == 0o600
    files = unpack(bundle)
    assert set(files) >= {
        "README.txt", "status.json", "plan.json", "doctor.json", "credentials.json", "versions.json",
        "bakery.yaml", "consul.json", "nomad.json", "logs/demo-consul-server-1-consul.log",
        "logs/demo-nomad-server-1-nomad.log",
    }  # fmt: skip
    assert sorted(ran.json["files"]) == sorted(set(files) - {"README.txt"})
    assert json.loads(files["consul.json"])["members"][0]["name"] == "demo-server-1"
    assert json.loads(files["status.json"])["cluster"] == "demo"
    found = [
        f"{place} in {name}"
        for name, text in files.items()
        for place, secret in secrets(live).items()
        if secret in text
    ]
    assert found == []
    # Control: the agent did log them, and the cluster file has them.
    assert "path=/v1/job/***" in files["logs/demo-nomad-server-1-nomad.log"]
    assert files["bakery.yaml"].count("***") >= len(secrets(live))


def test_an_existing_file_is_not_replaced(live: LiveCli) -> None:
    (live.at.folder / "there.tar.gz").write_text("mine")
    ran = live.at("support", "-o", "there.tar.gz")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "error: there.tar.gz exists")


def test_without_a_cluster_it_has_what_there_is(at: CliHarness) -> None:
    ran = at("support", "-o", "bundle.tar.gz")
    assert ran.code == 0, ran.err
    assert ran.err.endswith("read the files in it before you send it: tar -xzf bundle.tar.gz\n")
    files = unpack(at.folder / "bundle.tar.gz")
    assert "there are no credentials of cluster demo" in files["credentials.error.txt"]
    assert json.loads(files["plan.json"])["cluster"] == "demo"
    assert files["status.exit.txt"] == "3\n"


@pytest.mark.parametrize("launched", [False, True])
def test_merged_values_and_passwords_of_registries_are_not_in_it(
    at: CliHarness, monkeypatch: pytest.MonkeyPatch, *, launched: bool
) -> None:
    """Control: the keys are, and other values of the cluster file."""
    monkeypatch.setenv("REGISTRY_PASSWORD", "canary-of-a-variable")
    (at.folder / "password").write_text("canary-of-a-file\n")
    canaries = (
        "canary-of-a-variable",
        "canary-of-a-file",
        "canary-vault-token",
        b64encode(b"ci:canary-of-a-file").decode(),
    )
    file = at.folder / "bakery.yaml"
    text = file.read_text().replace(
        "nomad-server: {", "nomad-server: {nomad: {vault: {token: canary-vault-token}}, "
    )
    file.write_text(
        text
        + "docker:\n  registries:\n    a.example.com: {username: ci, password_env: REGISTRY_PASSWORD}\n"
        + "    b.example.com: {username: ci, password_file: password}\n"
        + f"# {canaries}\n"
    )
    if launched:
        assert at("launch", "--yes", "--wait", "active").code == 0
    assert at("support", "-o", "bundle.tar.gz", "--seconds", "1").code == 0
    files = unpack(at.folder / "bundle.tar.gz")
    found = [name for name, content in files.items() if "canary" in content or canaries[-1] in content]
    assert found == []
    assert "vault: {token: ***}" in files["bakery.yaml"]
    assert "b.example.com: {username: ci, password_file: password}" in files["bakery.yaml"]
    assert json.loads(files["plan.json"])["settings"][0]["value"] == "vault.token"


def test_where_nobody_answers_the_errors_are_in_it(at: CliHarness) -> None:
    assert at("launch", "--yes", "--wait", "active").code == 0
    ran = at("support", "-o", "bundle.tar.gz", "--seconds", "1")
    assert ran.code == 0
    warnings = [line for line in ran.err.splitlines() if line.startswith("warning: ")]
    assert 0 < len(warnings) <= 3, "each cause once: of Consul's servers, Nomad's servers, and Nomad's clients"
    files = unpack(at.folder / "bundle.tar.gz")
    assert "cannot be reached" in files["consul.json"]
    assert json.loads(files["status.json"])["healthy"] is False


def test_one_cause_at_several_addresses_is_one_warning(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where droplets boot, so that their agents could answer."""
    at.write(SMALL.replace("consul-server: {count: 1", "consul-server: {count: 3"))
    assert at("launch", "--yes", "--wait", "active").code == 0
    monkeypatch.setattr("bakery.operations.agent_logs.asks_agents_in_vain", lambda *_: False)
    ran = at("support", "-o", "bundle.tar.gz", "--seconds", "1")
    assert [line for line in ran.err.splitlines() if "cannot be reached" in line] == [
        f"warning: no log of {agent}: {product} cannot be reached: Connection refused"
        for agent, product in (
            ("consul on demo-consul-server-1 and 2 more", "Consul"),
            ("nomad on demo-nomad-server-1 and 1 more", "Nomad"),
        )
    ]
    consul = unpack(at.folder / "bundle.tar.gz")["consul.json"]
    assert re.search(r"Consul at [\d.]+:8501 cannot be reached", consul), (
        "control: the whole error has the address"
    )
