"""Create the two private CAs of a cluster, and issue the leaf certificates that they sign."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from bakery.config.defaults import LEAF_DAYS
from bakery.credentials.model import Agent, Authority, Bundle, Leaf
from bakery.errors import CredentialsError
from bakery.hints import Command, Hint

CA_DAYS = 10 * 365
BACKDATED = timedelta(hours=1)
"""A node whose clock is slow by less than this still accepts a new certificate."""
PERMITTED_NAMES: dict[Agent, tuple[str, ...]] = {
    "consul": ("consul", "localhost"),
    "nomad": ("nomad", "localhost", "nomad.service.consul"),
}
"""Name constraints of each CA: these names and all subdomains (RFC 5280, 4.2.1.10)."""
LOOPBACK = IPv4Address("127.0.0.1")
LONGEST_COMMON_NAME = 64
"""ub-common-name in RFC 5280, appendix A.1; ``server.<dc>.consul`` can have 77."""


@dataclass(frozen=True, kw_only=True)
class _Profile:
    """What leaf certificates of different keys have in common; all nodes of a role have one profile."""

    names: tuple[str, ...]
    client: bool
    server: bool
    address: bool
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, kw_only=True)
class _Issuer:
    """A parsed :class:`Authority`, with a store that trusts it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    """That it is the certificate's is verified with the first leaf of each profile."""
    store: Store
    builders: dict[_Profile, x509.CertificateBuilder] = field(default_factory=dict)
    """For each profile whose first leaf was verified as a client and a server do it."""


