"""TLS certificates of load balancers: uploaded ones, and those that an emulated Let's Encrypt issues.

An issued certificate is signed by itself: no client trusts it, and its host names and dates are right.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import NameOID

from bakery.emulator.account.errors import NotFound, Unprocessable
from bakery.emulator.account.model import Certificate
from bakery.emulator.account.settings import EmulatorSettings
from bakery.emulator.account.source import Ids, WallClock

DAYS = 90
"""The lifetime of Let's Encrypt's certificates (https://letsencrypt.org/docs/faq/)."""


class Certificates:
    """All certificates of the account."""

    def __init__(self, settings: EmulatorSettings, clock: WallClock, ids: Ids) -> None:
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._certificates: dict[str, Certificate] = {}

    def restore(self, certificates: Iterable[Certificate]) -> None:
        """Replace all certificates."""
        self._certificates = {each.id: each for each in certificates}

    def all(self) -> list[Certificate]:
        return list(self._certificates.values())

    def find(self, certificate_id: str) -> Certificate | None:
        return self._certificates.get(certificate_id.lower())

    def get(self, certificate_id: str) -> Certificate:
        certificate = self.find(certificate_id)
        if certificate is None:
            raise NotFound
        return certificate

    def upload(self, name: str, *, leaf: str, private_key: str, chain: str) -> Certificate:
        """Add a custom certificate. Raises Unprocessable for PEM that cannot be read or does not match."""
        certificates = _parse_chain(f"{leaf.strip()}\n{chain.strip()}\n")
        _check_key(certificates[0], private_key)
        return self._add(name, "custom", certificates, private_key)

    def issue(self, name: str, dns_names: list[str]) -> Certificate:
        """Issue a certificate as Let's Encrypt would; it is ``pending`` for ``certificate_s``.

        Raises Unprocessable for a name that cannot be in a certificate.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            leaf = _self_signed(dns_names, key, self._clock())
        except ValueError:
            message = "dns_names has an invalid host name"
            raise Unprocessable(message) from None
        return self._add(name, "lets_encrypt", [leaf], _key_pem(key))

    def state(self, certificate: Certificate) -> str:
        """Return pending or verified."""
        return "verified" if self._clock() >= certificate.verified_at else "pending"

    def remove(self, certificate: Certificate) -> None:
        del self._certificates[certificate.id]

    def _add(self, name: str, kind: str, chain: list[x509.Certificate], private_key: str) -> Certificate:
        if any(each.name == name for each in self._certificates.values()):
            message = "a certificate with this name already exists"
            raise Unprocessable(message)
        leaf, now = chain[0], self._clock()
        wait = timedelta(seconds=self._settings.certificate_s if kind == "lets_encrypt" else 0)
        certificate = Certificate(
            id=self._ids.uuid(),
            name=name,
            type=kind,
            dns_names=_dns_names(leaf),
            not_after=leaf.not_valid_after_utc,
            sha1_fingerprint=leaf.fingerprint(hashes.SHA1()).hex(),  # noqa: S303 - the API's name for it
            created_at=now,
            chain="".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in chain),
            private_key=private_key,
            verified_at=now + wait,
        )
        self._certificates[certificate.id] = certificate
        return certificate


def _parse_chain(text: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        message = "the SSL certificate could not be validated: leaf_certificate or certificate_chain is not PEM"
        raise Unprocessable(message) from None


def _check_key(leaf: x509.Certificate, private_key: str) -> None:
    try:
        key = serialization.load_pem_private_key(private_key.encode(), password=None)
        matches = _public_pem(key.public_key()) == _public_pem(leaf.public_key())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        matches = False
    if not matches:
        message = "the private key does not match the certificate"
        raise Unprocessable(message)


def _public_pem(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _dns_names(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return []
    return names.value.get_values_for_type(x509.DNSName)


def _self_signed(dns_names: list[str], key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Emulated Let's Encrypt")])
    start = now.astimezone(UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in dns_names]), critical=False)
        .sign(key, hashes.SHA256())
    )
