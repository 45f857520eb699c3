"""Packs the operator's certificate so that a browser can import it."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES, serialize_key_and_certificates

from bakery.credentials.authority import parse_certificate, parse_key
from bakery.credentials.model import Agent, Bundle
from bakery.errors import CredentialsError

KDF_ROUNDS = 100_000


def browser_certificate(bundle: Bundle, which: Agent, password: str) -> bytes:
    """A PKCS#12 file with the operator's certificate and key for ``which``, and the CA beside them.

    PBES2 with AES-256 and an HMAC-SHA256 (RFC 8018, RFC 7292): what OpenSSL 3 and NSS write themselves.

    Raises:
        CredentialsError: the password is empty.
    """
    if not password:
        message = "the browser certificate needs a password"
        raise CredentialsError(message=message, hint="browsers ask for it when they import the file; choose one")
    operator = bundle.consul_operator if which == "consul" else bundle.nomad_operator
    authority = bundle.consul_ca if which == "consul" else bundle.nomad_ca
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
