"""Reads the dates of an agent's certificate in a TLS handshake. No request is sent."""

import socket
import ssl
from datetime import UTC, datetime

from bakery.agents.model import CertificateDates, Target
from bakery.errors import AgentError

HANDSHAKE_SECONDS = 2.0
# X509_V_FLAG_NO_CHECK_TIME, openssl/x509_vfy.h: an expired certificate is what this is to find. Chain and name are
# verified, and no token is sent.
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)


def read_dates(target: Target) -> CertificateDates:
    """Return the dates of the certificate that the agent shows, also if it has expired.

    Raises:
        AgentError: no answer within 2 seconds, or a certificate of another CA or for another name.
    """
    try:
        context = client_context(target)
        context.verify_flags |= _NO_CHECK_TIME
        with (
            socket.create_connection((target.address, target.port), timeout=HANDSHAKE_SECONDS) as raw,
            context.wrap_socket(raw, server_hostname=target.server_name) as secured,
        ):
            certificate = secured.getpeercert() or {}
        return CertificateDates(begins=_time(certificate["notBefore"]), ends=_time(certificate["notAfter"]))
    except (OSError, ValueError, KeyError) as error:  # ssl's errors are OSErrors
        message = f"the certificate of {target.address}:{target.port} cannot be read"
        raise AgentError(message=message, details=str(error), status=0) from None


def client_context(target: Target) -> ssl.SSLContext:
    """Return a TLS context with our certificate. It verifies the agent's chain and name.

    Raises:
        OSError: a file cannot be read, or it is not a certificate or key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(target.tls.ca)
    context.load_cert_chain(target.tls.certificate, target.tls.key)
    return context


def _time(text: object) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(text)), UTC)
