"""The public keys with which the signatures of Nomad's workload identities are checked.

https://developer.hashicorp.com/nomad/api-docs/operator/keyring, hashicorp/nomad command/agent/keyring_endpoint.go
"""

from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bakery.agents.model import SigningKey
from bakery.agents.transport import AgentHttp


def read_signing_keys(http: AgentHttp) -> tuple[SigningKey, ...]:
    """Return every RSA key that Nomad publishes, sorted by id. Takes two requests."""
    states = http.read("/v1/operator/keyring/keys", _states)
    return http.read("/.well-known/jwks.json", lambda value: _signing_keys(value["keys"], states))


def _states(value: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {row["KeyID"]: row["State"] for row in value}


def _signing_keys(rows: Sequence[Mapping[str, Any]], states: Mapping[str, str]) -> tuple[SigningKey, ...]:
    """Return the RSA keys: since 1.7 Nomad makes no others (nomad/encrypter.go, GetPublicKey)."""
    keys = [
        SigningKey(id=row["kid"], pem=_pem(row), active=states.get(row["kid"]) == "active")
        for row in rows
        if row["kty"] == "RSA"
    ]
    return tuple(sorted(keys, key=lambda key: key.id))


def _pem(key: Mapping[str, Any]) -> str:
    numbers = RSAPublicNumbers(e=_number(key["e"]), n=_number(key["n"]))
    pem = numbers.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode("ascii")


def _number(text: str) -> int:
    """Return the number of a Base64urlUInt, which has no padding (RFC 7518, section 2)."""
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
