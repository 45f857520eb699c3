"""The secrets that bakery knows on this machine: from which places, and that one place hides no other."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bakery.config.load import load_cluster
from bakery.credentials import seen
from bakery.credentials.store import ensure_bundle
from bakery.credentials.tokens import consul_agent_token
from bakery.operations import known_secrets as module
from bakery.operations.known_secrets import VARIABLES, known_secrets
from tests.helpers.cli import SMALL
from tests.helpers.state import paths_in

FILE = (
    SMALL.replace(
        "nomad-client: {", "nomad-client: {user_data: [part.sh], nomad: {a: canary-merged, b: 8273645512}, "
    )
    + """\
docker:
  registries:
    a.example.com: {username_env: REGISTRY_USER, password_env: REGISTRY_PASSWORD}
"""
)
LOST = {
    "find_bundle": {"node", "role", "rendered", "droplet"},
    "build_plan": {"node"},
    "rendered_roles": {"rendered"},
}
"""The subjects whose tokens are not known without a source, by its name; without others all are."""


def test_every_place_has_its_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "REGISTRY_USER", "REGISTRY_PASSWORD"):
        monkeypatch.setenv(name, f" canary-{name} ")
    token = tmp_path / "token"
    token.write_text("canary-of-the-token-file\n")
    monkeypatch.setenv("DIGITALOCEAN_TOKEN_FILE", str(token))
    monkeypatch.setenv("https_proxy", "http://me:canary%40proxy@proxy.example.com:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://[broken")
    monkeypatch.setenv("ALL_PROXY", "me:canary-without-a-scheme@proxy.example.com:3128")
    derived = cluster_in(tmp_path)
    seen.note("canary-held")
    wanted = {
        *(f"canary-{name}" for name in (*VARIABLES, "REGISTRY_USER", "REGISTRY_PASSWORD")),
        "canary-of-the-token-file", "canary-issued-token", "canary-held", "canary@proxy",
        "canary-without-a-scheme",
        "canary-merged", "8273645512", "canary-of-user-data", *derived.values(),
    }  # fmt: skip
    assert wanted - set(known_secrets(load_cluster(tmp_path / "bakery.yaml"), droplets=["left"])) == set()


@pytest.mark.parametrize(
    "broken",
    [
        "secrets_of_file",
        "secrets_on_disk",
        "find_bundle",
        "build_plan",
        "rendered_roles",
        "read_token",
        "seen_secrets",
    ],
)
def test_one_that_cannot_be_read_hides_no_other(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    derived = cluster_in(tmp_path)
    config = load_cluster(tmp_path / "bakery.yaml")
    whole = set(known_secrets(config, droplets=["left"]))
    seen._seen.clear()
    monkeypatch.setattr(module, broken, failing(OSError("not to be read")))
    left = set(known_secrets(config, droplets=["left"]))
    lost = {name for name, secret in derived.items() if secret not in left}
    assert lost == LOST.get(broken, set())
    assert ("canary-issued-token" in left) == (broken != "secrets_on_disk")
    assert left <= whole


def test_a_mistake_in_a_source_is_raised_unless_the_caller_leaves_it_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A support bundle is not written without them; the report of a crash is."""
    cluster_in(tmp_path)
    config = load_cluster(tmp_path / "bakery.yaml")
    monkeypatch.setattr(module, "secrets_of_file", failing(RuntimeError("a mistake")))
    with pytest.raises(RuntimeError, match="a mistake"):
        known_secrets(config)
    assert "canary-issued-token" in known_secrets(config, left_out=(Exception,))


def test_a_short_user_name_is_not_searched_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_USER", "nomad")
    cluster_in(tmp_path)
    assert "nomad" not in known_secrets(load_cluster(tmp_path / "bakery.yaml"))


def cluster_in(folder: Path) -> dict[str, str]:
    """Write a cluster file, a bundle, an issued token and a rendered role; return derived tokens by subject."""
    (folder / "part.sh").write_text("#!/bin/sh\ncanary-of-user-data\n")
    (folder / "bakery.yaml").write_text(FILE)
    paths = paths_in(folder)
    paths.ensure()
    bundle = ensure_bundle(paths, "demo", now=datetime.now(UTC))
    paths.issued_to("ci").folder.mkdir(parents=True)
    paths.issued_to("ci").nomad_token.write_text("canary-issued-token\n")
    paths.roles.mkdir()
    (paths.roles / "gone.json").write_text("{}")
    subjects = {"node": "demo-nomad-client-1", "role": "nomad-client", "rendered": "gone", "droplet": "left"}
    derived = {name: consul_agent_token(bundle, subject).secret for name, subject in subjects.items()}
    seen._seen.clear()
    return derived


def failing(error: Exception) -> Callable[..., object]:
    def fail(*_: object) -> object:
        raise error

    return fail
