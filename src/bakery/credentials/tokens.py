"""Derive every pre-made ACL token from the bundle's seed, so that tokens are not stored."""

import hashlib
import hmac
from uuid import UUID, uuid4

from bakery.credentials.model import Bundle, Token


def consul_agent_token(bundle: Bundle, subject: str) -> Token:
    """Return the token of the Consul agent on ``subject`` (a node, or a role of hand-made nodes).

    The agent answers DNS queries with it too.
    """
    return _derive(bundle, f"consul-agent/{subject}")


def consul_nomad_token(bundle: Bundle, subject: str) -> Token:
    """Return the token that the Nomad agent on ``subject`` sends to its local Consul."""
    return _derive(bundle, f"consul-nomad/{subject}")


def consul_ingress_token(bundle: Bundle, subject: str) -> Token:
    """Return the token with which Traefik on ``subject`` reads services from its local Consul."""
    return _derive(bundle, f"consul-ingress/{subject}")


def introduction_token(bundle: Bundle, subject: str) -> Token:
    """Return the token with which the new Nomad client on ``subject`` fetches its introduction from Consul.

    It exists in Consul only until Nomad has registered the client.
    """
    return _derive(bundle, f"introduction/{subject}")


def tokens_of(bundle: Bundle, subject: str) -> tuple[Token, ...]:
    """Return every token that a node or a role may have; which of them exist depends on its kind."""
    makers = (consul_agent_token, consul_nomad_token, consul_ingress_token, introduction_token)
    return tuple(make(bundle, subject) for make in makers)


def shared_dns_token(bundle: Bundle) -> Token:
    """Return the token with which all agents of clusters from before December 2026 answer DNS queries."""
    return _derive(bundle, "consul-dns")


def random_token() -> Token:
    """Return a token of two random UUIDs."""
    return Token(accessor=str(uuid4()), secret=str(uuid4()))


def _derive(bundle: Bundle, purpose: str) -> Token:
    return Token(accessor=_uuid(bundle, purpose, "accessor"), secret=_uuid(bundle, purpose, "secret"))


def _uuid(bundle: Bundle, purpose: str, field: str) -> str:
    # Version 4, since RFC 9562 5.4 covers pseudorandom bits, which is what a keyed HMAC gives.
    message = f"{bundle.generation}:{purpose}:{field}".encode()
    digest = hmac.digest(bytes.fromhex(bundle.token_seed), message, hashlib.sha256)
    return str(UUID(bytes=digest[:16], version=4))