def create_authority(agent: Agent, cluster: str, *, now: datetime) -> Authority:
    """Create a CA that may sign leaf certificates only for names of ``agent`` and for loopback.

    ECDSA P-256, valid for ten years from one hour before ``now``. Path length 1 lets it sign its successor: nodes
    that trust this CA then accept leaf certificates of the next one, so replacing every node once rotates the CA.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = _subject(f"{agent.capitalize()} CA of {cluster}")
    builder = (
        _builder(name, name, not_before=_second(now) - BACKDATED, not_after=_second(now) + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .add_extension(_name_constraints(agent), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    certificate = _of_key(builder, key).sign(key, SHA256())
    return Authority(certificate=_certificate_pem(certificate), key=_key_pem(key))


def issue_leaf(
    authority: Authority,
    *,
    names: Sequence[str],
    client: bool,
    server: bool,
    now: datetime,
    days: int = LEAF_DAYS,
    key_pem: str | None = None,
    address: bool = True,
) -> Leaf:
    """Issue a leaf certificate for ``names``, localhost and 127.0.0.1.

    It is verified against its CA if it is the first with these names, dates and purposes.

    It is valid from one hour before ``now`` for ``days`` days, but never longer than its CA. ``key_pem`` is the
    private key to certify; without it a new key is created. ``address=False`` leaves 127.0.0.1 out.

    Raises:
        CredentialsError: the CA is not valid at ``now``, or may not sign one of the names.
    """
    issuer = _issuer(authority)
    _check_validity(issuer.certificate, now)
    profile = _Profile(
        names=tuple(names),
        client=client,
        server=server,
        address=address,
        not_before=max(_second(now) - BACKDATED, issuer.certificate.not_valid_before_utc),
        not_after=min(_second(now) + timedelta(days=days), issuer.certificate.not_valid_after_utc),
    )
    key = ec.generate_private_key(ec.SECP256R1()) if key_pem is None else parse_key(key_pem)
    builder = issuer.builders.get(profile) or _leaf_builder(profile, issuer.certificate)
    certificate = _of_key(builder, key).sign(issuer.key, SHA256())
    if profile not in issuer.builders:  # else it differs from one that was verified in key and serial number only
        _verify(certificate, issuer.store, names=names, client=client, server=server, now=now)
        issuer.builders[profile] = builder
    return Leaf(certificate=_certificate_pem(certificate), key=_key_pem(key))


def ca_fingerprint(bundle: Bundle) -> str:
    """Return the SHA-256 of the DER of the Consul CA followed by the Nomad CA, as 64 hex digits."""
    digest = hashlib.sha256()
    for authority in (bundle.consul_ca, bundle.nomad_ca):
        digest.update(parse_certificate(authority.certificate).public_bytes(Encoding.DER))
    return digest.hexdigest()


def parse_certificate(pem: str) -> x509.Certificate:
    """Return the first certificate in ``pem``; raise ValueError if it contains no certificate."""
    return x509.load_pem_x509_certificate(pem.encode())


def parse_key(pem: str) -> ec.EllipticCurvePrivateKey:
    """Return the private key in ``pem``; raise ValueError if it is not an elliptic-curve key."""
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        message = "not an elliptic-curve key"
        raise ValueError(message)
    return key


def is_valid_at(certificate: x509.Certificate, now: datetime) -> bool:
    """Return whether the certificate is valid at ``now``."""
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


@lru_cache(maxsize=16)
def _issuer(authority: Authority) -> _Issuer:
    certificate, key = parse_certificate(authority.certificate), parse_key(authority.key)
    return _Issuer(certificate=certificate, key=key, store=Store([certificate]))


def _leaf_builder(profile: _Profile, ca: x509.Certificate) -> x509.CertificateBuilder:
    return (
        _builder(
            _subject(profile.names[0]), ca.subject, not_before=profile.not_before, not_after=profile.not_after
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(ca=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage(_purposes(client=profile.client, server=profile.server)), critical=False
        )
        .add_extension(_alternative_names(profile.names, address=profile.address), critical=False)
        .add_extension(_authority_key_identifier(ca), critical=False)
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, *, not_before: datetime, not_after: datetime
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        subject_name=subject, issuer_name=issuer, not_valid_before=not_before, not_valid_after=not_after
    )


def _of_key(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    """Return the builder of a certificate for ``key``, with a serial number of its own."""
    public = key.public_key()
    return (
        builder.public_key(public)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _subject(common_name: str) -> x509.Name:
    # A long name is cut, not refused: all our verifiers read the subject alternative names.
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "bakery"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[:LONGEST_COMMON_NAME]),
        ]
    )


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,  # TLS handshakes
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,  # RSA key exchange only; these keys are ECDSA
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name_constraints(agent: Agent) -> x509.NameConstraints:
    names = [x509.DNSName(name) for name in PERMITTED_NAMES[agent]]
    loopback = x509.IPAddress(IPv4Network((LOOPBACK, 32)))
    return x509.NameConstraints(permitted_subtrees=[*names, loopback], excluded_subtrees=None)


def _purposes(*, client: bool, server: bool) -> list[x509.ObjectIdentifier]:
    purposes = []
    if server:
        purposes.append(ExtendedKeyUsageOID.SERVER_AUTH)
    if client:
        purposes.append(ExtendedKeyUsageOID.CLIENT_AUTH)
    return purposes


def _alternative_names(names: Sequence[str], *, address: bool) -> x509.SubjectAlternativeName:
    dns = [x509.DNSName(name) for name in (*names, "localhost")]
    return x509.SubjectAlternativeName([*dns, *([x509.IPAddress(LOOPBACK)] if address else [])])


def _authority_key_identifier(ca: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _check_validity(ca: x509.Certificate, now: datetime) -> None:
    name = ca.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    if now < ca.not_valid_before_utc:
        message = f"the {name!s} is not valid before {ca.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        raise CredentialsError(message=message, hint="check this machine's clock: date -u")
    if now >= ca.not_valid_after_utc:
        message = f"the {name!s} expired on {ca.not_valid_after_utc:%Y-%m-%d}"
        again = Hint(Command("destroy"), ", move the state folder away, ", Command("launch"))
        hint = Hint("its nodes no longer trust each other; make a new cluster: ", again)
        raise CredentialsError(message=message, hint=hint)


def _verify(
    certificate: x509.Certificate, store: Store, *, names: Sequence[str], client: bool, server: bool, now: datetime
) -> None:
    policy = PolicyBuilder().store(store).time(_second(now))
    try:
        if client:
            policy.build_client_verifier().verify(certificate, [])
        if server:
            for name in names:
                policy.build_server_verifier(x509.DNSName(name)).verify(certificate, [])
    except VerificationError as error:
        message = f"the new certificate for {', '.join(names)} does not verify against its CA"
        raise CredentialsError(message=message, details=str(error)) from error


def _certificate_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _second(moment: datetime) -> datetime:
    """Return ``moment`` in UTC and whole seconds, as X.509 encodes times."""
    return moment.astimezone(UTC).replace(microsecond=0)
