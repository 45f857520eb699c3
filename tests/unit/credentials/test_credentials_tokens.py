"""Derived tokens against values that OpenSSL computed."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import RFC_4122, UUID

import pytest

from bakery.credentials.model import Bundle, Token
from bakery.credentials.store import create_bundle
from bakery.credentials.tokens import consul_agent_token, consul_nomad_token, random_token, shared_dns_token

SEED = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    made = create_bundle("demo", now=datetime(2026, 3, 1, tzinfo=UTC))
    return replace(made, token_seed=SEED, generation=1)


# printf '1:consul-dns:secret' | openssl dgst -sha256 -mac HMAC -macopt hexkey:$SEED
# then the first 16 bytes, the version digit made 4 and the variant bits 10 (RFC 9562, 5.4).
VECTORS = {
    "1:consul-agent/demo-nomad-client-1": Token(
        accessor="72070244-f597-4c60-a51e-e08aa0a9393b", secret="08e34d13-c6fe-4a1b-a025-5223d201d41f"
    ),
    "1:consul-nomad/demo-nomad-client-1": Token(
        accessor="2c78a920-5b92-4ea6-87fa-0360c24148f2", secret="043cf179-e2e3-4d20-b307-ee62cf413e84"
    ),
    "1:consul-dns": Token(
        accessor="af78753f-ea42-4dc2-9113-68d1c163c2a1", secret="9e2b7fd5-2b79-401c-9ac7-73dd891621cc"
    ),
}


def test_tokens_are_what_openssl_computes(bundle: Bundle) -> None:
    assert {
        "1:consul-agent/demo-nomad-client-1": consul_agent_token(bundle, "demo-nomad-client-1"),
        "1:consul-nomad/demo-nomad-client-1": consul_nomad_token(bundle, "demo-nomad-client-1"),
        "1:consul-dns": shared_dns_token(bundle),
    } == VECTORS


def test_every_subject_purpose_field_and_generation_has_its_own(bundle: Bundle) -> None:
    bundles = [bundle, replace(bundle, generation=2), replace(bundle, token_seed=SEED[::-1])]
    tokens = [
        token
        for one in bundles
        for token in (
            consul_agent_token(one, "demo-a-1"),
            consul_agent_token(one, "demo-a-2"),
            consul_nomad_token(one, "demo-a-1"),
            shared_dns_token(one),
        )
    ]
    ids = [identity for token in tokens for identity in (token.accessor, token.secret)]
    assert len(set(ids)) == len(ids) == 24


def test_all_are_version_4_uuids(bundle: Bundle) -> None:
    for token in (consul_agent_token(bundle, "a"), shared_dns_token(bundle), random_token()):
        for text in (token.accessor, token.secret):
            assert UUID(text).version == 4
            assert UUID(text).variant == RFC_4122
            assert str(UUID(text)) == text


def test_management_tokens_are_random_and_do_not_depend_on_the_seed(bundle: Bundle) -> None:
    other = create_bundle("demo", now=datetime(2026, 3, 1, tzinfo=UTC))
    ids = [
        identity
        for token in (
            bundle.consul_management,
            bundle.nomad_management,
            other.consul_management,
            other.nomad_management,
        )
        for identity in (token.accessor, token.secret)
    ]
    assert len(set(ids)) == 8


def test_a_token_hides_its_secret() -> None:
    assert "hidden" not in repr(Token(accessor="seen", secret="hidden"))
