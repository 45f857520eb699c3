"""No secret shows where people or logs look: repr, errors, their causes, and the CA's own table."""

import json
import traceback
from base64 import b64encode
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from pydantic import TypeAdapter, ValidationError

from bakery.config.model import Kind
from bakery.credentials import codec
from bakery.credentials.browser import browser_certificate
from bakery.credentials.inspect import describe
from bakery.credentials.issue import issue_for_node
from bakery.credentials.model import Bundle, NodeCredentials
from bakery.credentials.store import create_bundle, find_bundle
from bakery.errors import CredentialsError
from tests.helpers.state import paths_in

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PUBLIC = {"cluster", "generation", "certificate", "accessor", "subject", "kind", "consul_ca", "nomad_ca"}
"""Fields that may be shown; in Bundle the CAs are objects, and their keys are checked by themselves."""


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return create_bundle("demo", now=NOW)


def secrets_of(value: object, name: str = "") -> list[str]:
    """Every text in ``value`` but the public fields: a new field counts as secret until it is listed."""
    if is_dataclass(value) and not isinstance(value, type):
        return [secret for one in fields(value) for secret in secrets_of(getattr(value, one.name), one.name)]
    return [value] if isinstance(value, str) and name not in PUBLIC else []


def shown(text: str, secrets: list[str]) -> list[str]:
    """Those of ``secrets`` that can be read in ``text``, whole, by line, or in base64."""
    forms = {
        secret: [*secret.splitlines()[1:-1], secret, b64encode(secret.encode()).decode()] for secret in secrets
    }
    return [secret for secret, ways in forms.items() if any(way in text for way in ways)]


def everything_about(error: BaseException) -> str:
    """What a log, a traceback or a debugger's repr could show of an error and all that led to it."""
    text = "".join(traceback.format_exception(error))
    current: BaseException | None = error
    while current is not None:
        text += repr(current) + repr(current.args) + repr(vars(current))
        text += repr(current.errors()) if isinstance(current, ValidationError) else ""
        current = current.__cause__ or current.__context__
    return text


def test_the_canaries_are_there(bundle: Bundle) -> None:
    """Control: the search finds all secrets in the document that does hold them."""
    secrets = secrets_of(bundle)
    assert len(secrets) == 9  # four keys, two gossip keys, the seed, two management tokens
    assert shown(codec.encode(bundle).decode().replace("\\n", "\n"), secrets) == secrets
    node = issue_for_node(bundle, name="n", kind=Kind.SERVER, now=NOW)
    assert len(secrets_of(node)) == 6  # two keys, two gossip keys, two tokens


@pytest.mark.parametrize("kind", [None, *Kind])
def test_repr_and_str_show_none(bundle: Bundle, kind: Kind | None) -> None:
    value: Bundle | NodeCredentials = (
        bundle if kind is None else issue_for_node(bundle, name="n", kind=kind, now=NOW)
    )
    secrets = secrets_of(value)
    assert secrets
    for text in (repr(value), str(value), f"{value}", repr([value])):
        assert shown(text, secrets) == []
    for inner in vars(value).values():
        if is_dataclass(inner):
            assert shown(repr(inner), secrets) == []


def test_the_table_for_people_shows_none(bundle: Bundle) -> None:
    assert shown(repr(describe(bundle)), secrets_of(bundle)) == []


@pytest.mark.parametrize("name", ["token_seed", "consul_gossip_key", "consul_ca"])
def test_errors_about_a_damaged_bundle_show_none(bundle: Bundle, name: str, tmp_path: Path) -> None:
    paths = paths_in(tmp_path)
    paths.ensure()
    content = codec.encode(bundle)
    for spoilt in (
        content[:-5],
        content.replace(f'"{name}"'.encode(), b'"other"'),
        content.replace(b"BEGIN", b"B"),
        with_wrong_type(content, name),
    ):
        paths.bundle.write_bytes(spoilt)
        with pytest.raises(CredentialsError, match="is damaged") as caught:
            find_bundle(paths)
        assert shown(everything_about(caught.value).replace("\\n", "\n"), secrets_of(bundle)) == []


def with_wrong_type(content: bytes, name: str) -> bytes:
    """The document with a list around the value of ``name``."""
    document = json.loads(content)
    return json.dumps(document | {name: [document[name]]}).encode()


@pytest.mark.parametrize("name", ["token_seed", "consul_gossip_key"])
def test_an_error_of_pydantic_would_be_caught(bundle: Bundle, name: str) -> None:
    """Control: pydantic keeps what it was given in its error."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Bundle).validate_json(with_wrong_type(codec.encode(bundle), name), strict=True)
    assert getattr(bundle, name) in shown(everything_about(caught.value), secrets_of(bundle))


def test_a_careless_error_would_be_caught(bundle: Bundle) -> None:
    """Control: json keeps the whole document in its error, and a cause is enough to carry it into a log."""
    careless = CredentialsError(message="careless")
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads(codec.encode(bundle)[:-5])
    careless.__cause__ = caught.value
    assert shown(everything_about(careless).replace("\\n", "\n"), secrets_of(bundle)) != []


def test_errors_about_issuing_show_none(bundle: Bundle) -> None:
    with pytest.raises(CredentialsError) as caught:
        issue_for_node(bundle, name="n", kind=Kind.SERVER, now=NOW + timedelta(days=4000))
    assert shown(everything_about(caught.value), secrets_of(bundle)) == []


def test_the_browser_file_shows_neither_key_nor_password(bundle: Bundle) -> None:
    content = browser_certificate(bundle, "consul", "canary-password", now=NOW)
    assert b"canary-password" not in content
    assert "canary-password".encode("utf-16-be") not in content
    assert shown(content.decode("latin-1"), secrets_of(bundle)) == []
    key = load_pkcs12(content, b"canary-password").key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    number = key.private_numbers().private_value.to_bytes(32, "big")
    assert number in key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())  # control
    assert number not in content
