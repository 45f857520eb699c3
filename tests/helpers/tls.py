"""Certificates that bakery would never issue, and real TLS handshakes on loopback with OpenSSL."""

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

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

from bakery.credentials.model import Authority, Leaf

PATIENCE = 10.0
"""Seconds until a handshake that hangs counts as failed."""


def forge_leaf(
    ca: Authority, names: Sequence[str], *, not_before: datetime, not_after: datetime, address: str = "127.0.0.1"
) -> Leaf:
    """A leaf certificate signed with the CA's own key and no check at all: what a thief of the key could make."""
    issuer = x509.load_pem_x509_certificate(ca.certificate.encode())
    signer = load_pem_private_key(ca.key.encode(), password=None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives = [*(x509.DNSName(name) for name in names), x509.IPAddress(IPv4Address(address))]
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        x509.CertificateBuilder(issuer.subject, _common_name(names[0]), key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.ExtendedKeyUsage(both), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, SHA256())
    )
    return Leaf(certificate=_pem(certificate), key=_key_pem(key))


def self_signed(*names: str) -> Leaf:
    """A certificate for these host names that its own key has signed; it lasts a day."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    certificate = (
        x509.CertificateBuilder(_common_name(names[0]), _common_name(names[0]), key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(alternatives, critical=False)
        .sign(key, SHA256())
    )
    return Leaf(certificate=_pem(certificate), key=_key_pem(key))


def unconstrained_authority(*, now: datetime) -> Authority:
    """A CA without name constraints: the control for every test of them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _common_name("unconstrained")
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    return Authority(certificate=_pem(certificate), key=_key_pem(key))


def cross_sign(old: Authority, new: Authority) -> str:
    """The certificate that makes leaves of ``new`` count for those who trust ``old``."""
    issuer = x509.load_pem_x509_certificate(old.certificate.encode())
    subject = x509.load_pem_x509_certificate(new.certificate.encode())
    signer = load_pem_private_key(old.key.encode(), password=None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    certificate = (
        x509.CertificateBuilder(issuer.subject, subject.subject, subject.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(issuer.not_valid_before_utc)
        .not_valid_after(issuer.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(subject.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, SHA256())
    )
    return _pem(certificate)


def handshake(
    folder: Path, *, ca: str, server: Leaf, client: Leaf | None, name: str, check_name: bool = True
) -> str | None:
    """Shake hands over loopback, each end trusting only ``ca``; None if both agree, else the first refusal.

    The client wants a certificate for ``name``; without ``check_name`` any that ``ca`` signed will do.
    """
    refusals: list[str] = []
    server_context = _context(ssl.PROTOCOL_TLS_SERVER, folder / "server", ca, server)
    client_context = _context(ssl.PROTOCOL_TLS_CLIENT, folder / "client", ca, client)
    client_context.check_hostname = check_name
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        thread = threading.Thread(target=_serve, args=(listener, server_context, refusals))
        thread.start()
        try:
            _dial(listener.getsockname()[1], client_context, name)
        except OSError as error:
            refusals.append(f"client: {error}")
        thread.join(PATIENCE)
    # A refusing end only sends an alert, and the other end's account of that is vague.
    return min(refusals, key=lambda text: "certificate verify failed" not in text, default=None)


@contextmanager
def shaking_hands(folder: Path, *, ca: str, server: Leaf) -> Iterator[int]:
    """The port on loopback of a server that shakes one hand, with a client that ``ca`` signed."""
    refusals: list[str] = []
    context = _context(ssl.PROTOCOL_TLS_SERVER, folder / "server", ca, server)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        thread = threading.Thread(target=_serve, args=(listener, context, refusals))
        thread.start()
        yield listener.getsockname()[1]
        thread.join(PATIENCE)


def _serve(listener: socket.socket, context: ssl.SSLContext, refusals: list[str]) -> None:
    try:
        raw, _ = listener.accept()
        raw.settimeout(PATIENCE)
        with raw, context.wrap_socket(raw, server_side=True) as secured:
            # In TLS 1.3 the client has not been judged before the server reads.
            secured.sendall(secured.recv(1))
    except OSError as error:
        refusals.append(f"server: {error}")


def _dial(port: int, context: ssl.SSLContext, name: str) -> None:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as raw,
        context.wrap_socket(raw, server_hostname=name) as secured,
    ):
        secured.sendall(b"x")
        assert secured.recv(1) == b"x"


def _context(protocol: int, prefix: Path, ca: str, leaf: Leaf | None) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=ca)
    if leaf is not None:
        certificate, key = prefix.with_suffix(".pem"), prefix.with_suffix(".key")
        certificate.write_text(leaf.certificate, encoding="ascii")
        key.write_text(leaf.key, encoding="ascii")
        context.load_cert_chain(certificate, key)
    return context


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
