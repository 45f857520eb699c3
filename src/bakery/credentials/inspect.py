"""List the certificates in a bundle, and when they expire."""

from bakery.credentials.authority import parse_certificate
from bakery.credentials.model import Bundle, CertificateSummary


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
