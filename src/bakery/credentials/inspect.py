"""List the certificates in a bundle, and when they expire."""

from datetime import datetime

from bakery.credentials.authority import parse_certificate
from bakery.credentials.model import Bundle, CertificateSummary


def first_to_end(bundle: Bundle) -> datetime:
    """Return when the first of the two CAs ends, UTC: no certificate of a node is valid longer."""
    return min(summary.not_after for summary in describe(bundle))


def describe(bundle: Bundle) -> tuple[CertificateSummary, ...]:
    """Return a summary of the CAs of ``bundle``, without secrets.

    The operator's certificates are issued every day.
    """
    certificates = {
        "Consul CA": bundle.consul_ca.certificate,
        "Nomad CA": bundle.nomad_ca.certificate,
    }
    return tuple(
        CertificateSummary(name=name, not_after=parse_certificate(pem).not_valid_after_utc)
        for name, pem in certificates.items()
    )
