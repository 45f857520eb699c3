"""Every certificate is parsed back and compared, extension by extension, with a table written by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bakery.credentials import authority
from bakery.credentials.authority import create_authority, issue_leaf
from bakery.credentials.model import Agent, Authority, Leaf
from bakery.errors import CredentialsError

NOW = datetime(2026, 3, 1, 12, 30, 15, 999_999, tzinfo=UTC)
SECOND = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)

# RFC 5280: 4.2.1.9 basic constraints, 4.2.1.3 key usage, 4.2.1.10 name constraints: critical in a CA.
# "identifiers" are the RFC's subject and authority key identifiers (4.2.1.1 and 4.2.1.2): never critical.
CA_TABLE: dict[Agent, dict[str, object]] = {
    "consul": {
        "basicConstraints": ("critical", True, 1),
        "keyUsage": ("critical", {"key_cert_sign", "crl_sign"}),
        "nameConstraints": ("critical", {"DNS:consul", "DNS:localhost", "IP:127.0.0.1/32"}, None),
        "subjectKeyIdentifier": "own key",
        "authorityKeyIdentifier": "the CA's key",
    },
    "nomad": {
        "basicConstraints": ("critical", True, 1),
        "keyUsage": ("critical", {"key_cert_sign", "crl_sign"}),
        "nameConstraints": (
            "critical",
            {"DNS:nomad", "DNS:localhost", "DNS:nomad.service.consul", "IP:127.0.0.1/32"},
            None,
        ),
        "subjectKeyIdentifier": "own key",
        "authorityKeyIdentifier": "the CA's key",
    },
}
KEY_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
    "key_agreement", "key_cert_sign", "crl_sign",
)  # fmt: skip


def parsed(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def facts(certificate: x509.Certificate, ca: x509.Certificate) -> dict[str, object]:
    """All extensions of a certificate as plain values; an unknown one shows up by its OID."""
    return {extension.oid._name: _fact(extension, certificate, ca) for extension in certificate.extensions}


def _fact(
    extension: x509.Extension[x509.ExtensionType], certificate: x509.Certificate, ca: x509.Certificate
) -> object:
    critical = "critical" if extension.critical else "not critical"
    match extension.value:
        case x509.BasicConstraints() as value:
            return critical, value.ca, value.path_length
        case x509.KeyUsage() as value:
            return critical, {usage for usage in KEY_USAGES if getattr(value, usage)}
        case x509.ExtendedKeyUsage() as value:
            return critical, {usage._name for usage in value}
        case x509.NameConstraints() as value:
            return critical, {_name(name) for name in value.permitted_subtrees or []}, value.excluded_subtrees
        case x509.SubjectAlternativeName() as value:
            return critical, [_name(name) for name in value]
        case x509.SubjectKeyIdentifier() as value:
            own = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
            return "own key" if value == own and not extension.critical else value
        case x509.AuthorityKeyIdentifier() as value:
            of_ca = x509.SubjectKeyIdentifier.from_public_key(ca.public_key())
            return "the CA's key" if value.key_identifier == of_ca.key_identifier else value
        case other:
            return other


def _name(name: x509.GeneralName) -> str:
    return f"{'DNS' if isinstance(name, x509.DNSName) else 'IP'}:{name.value}"


@pytest.fixture(scope="module")
def consul_ca() -> Authority:
    return create_authority("consul", "demo", now=NOW)


def leaf_of(ca: Authority, *, days: int = 365, now: datetime = NOW) -> Leaf:
    return issue_leaf(ca, names=["server.demo.consul"], client=True, server=True, days=days, now=now)


@pytest.mark.parametrize("agent", ["consul", "nomad"])
def test_a_ca_has_the_extensions_of_the_table_and_no_others(agent: Agent) -> None:
    certificate = parsed(create_authority(agent, "demo", now=NOW).certificate)
    assert facts(certificate, certificate) == CA_TABLE[agent]


def test_a_ca_is_p256_self_signed_and_lasts_ten_years_from_an_hour_back(consul_ca: Authority) -> None:
    certificate = parsed(consul_ca.certificate)
    key = load_pem_private_key(consul_ca.key.encode(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"
    assert key.public_key() == certificate.public_key()
    certificate.verify_directly_issued_by(certificate)
    assert certificate.subject.rfc4514_string() == "CN=Consul CA of demo,O=bakery"
    assert certificate.not_valid_before_utc == datetime(2026, 3, 1, 11, 30, 15, tzinfo=UTC)
    assert certificate.not_valid_after_utc == datetime(2036, 2, 27, 12, 30, 15, tzinfo=UTC)  # 3650 days
    assert certificate.version == x509.Version.v3


# Both ends on nodes, the client's alone for the operator (RFC 5280, 4.2.1.12). Signing handshakes is all that an
# ECDSA leaf does (RFC 5480, 3; RFC 8446, 4.4.2.2).
@pytest.mark.parametrize(
    ("client", "server", "purposes"),
    [
        (True, True, {"serverAuth", "clientAuth"}),
        (True, False, {"clientAuth"}),
        (False, True, {"serverAuth"}),
    ],
)
def test_a_leaf_has_the_extensions_of_the_table_and_no_others(
    consul_ca: Authority, *, client: bool, server: bool, purposes: set[str]
) -> None:
    leaf = issue_leaf(consul_ca, names=["server.demo.consul"], client=client, server=server, now=NOW)
    assert facts(parsed(leaf.certificate), parsed(consul_ca.certificate)) == {
        "basicConstraints": ("critical", False, None),
        "keyUsage": ("critical", {"digital_signature"}),
        "extendedKeyUsage": ("not critical", purposes),
        "subjectAltName": ("not critical", ["DNS:server.demo.consul", "DNS:localhost", "IP:127.0.0.1"]),
        "subjectKeyIdentifier": "own key",
        "authorityKeyIdentifier": "the CA's key",
    }


def test_a_leaf_is_signed_by_its_ca_with_a_key_of_its_own(consul_ca: Authority) -> None:
    first, second = leaf_of(consul_ca), leaf_of(consul_ca)
    certificate, ca = parsed(first.certificate), parsed(consul_ca.certificate)
    certificate.verify_directly_issued_by(ca)
    key = load_pem_private_key(first.key.encode(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"
    assert key.public_key() == certificate.public_key()
    assert first.key != second.key
    assert certificate.serial_number != parsed(second.certificate).serial_number
    assert certificate.subject.rfc4514_string() == "CN=server.demo.consul,O=bakery"


def test_a_leaf_lasts_the_given_days_from_an_hour_back(consul_ca: Authority) -> None:
    later = SECOND + timedelta(days=100)
    certificate = parsed(leaf_of(consul_ca, now=later).certificate)
    assert certificate.not_valid_before_utc == later - timedelta(hours=1)
    assert certificate.not_valid_after_utc == later + timedelta(days=365)


def test_a_leaf_ends_with_its_ca_if_nothing_else_is_said(consul_ca: Authority) -> None:
    later = SECOND + timedelta(days=100)
    leaf = issue_leaf(consul_ca, names=["server.demo.consul"], client=True, server=True, now=later)
    assert parsed(leaf.certificate).not_valid_after_utc == datetime(2036, 2, 27, 12, 30, 15, tzinfo=UTC)


def test_a_leaf_can_be_for_a_key_that_is_there(consul_ca: Authority) -> None:
    first = leaf_of(consul_ca)
    again = issue_leaf(consul_ca, names=["cli.demo.consul"], client=True, server=False, now=NOW, key_pem=first.key)
    assert again.key == first.key
    assert parsed(again.certificate).public_key() == parsed(first.certificate).public_key()
    assert parsed(again.certificate).serial_number != parsed(first.certificate).serial_number


def test_a_leaf_never_outlives_its_ca(consul_ca: Authority) -> None:
    ca = parsed(consul_ca.certificate)
    late = parsed(leaf_of(consul_ca, now=SECOND + timedelta(days=3600)).certificate)
    assert late.not_valid_after_utc == ca.not_valid_after_utc
    early = parsed(leaf_of(consul_ca, now=SECOND - timedelta(minutes=30)).certificate)
    assert early.not_valid_before_utc == ca.not_valid_before_utc


def test_an_expired_ca_signs_nothing(consul_ca: Authority) -> None:
    with pytest.raises(CredentialsError, match="the Consul CA of demo expired on 2036-02-27") as caught:
        leaf_of(consul_ca, now=SECOND + timedelta(days=3650))
    assert caught.value.hint


def test_a_clock_before_the_ca_is_named(consul_ca: Authority) -> None:
    with pytest.raises(CredentialsError, match="not valid before 2026-03-01 11:30 UTC") as caught:
        leaf_of(consul_ca, now=SECOND - timedelta(hours=2))
    assert caught.value.hint == "check this machine's clock: date -u"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("consul", "example.com"),
        ("consul", "server.global.nomad"),
        ("consul", "consul.example.com"),
        ("consul", "notconsul"),
        ("nomad", "server.demo.consul"),
        ("nomad", "vault.service.consul"),
        ("nomad", "example.com"),
    ],
)
@pytest.mark.parametrize(("client", "server"), [(True, False), (False, True)])
def test_a_name_outside_the_constraints_is_never_issued(
    agent: Agent, name: str, *, client: bool, server: bool
) -> None:
    ca = create_authority(agent, "demo", now=NOW)
    with pytest.raises(CredentialsError, match="does not verify") as caught:
        issue_leaf(ca, names=[name], client=client, server=server, now=NOW)
    assert "name constraints" in str(caught.value.details)


def test_without_the_constraints_the_same_name_is_issued(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: it is the CA's name constraints that refuse, nothing else."""
    monkeypatch.setitem(authority.PERMITTED_NAMES, "consul", ("com", "localhost"))
    ca = create_authority("consul", "demo", now=NOW)
    leaf = issue_leaf(ca, names=["example.com"], client=True, server=True, now=NOW)
    assert "BEGIN CERTIFICATE" in leaf.certificate


