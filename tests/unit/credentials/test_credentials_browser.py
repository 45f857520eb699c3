"""The PKCS#12 file, read back; OpenSSL's own reading of it is an integration test."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from bakery.credentials.authority import parse_certificate
from bakery.credentials.browser import browser_certificate
from bakery.credentials.model import Agent, Bundle
from bakery.credentials.store import create_bundle
from bakery.errors import CredentialsError

# DER of object identifiers (RFC 8018, appendix C; RFC 8017, appendix C).
PBES2 = bytes.fromhex("06092a864886f70d01050d")
AES_256_CBC = bytes.fromhex("060960864801650304012a")
HMAC_SHA256 = bytes.fromhex("06082a864886f70d0209")
SHA256 = bytes.fromhex("0609608648016503040201")
OLD_RC2 = bytes.fromhex("060a2a864886f70d010c0106")
NOW = datetime(2027, 4, 5, tzinfo=UTC)
"""400 days after the bundle was made."""
OLD_3DES = bytes.fromhex("060a2a864886f70d010c0103")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return create_bundle("demo", now=datetime(2026, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize("which", ["consul", "nomad"])
def test_it_holds_a_new_certificate_for_90_days_its_key_and_the_ca(bundle: Bundle, which: Agent) -> None:
    ca = bundle.consul_ca if which == "consul" else bundle.nomad_ca
    opened = load_pkcs12(browser_certificate(bundle, which, "pass wörd", now=NOW), "pass wörd".encode())
    assert opened.cert is not None
    certificate = opened.cert.certificate
    certificate.verify_directly_issued_by(parse_certificate(ca.certificate))
    assert certificate.not_valid_after_utc == NOW + timedelta(days=90)
    assert opened.cert.friendly_name == f"{which} of demo".encode()
    assert isinstance(opened.key, ec.EllipticCurvePrivateKey)
    assert opened.key.public_key() == certificate.public_key()
    assert [other.certificate for other in opened.additional_certs] == [parse_certificate(ca.certificate)]


def test_it_is_encrypted_the_modern_way(bundle: Bundle) -> None:
    content = browser_certificate(bundle, "consul", "pass", now=NOW)
    for oid in (PBES2, AES_256_CBC, HMAC_SHA256, SHA256):
        assert oid in content
    for oid in (OLD_RC2, OLD_3DES):
        assert oid not in content


def test_another_password_does_not_open_it(bundle: Bundle) -> None:
    content = browser_certificate(bundle, "consul", "right", now=NOW)
    with pytest.raises(ValueError, match=r"[Ii]nvalid password"):
        load_pkcs12(content, b"wrong")


def test_no_password_is_no_file(bundle: Bundle) -> None:
    with pytest.raises(CredentialsError, match="needs a password") as caught:
        browser_certificate(bundle, "nomad", "", now=NOW)
    assert caught.value.hint
