"""The secrets of a cluster. Every type here hides its secret fields in ``repr``."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bakery.config.model import Kind

Agent = Literal["consul", "nomad"]
"""Whose CA, and whose certificate."""


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A CA: its certificate, and its key, which never leaves the operator's machine. PEM."""

    certificate: str
    key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """A leaf certificate with its private key. PEM."""

    certificate: str
    key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Token:
    """An ACL token of Consul or Nomad: both ids are UUIDs chosen by bakery."""

    accessor: str
    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """All that makes one cluster's trust: kept in ``.bakery/<cluster>/``, mode 0600."""

    cluster: str
    generation: int
    """Grows by one with each rotation; part of every derived token."""
    consul_ca: Authority
    nomad_ca: Authority
    consul_gossip_key: str = field(repr=False)
    """32 bytes, standard base64."""
    nomad_gossip_key: str = field(repr=False)
    token_seed: str = field(repr=False)
    """32 bytes, hex; every pre-made token is derived from it by HMAC-SHA256, so none needs to be stored."""
    consul_operator: Leaf
    """The operator's key for Consul's HTTPS. Its certificate (``cli.<datacenter>.consul``) is for bakery 0.1:
    later versions make a certificate for the key each day (:mod:`bakery.credentials.operator`)."""
    nomad_operator: Leaf
    consul_management: Token
    nomad_management: Token


@dataclass(frozen=True, kw_only=True)
class NodeCredentials:
    """What one node (or, by hand, one role) needs, and nothing more: no CA key, no management token."""

    subject: str
    """Node name, or role name for a hand-made node."""
    kind: Kind
    generation: int
    consul_ca: str
    """CA certificate, PEM."""
    nomad_ca: str
    consul: Leaf
    """``server.<dc>.consul`` on Consul servers, ``client.<dc>.consul`` elsewhere."""
    nomad: Leaf | None
    """For the names of :func:`bakery.credentials.names.nomad_names`; None on a node without Nomad."""
    consul_gossip_key: str = field(repr=False)
    nomad_gossip_key: str | None = field(repr=False)
    """Only on Nomad servers."""
    consul_agent_token: Token
    """Consul's own agent: ``node:write`` on its name, ``service:read``."""
    consul_dns_token: Token
    """The same on all nodes: reads nodes and services."""
    consul_nomad_token: Token | None
    """Nomad's token for its local Consul; None on a node without Nomad."""


@dataclass(frozen=True, kw_only=True)
class CertificateSummary:
    """One certificate of the bundle, for a table that people read."""

    name: str
    """"Consul CA" or "Nomad CA"."""
    not_after: datetime
    """The last moment it is valid, UTC."""

    def days_left(self, now: datetime) -> int:
        """Whole days until it expires; negative once it has."""
        return (self.not_after - now).days
