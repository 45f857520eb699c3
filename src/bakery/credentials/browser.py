"""Packs a certificate of the operator's so that a browser can import it."""

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
    """A PKCS#12 file with a new certificate and key for ``which``, valid for 90 days, and the CA beside them.

    PBES2 with AES-256 and an HMAC-SHA256 (RFC 8018, RFC 7292): what OpenSSL 3 and NSS write themselves.

    Raises:
        CredentialsError: the password is empty, or the CA is not valid at ``now``.
    """
    if not password:
        message = "the browser certificate needs a password"
        raise CredentialsError(message=message, hint="browsers ask for it when they import the file; choose one")
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
