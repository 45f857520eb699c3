"""``bakery support``: what is in the bundle, and that no secret is, not even where an agent logged one."""

import json
import re
import tarfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import quote

import pytest

from bakery.credentials import seen
from bakery.credentials.store import find_bundle
from bakery.credentials.tokens import consul_agent_token
from bakery.errors import AgentError
from bakery.proc import redact
from tests.helpers.cli import SMALL, CliHarness
from tests.helpers.emulated import TOKEN
from tests.helpers.leaks import SPELLINGS, found_in, hclog, secrets_in
from tests.helpers.live_cli import LiveCli, live_cli
from tests.helpers.real_agents import LOOPBACK
from tests.helpers.state import paths_in

pytestmark = pytest.mark.integration
VARIABLES = {
    "BAKERY_AGE_PASSPHRASE": "canary age/passphrase+<&>\"='ä",
    "BAKERY_P12_PASSWORD": "canary pa\"ss\\word=1x&*3 p12/+<&>='ä",
}
WRITTEN = ("URL", "form", "JSON in a URL")
"""Forms in which Nomad is asked for a job; its log has the path as asked for. requests changes other forms."""
MERGED = """\
nomad-server: {user_data: [wireguard.sh], nomad: {vault: {token: canary-vault-token, namespace: k7n4ryX}, \
telemetry: {circonus_api_token: "canary-of-the-first-line\\nsecond\\n", circonus_check_id: 8273645512}}, """


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveCli]:
    with live_cli(tmp_path_factory.mktemp("live")) as made:
        yield made


def unpack(file: Path) -> dict[str, str]:
    with tarfile.open(file) as archive:
        read = {member.name.partition("/")[2]: archive.extractfile(member) for member in archive.getmembers()}
        return {name: stream.read().decode() for name, stream in read.items() if stream is not None}


def careless(secrets: dict[str, str]) -> str:
    """Comments for the cluster file, with each secret as it is."""
    return "".join(f"# {place}: {secret}\n" for place, secret in secrets.items())


def secrets(live: LiveCli) -> dict[str, str]:
    """Each secret by where it is from; of a key its lines."""
    bundle = live.agents.bundle
    issued = paths_in(live.at.folder).issued_to("helper")
    return {
        "account": TOKEN,
        **VARIABLES,
        **secrets_in(bundle),
        "agent": consul_agent_token(bundle, "demo-nomad-client-1").secret,
        "role of before": consul_agent_token(bundle, "gone").secret,
        "issued token": issued.nomad_token.read_text().strip(),
        "issued key": issued.consul_key.read_text().splitlines()[1],
    }


@contextmanager
def leaking(live: LiveCli) -> Iterator[None]:
    """Have Nomad log every secret again and again: it logs the path of each request, and a region as a field."""
    nomad: Any = live.agents.clients.nomad(LOOPBACK)
    ended = Event()

    def leak() -> None:
        while not ended.wait(1):
            for secret in secrets(live).values():
                paths = [f"/v1/job/{SPELLINGS[name](secret)}" for name in WRITTEN]
                for path in (*paths, f"/v1/jobs?region={quote(secret, safe='')}"):
                    with suppress(AgentError):  # there is no job or region of that name
                        nomad._http.call("GET", path)

    thread = Thread(target=leak)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.fixture
