"""Write the operator's TLS files for ``bakery env``: certificates valid for one day, which any command renews.

The operator can reach the cluster as long as its CAs are valid: no other date in the bundle ends that.
"""

from datetime import datetime, timedelta
from pathlib import Path

from cryptography.exceptions import InvalidSignature

from bakery.config.paths import StatePaths
from bakery.credentials.authority import is_valid_at, issue_leaf, parse_certificate
from bakery.credentials.model import Authority, Bundle, Leaf
from bakery.credentials.names import consul_operator_names, nomad_operator_names
from bakery.files import is_private, write_secret

OPERATOR_DAYS = 1
RENEWED_BEFORE = timedelta(hours=12)
"""A certificate is renewed if it expires sooner than this, so that a command may run for at least this long."""


def write_operator_files(bundle: Bundle, paths: StatePaths, *, now: datetime) -> None:
    """Write the PEM files that ``bakery env`` exports: both CA certificates, the operator's certificates and keys.

    All have mode 0600. The keys are those of the bundle, and a new certificate is for the same key, so that
    another process always reads a certificate and key that belong together. A file that is
    still valid is not written.

    If a CA is not valid at ``now``, the certificates in the bundle are written: agents refuse them too, but the
    cluster can still be destroyed.
    """
    contents = {
        paths.consul_ca: bundle.consul_ca.certificate,
        paths.consul_key: bundle.consul_operator.key,
        paths.nomad_ca: bundle.nomad_ca.certificate,
        paths.nomad_key: bundle.nomad_operator.key,
    }
    paths.ensure()
    for path, content in contents.items():
        if not _holds(path, content.encode()):
            write_secret(path, content.encode())
    consul, nomad = consul_operator_names(bundle.cluster), nomad_operator_names()
    _renew(paths.consul_cert, bundle.consul_ca, bundle.consul_operator, consul, now=now)
    _renew(paths.nomad_cert, bundle.nomad_ca, bundle.nomad_operator, nomad, now=now)


def operator_certificate_end(paths: StatePaths) -> datetime:
    """Return when the first of the operator's certificates in the files ends, UTC. Any command renews them."""
    pems = (file.read_text(encoding="ascii") for file in (paths.consul_cert, paths.nomad_cert))
    return min(parse_certificate(pem).not_valid_after_utc for pem in pems)


def _renew(path: Path, ca: Authority, stored: Leaf, names: tuple[str, ...], *, now: datetime) -> None:
    if _is_current(path, ca, stored, now):
        return
    certificate = stored.certificate
    if is_valid_at(parse_certificate(ca.certificate), now):
        leaf = issue_leaf(
            ca, names=names, client=True, server=False, now=now, days=OPERATOR_DAYS, key_pem=stored.key
        )
        certificate = leaf.certificate
    write_secret(path, certificate.encode())


def _is_current(path: Path, ca: Authority, stored: Leaf, now: datetime) -> bool:
    """Return whether the file contains a certificate of the CA for the stored key that ends in 12 to 24 hours."""
    try:
        if not is_private(path):
            return False
        certificate = parse_certificate(path.read_text(encoding="ascii"))
        certificate.verify_directly_issued_by(parse_certificate(ca.certificate))
    except (OSError, ValueError, TypeError, InvalidSignature):
        return False
    if certificate.public_key() != parse_certificate(stored.certificate).public_key():
        return False
    left = certificate.not_valid_after_utc - now
    return is_valid_at(certificate, now) and RENEWED_BEFORE <= left <= timedelta(days=OPERATOR_DAYS)


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and is_private(path) and path.read_bytes() == content
