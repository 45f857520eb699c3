"""What is removed from a text that leaves the machine."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bakery.config.load import load_cluster
from bakery.config.model import Kind
from bakery.credentials.issue import role_credentials
from bakery.credentials.redaction import secrets_of, secrets_of_file, secrets_on_disk, without_secrets
from bakery.credentials.store import create_bundle
from bakery.credentials.tokens import (
    consul_agent_token,
    consul_ingress_token,
    consul_nomad_token,
    shared_dns_token,
)
from bakery.render.document import packed
from tests.helpers.cli import SMALL
from tests.helpers.state import paths_in

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
BUNDLE = create_bundle("demo", now=NOW)
PACKED = packed("a line of a file\n" * 1000)["content"]


def test_every_secret_of_the_bundle_is_known() -> None:
    secrets = secrets_of(BUNDLE, ["demo-nomad-client-1"])
    derived = (
        consul_agent_token(BUNDLE, "demo-nomad-client-1"),
        consul_nomad_token(BUNDLE, "demo-nomad-client-1"),
        consul_ingress_token(BUNDLE, "demo-nomad-client-1"),
        shared_dns_token(BUNDLE),
        BUNDLE.consul_management,
        BUNDLE.nomad_management,
    )
    assert {token.secret for token in derived} <= set(secrets)
    assert {BUNDLE.consul_gossip_key, BUNDLE.nomad_gossip_key, BUNDLE.token_seed} <= set(secrets)
    for key in (BUNDLE.consul_ca.key, BUNDLE.nomad_ca.key, BUNDLE.consul_operator.key, BUNDLE.nomad_operator.key):
        assert key.splitlines()[1] in secrets
    assert BUNDLE.consul_management.accessor not in secrets  # control: it is no secret


def test_a_secret_in_a_sentence_is_replaced() -> None:
    secret = BUNDLE.nomad_management.secret
    assert without_secrets(f"token={secret};", secrets_of(BUNDLE, [])) == "token=***;"


def test_the_keys_of_hand_made_nodes_are_known(tmp_path: Path) -> None:
    paths = paths_in(tmp_path)
    assert secrets_on_disk(paths) == ()
    with role_credentials(BUNDLE, paths, role="pool", kind=Kind.NOMAD_CLIENT, now=NOW) as made:
        pass
    assert made.nomad is not None
    for leaf in (made.consul, made.nomad):
        assert leaf.key.splitlines()[1] in secrets_on_disk(paths)


def test_the_operators_keys_are_known(tmp_path: Path) -> None:
    """Also while the bundle, which has them too, cannot be read."""
    paths = paths_in(tmp_path)
    paths.ensure()
    paths.consul_key.write_text(BUNDLE.consul_operator.key)
    assert BUNDLE.consul_operator.key.splitlines()[1] in secrets_on_disk(paths)


def test_a_file_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    paths = paths_in(tmp_path)
    for name in ("ann", "zoe"):
        paths.issued_to(name).folder.mkdir(parents=True)
        paths.issued_to(name).nomad_token.write_text(f"canary-of-{name}-here")
    paths.issued_to("ci").nomad_token.mkdir(parents=True)
    assert secrets_on_disk(paths) == ("canary-of-ann-here", "canary-of-zoe-here")


MERGED = """\
nomad: {vault: {token: canary-a, short: seven-7}, \
lines: "  canary-b\\r\\n7\\ncanary-c\\n", list: [{a: canary-d}]}, \
consul: {telemetry: {check: 8273645512, part: -12345678.5, small: 1234567, on: true}}, user_data: [wg.sh]"""


def test_merged_values_and_files_of_user_data_are_known(tmp_path: Path) -> None:
    """Not short ones: they may be in any text. A text of several lines may be written line by line."""
    (tmp_path / "wg.sh").write_text("#!/bin/sh\n  PrivateKey=canary-e\nPrivateKey=abcd\n")
    (tmp_path / "bakery.yaml").write_text(SMALL.replace("nomad-client: {", f"nomad-client: {{{MERGED}, "))
    assert set(secrets_of_file(load_cluster(tmp_path / "bakery.yaml"))) == {
        "canary-a", "  canary-b\r\n7\ncanary-c\n", "canary-b", "canary-c", "canary-d",
        "8273645512", "-12345678.5", "PrivateKey=canary-e",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["dop_v1_" + "a" * 64, BUNDLE.consul_ca.key.strip(), "AGE-SECRET-KEY-1" + "Q" * 58, PACKED],
    ids=["token", "key", "age", "file of user-data"],
)
def test_what_has_the_form_of_a_secret_is_removed(text: str) -> None:
    assert without_secrets(f"a {text} b", ()) == "a *** b"


def test_nothing_else_is() -> None:
    text = "demo-nomad-client-1 10.100.0.10 4f1c0000-0000-4000-8000-000000000000 -----BEGIN CERTIFICATE-----"
    assert without_secrets(text, secrets_of(BUNDLE, [])) == text


def test_a_secret_with_the_form_of_a_token_in_it_is_cut_whole() -> None:
    token = f"dop_v1_{'0' * 64}"
    secret = f"postgres://user:canary-before@db/x?t={token}canary-after"
    assert without_secrets(f"log: {secret} end", [secret]) == "log: *** end"
    assert without_secrets(f"log: {token} end", []) == "log: *** end"
