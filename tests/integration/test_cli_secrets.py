"""No secret of the bundle, nor the API token, leaves through anything that a command prints or leaves behind."""

import base64
from datetime import UTC, datetime

import pytest

from bakery.config.model import Kind
from bakery.credentials.issue import issue_for_node
from bakery.credentials.store import find_bundle
from tests.helpers.cli import SMALL, CliHarness
from tests.helpers.emulated import TOKEN
from tests.helpers.state import paths_in

pytestmark = pytest.mark.integration

DOCKER = """\
docker:
  registries:
    registry.example.com: {username: ci, password_env: REGISTRY_PASSWORD}
"""
VERBS: tuple[tuple[str, ...], ...] = (
    ("validate",),
    ("plan",),
    ("launch", "--dry-run"),
    ("launch", "--yes", "--wait", "active"),
    ("launch", "--yes", "--wait", "active", "--role", "nomad-client", "--count", "3"),
    ("launch", "--yes", "--deadline", "1"),
    ("status",),
    ("bootstrap", "--deadline", "1"),
    ("env", "--unset"),
    ("images",),
    ("build-image",),
    ("render", "--role", "nomad-client", "-o", "out"),
    ("render", "--role", "nomad-client", "--node", "demo-nomad-client-1", "-o", "out"),
    ("credentials",),
    ("browser-cert", "consul", "--force"),
    ("access", "refresh"),
    ("gc",),
    ("doctor",),
    ("destroy", "--node", "demo-nomad-client-3", "--yes"),
    ("destroy", "--dry-run"),
    ("destroy", "--yes"),
)


@pytest.fixture
def at(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> CliHarness:
    at.write(SMALL + DOCKER)
    monkeypatch.setenv("BAKERY_P12_PASSWORD", "canary-p12-password")
    monkeypatch.setenv("REGISTRY_PASSWORD", "canary-registry-password")
    monkeypatch.setenv("BAKERY_DEADLINE_FACTOR", "0.01")
    assert at("render", "--role", "consul-server", "--first", "-o", "first").code == 0
    return at


def _inner_line(pem: str) -> str:
    """A line of the key itself: its first line is the same for all keys of a kind."""
    return pem.strip().splitlines()[2]


def _secrets(at: CliHarness) -> list[str]:
    bundle = find_bundle(paths_in(at.folder))
    assert bundle is not None
    node = issue_for_node(bundle, name="demo-nomad-client-1", kind=Kind.NOMAD_CLIENT, now=datetime.now(UTC))
    assert node.consul_nomad_token is not None
    plain = [
        bundle.consul_management.secret,
        bundle.nomad_management.secret,
        bundle.consul_gossip_key,
        bundle.nomad_gossip_key,
        bundle.token_seed,
        node.consul_agent_token.secret,
        node.consul_nomad_token.secret,
        *(_inner_line(k.key) for k in (bundle.consul_ca, bundle.nomad_ca)),
        *(_inner_line(k.key) for k in (bundle.consul_operator, bundle.nomad_operator)),
        TOKEN,
        "canary-p12-password",
        "canary-registry-password",
        "ci:canary-registry-password",
    ]
    return plain + [base64.b64encode(secret.encode()).decode() for secret in plain]


@pytest.mark.parametrize("flags", [("-v",), ("-v", "--json")], ids=["text", "json"])
def test_no_command_prints_a_secret(at: CliHarness, flags: tuple[str, ...]) -> None:
    secrets, everything = _secrets(at), ""
    for arguments in VERBS:
        ran = at(*flags, *arguments)
        text = ran.out + ran.err
        everything += text
        assert "unexpected" not in text, arguments
        assert [secret for secret in secrets if secret in text] == [], arguments
        assert "PRIVATE KEY" not in text, arguments
    assert "    POST /v2/droplets: 202, " in everything, "control: the request with user-data was traced"


def test_the_search_finds_what_is_there(at: CliHarness) -> None:
    """Control: env --management prints the tokens, and the rendered file holds the node's."""
    secrets = _secrets(at)
    assert at("launch", "--yes", "--wait", "active").code == 0
    text = at("env", "--management").out
    assert sum(secret in text for secret in secrets) == 2
    bundle = (at.folder / ".bakery" / "demo" / "bundle.json").read_text(encoding="utf-8")
    assert sum(secret in bundle for secret in secrets) >= 9
    assert at("render", "--role", "nomad-client", "-o", "out").code == 0
    client = (at.folder / "out" / "nomad-client.yaml").read_text(encoding="utf-8")
    assert base64.b64encode(b"ci:canary-registry-password").decode() in client


def test_neither_a_crash_nor_its_report_holds_a_secret(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The crash comes where the bundle is in hand."""
    secrets = _secrets(at)

    def broken(*arguments: object, **_more: object) -> None:
        message = f"cannot look at {arguments!r}"
        raise RuntimeError(message)

    monkeypatch.setattr("bakery.observe.health.observe_cluster", broken)
    ran = at("status", "-v")
    assert ran.code == 1
    reports = list((at.folder.parent / "home" / "state").rglob("crash-*.txt"))
    assert len(reports) == 1
    report = reports[0].read_text(encoding="utf-8")
    assert "cannot look at" in report
    assert [secret for secret in secrets if secret in report + ran.out + ran.err] == []


def test_what_lies_on_disk_is_private(at: CliHarness) -> None:
    """Whatever holds a secret is readable by its owner alone, the folders above it too."""
    secrets = _secrets(at)
    assert at("launch", "--yes", "--wait", "active").code == 0
    assert at("browser-cert", "nomad").code == 0
    holders = [
        file
        for file in at.folder.rglob("*")
        if file.is_file() and any(secret.encode() in file.read_bytes() for secret in secrets)
    ]
    assert {file.name for file in holders} >= {
        "bundle.json",
        "consul-key.pem",
        "nomad-key.pem",
        "consul-server.yaml",
    }
    assert [file for file in holders if file.stat().st_mode & 0o077] == []
    assert (at.folder / ".bakery").stat().st_mode & 0o077 == 0
