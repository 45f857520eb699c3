"""Issue a certificate for the operator's browser, as a file that browsers import."""

from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES, serialize_key_and_certificates

from bakery.credentials.authority import issue_leaf, parse_certificate, parse_key
from bakery.credentials.model import Agent, Bundle
from bakery.credentials.names import consul_operator_names, nomad_operator_names
from bakery.errors import CredentialsError

KDF_ROUNDS = 100_000
BROWSER_DAYS = 90


def browser_certificate(bundle: Bundle, which: Agent, password: str, *, now: datetime) -> bytes:
    """Return a PKCS#12 file: a new certificate for ``which``, valid for 90 days, its key and the CA certificate.

    PBES2 with AES-256 and HMAC-SHA256 (RFC 8018, RFC 7292), the defaults of OpenSSL 3 and NSS.

    Raises:
        CredentialsError: the password is empty, or the CA is not valid at ``now``.
    """
    if not password:
        message = "the browser certificate needs a password"
        raise CredentialsError(
            message=message, hint="choose one; the browser asks for it when it imports the file"
        )
    authority = bundle.consul_ca if which == "consul" else bundle.nomad_ca
    names = consul_operator_names(bundle.cluster) if which == "consul" else nomad_operator_names()
    operator = issue_leaf(authority, names=names, client=True, server=False, now=now, days=BROWSER_DAYS)
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(KDF_ROUNDS)
        .key_cert_algorithm(PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(SHA256())
        .build(password.encode())
    )
    return serialize_key_and_certificates(
        f"{which} of {bundle.cluster}".encode(),
        parse_key(operator.key),
        parse_certificate(operator.certificate),
        [parse_certificate(authority.certificate)],
        encryption,
    )