def careless_live(live: LiveCli, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveCli]:
    """With variables, issued credentials, a role that is not in the cluster file, and all secrets in that file."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    ran = live.at("credentials", "issue", "helper", "--role", "read")
    assert ran.code == 0, ran.err
    file, role = live.at.folder / "bakery.yaml", paths_in(live.at.folder).roles / "gone.json"
    before = file.read_text()
    role.parent.mkdir(exist_ok=True)
    role.write_text("{}")
    file.write_text(before + careless(secrets(live)))
    yield live
    file.write_text(before)
    role.unlink()
    assert live.at("credentials", "revoke", "helper").code == 0


def test_the_bundle_has_what_helps_and_no_secret(careless_live: LiveCli) -> None:
    live = careless_live
    with leaking(live):
        # A process of its own: this one has held the secrets.
        ran = live.process("support", "--seconds", "6", "-o", "bundle.tar.gz", "--json", check=False)
    assert ran.returncode == 0, ran.stderr
    bundle = live.at.folder / "bundle.tar.gz"
    assert bundle.stat().st_mode & 0o777 == 0o600
    files = unpack(bundle)
    assert set(files) >= {
        "README.txt", "status.json", "plan.json", "doctor.json", "credentials.json", "versions.json",
        "bakery.yaml", "consul.json", "nomad.json", "logs/demo-consul-server-1-consul.log",
        "logs/demo-nomad-server-1-nomad.log",
    }  # fmt: skip
    assert sorted(json.loads(ran.stdout)["files"]) == sorted(set(files) - {"README.txt"})
    assert json.loads(files["consul.json"])["members"][0]["name"] == "demo-server-1"
    assert json.loads(files["status.json"])["cluster"] == "demo"
    assert {name: found for name, text in files.items() if (found := found_in(text, secrets(live)))} == {}
    # Control: the agent did log them, and the cluster file has them.
    log = files["logs/demo-nomad-server-1-nomad.log"]
    assert "path=/v1/job/***" in log
    assert 'region="***"' in log
    assert files["bakery.yaml"].count("***") >= len(secrets(live))


def test_without_the_other_spellings_the_search_finds_them(
    careless_live: LiveCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: Nomad logs them with the escapes of URLs, and with its own."""
    monkeypatch.setattr("bakery.credentials.redaction.hide", redact)
    with leaking(careless_live):
        assert careless_live.at("support", "--seconds", "6", "-o", "control.tar.gz").code == 0
    log = unpack(careless_live.at.folder / "control.tar.gz")["logs/demo-nomad-server-1-nomad.log"]
    assert set(found_in(log, secrets(careless_live))) >= {"consul_gossip_key.0", "nomad_gossip_key.0", *VARIABLES}
    password = VARIABLES["BAKERY_P12_PASSWORD"]
    assert [name for name in WRITTEN if SPELLINGS[name](password) not in log] == []
    assert f'region="{hclog(password)}"' in log


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
    monkeypatch.setenv("REGISTRY_USER", "canary-user")
    (at.folder / "password").write_text("canary-of-a-file\n")
    canaries = {
        "variable": "canary-of-a-variable",
        "user": "canary-user",
        "file": "canary-of-a-file",
        "merged": "canary-vault-token",
        "merged line": "canary-of-the-first-line",
        "merged number": "8273645512",
        "file of user-data": "PrivateKey=canary-of-user-data",
        "login": b64encode(b"ci:canary-of-a-file").decode(),
    }
    file = at.folder / "bakery.yaml"
    text = file.read_text().replace("nomad-server: {", MERGED)
    (at.folder / "wireguard.sh").write_text("#!/bin/sh\n  PrivateKey=canary-of-user-data\n")
    file.write_text(
        text
        + "docker:\n  registries:\n"
        + "    a.example.com: {username_env: REGISTRY_USER, password_env: REGISTRY_PASSWORD}\n"
        + "    b.example.com: {username: ci, password_file: password}\n"
        + careless(canaries)
    )
    if launched:
        assert at("launch", "--yes", "--wait", "active").code == 0
        monkeypatch.delenv("REGISTRY_PASSWORD")  # the name is here without the password
        file.write_text(file.read_text().replace("# variable: canary-of-a-variable\n", ""))
    seen._seen.clear()
    assert at("support", "-o", "bundle.tar.gz", "--seconds", "1").code == 0
    files = unpack(at.folder / "bundle.tar.gz")
    found = [name for name, content in files.items() if "canary" in content or found_in(content, canaries)]
    assert found == []
    assert "vault: {token: ***, namespace: ***}" in files["bakery.yaml"]
    assert "k7n4ryX" not in "".join(files.values())
    assert "b.example.com: {username: ci, password_file: password}" in files["bakery.yaml"]
    assert json.loads(files["plan.json"])["settings"][0]["value"].startswith("vault.")


def test_a_merged_letter_does_not_cut_the_other_files(at: CliHarness) -> None:
    file = at.folder / "bakery.yaml"
    file.write_text(file.read_text().replace("nomad-server: {", "nomad-server: {nomad: {vault: {token: e}}, "))
    assert at("support", "-o", "bundle.tar.gz", "--seconds", "1").code == 0
    files = unpack(at.folder / "bundle.tar.gz")
    assert "vault: {token: ***}" in files["bakery.yaml"]
    assert json.loads(files["plan.json"])["cluster"] == "demo"


def test_a_file_that_cannot_be_read_hides_no_other_secret(at: CliHarness) -> None:
    """A folder cannot be read at all, like a file of another user; root can read such a file."""
    assert at("launch", "--yes", "--wait", "active").code == 0
    paths = paths_in(at.folder)
    bundle = find_bundle(paths)
    assert bundle is not None
    for name, token in (("ann", "canary-issued-to-ann"), ("zoe", "canary-issued-to-zoe")):
        paths.issued_to(name).folder.mkdir(parents=True)
        paths.issued_to(name).consul_token.write_text(token)
    for folder in (paths.issued_to("ci").nomad_token, paths.roles / "gone.json"):
        folder.mkdir(parents=True)
    known = secrets_in(bundle) | {
        "node": consul_agent_token(bundle, "demo-nomad-client-1").secret,
        "role of before": consul_agent_token(bundle, "gone").secret,
        "issued to ann": "canary-issued-to-ann",
        "issued to zoe": "canary-issued-to-zoe",
    }
    file = at.folder / "bakery.yaml"
    file.write_text(file.read_text() + careless(known))
    seen._seen.clear()
    ran = at("support", "-o", "bundle.tar.gz", "--seconds", "1")
    assert ran.code == 0, ran.err
    files = unpack(at.folder / "bundle.tar.gz")
    assert {name: found for name, text in files.items() if (found := found_in(text, known))} == {}
    assert files["bakery.yaml"].count("***") >= len(known)


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