def test_a_leaf_that_does_not_verify_is_never_handed_out(
    consul_ca: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = ec.generate_private_key(ec.SECP256R1())
    issuer = authority._issuer(consul_ca)
    broken = replace(issuer, key=foreign, builders={})
    monkeypatch.setattr(authority, "_issuer", lambda _: broken)
    with pytest.raises(CredentialsError, match="does not verify against its CA"):
        leaf_of(consul_ca)


def test_leaves_of_one_profile_differ_in_key_and_number(consul_ca: Authority) -> None:
    first, second = (parsed(leaf_of(consul_ca).certificate) for _ in range(2))
    assert first.serial_number != second.serial_number
    for leaf in (first, second):
        own = leaf.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        assert own == x509.SubjectKeyIdentifier.from_public_key(leaf.public_key())
    assert first.public_key() != second.public_key()
    ca = parsed(consul_ca.certificate)
    assert facts(first, ca) == facts(second, ca)
    assert (first.subject, first.not_valid_after_utc) == (second.subject, second.not_valid_after_utc)


@pytest.mark.parametrize(
    "other",
    [
        {"names": ["cli.demo.consul"]},
        {"client": False},
        {"server": False},
        {"address": False},
        {"days": 7},
        {"now": NOW + timedelta(days=1)},
    ],
    ids=str,
)
def test_leaves_of_different_profiles_are_kept_apart(consul_ca: Authority, other: dict[str, Any]) -> None:
    """Control of the test above."""
    usual: dict[str, Any] = {
        "names": ["server.demo.consul"],
        "client": True,
        "server": True,
        "days": 365,
        "now": NOW,
    }
    first, second = (parsed(issue_leaf(consul_ca, **(usual | more)).certificate) for more in ({}, other))
    ca = parsed(consul_ca.certificate)
    told = [(facts(leaf, ca), leaf.not_valid_before_utc, leaf.not_valid_after_utc) for leaf in (first, second)]
    assert told[0] != told[1]


def test_the_longest_cluster_name_fits() -> None:
    """An RFC 1035 label has up to 63 characters, a common name up to 64 (RFC 5280, appendix A.1)."""
    cluster = "c" * 63
    name = f"server.{cluster}.consul"
    ca = create_authority("consul", cluster, now=NOW)
    leaf = parsed(issue_leaf(ca, names=[name], client=True, server=True, now=NOW).certificate)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert name in names.get_values_for_type(x509.DNSName)
    assert len(str(leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)) == 64


def test_the_ca_key_is_parsed_once_however_many_leaves_it_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    ca = create_authority("consul", "demo", now=NOW)
    parsed_keys = []
    parse = authority.parse_key

    def count(pem: str) -> ec.EllipticCurvePrivateKey:
        parsed_keys.append(pem)
        return parse(pem)

    monkeypatch.setattr(authority, "parse_key", count)
    for _ in range(3):
        leaf_of(ca)
    assert parsed_keys == [ca.key]


def test_facts_show_what_the_tables_do_not_expect() -> None:
    """Control: the comparison sees a wrong flag, a wrong value and an extension too many."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "control")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, SECOND, SECOND + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=False)
        .add_extension(x509.NameConstraints([x509.IPAddress(IPv4Network("10.0.0.0/8"))], None), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("10.0.0.1"))]), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=True)
        .add_extension(x509.OCSPNoCheck(), critical=False)
        .sign(key, SHA256())
    )
    assert facts(certificate, certificate) == {
        "basicConstraints": ("not critical", True, 1),
        "nameConstraints": ("not critical", {"IP:10.0.0.0/8"}, None),
        "subjectAltName": ("critical", ["IP:10.0.0.1"]),
        "extendedKeyUsage": ("critical", {"codeSigning"}),
        "OCSPNoCheck": x509.OCSPNoCheck(),
    }
