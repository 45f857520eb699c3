"""Read and check the user's own certificates for the ingress nodes."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bakery.config.model import CertificateFiles, Ingress
from bakery.credentials.model import Leaf
from bakery.errors import CredentialsError


def read_certificates(ingress: Ingress, folder: Path) -> tuple[Leaf, ...]:
    """Return the certificates with their keys, in file order. ``folder`` is that of the cluster file.

    Raises:
        CredentialsError: a key cannot be read.
    """
    return tuple(Leaf(certificate=pair.certificate, key=_key(pair, folder)) for pair in ingress.certificates)


def pair_problem(leaf: Leaf, now: datetime) -> tuple[str, str] | None:
    """Return the field that is wrong, ``cert`` or ``key``, and why; None if the pair can be used at ``now``."""
    try:
        certificate = x509.load_pem_x509_certificates(leaf.certificate.encode())[0]
    except ValueError:
        return "cert", "has no certificate that can be read"
    try:
        key = load_pem_private_key(leaf.key.encode(), password=None)
    except (ValueError, TypeError):
        return "key", "has no private key that can be read"
    if key.public_key() != certificate.public_key():
        return "key", "is not the key of the certificate"
    if now > certificate.not_valid_after_utc:
        return "cert", f"ended on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if now < certificate.not_valid_before_utc:
        return "cert", f"is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}"
    return None


def names_of(leaf: Leaf) -> tuple[str, ...]:
    """Return the DNS names of a certificate that :func:`pair_problem` accepts."""
    certificate = x509.load_pem_x509_certificates(leaf.certificate.encode())[0]
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(found.value.get_values_for_type(x509.DNSName))


def end_of(leaf: Leaf) -> datetime:
    """Return when a certificate that :func:`pair_problem` accepts ends, UTC."""
    return x509.load_pem_x509_certificates(leaf.certificate.encode())[0].not_valid_after_utc


def uncovered(domains: Iterable[str], names: Iterable[str]) -> Iterator[str]:
    """Yield the domains that none of the names of certificates is for. ``*.`` means one label (RFC 9525)."""
    known = {name.lower() for name in names}
    for domain in domains:
        if domain not in known and f"*.{domain.partition('.')[2]}" not in known:
            yield domain


def _key(pair: CertificateFiles, folder: Path) -> str:
    file = folder / pair.key
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        details = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        message = f"the key of the certificate {pair.cert} cannot be read from {file}"
        raise CredentialsError(message=message, details=details, hint="see ingress.certificates") from error
