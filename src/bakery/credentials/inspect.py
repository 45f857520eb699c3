"""Says which certificates a bundle holds and how long they last."""

from bakery.credentials.authority import parse_certificate
from bakery.credentials.model import Bundle, CertificateSummary


def describe(bundle: Bundle) -> tuple[CertificateSummary, ...]:
    """The CAs of ``bundle``; the operator's certificates are made anew each day. Nothing secret is in it."""
    certificates = {
        "Consul CA": bundle.consul_ca.certificate,
        "Nomad CA": bundle.nomad_ca.certificate,
    }
    return tuple(
        CertificateSummary(name=name, not_after=parse_certificate(pem).not_valid_after_utc)
        for name, pem in certificates.items()
    )
