"""The credentials of a cluster. ``repr`` hides the secret fields of every type."""

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bakery.config.model import Kind
from bakery.credentials.seen import note

Agent = Literal["consul", "nomad"]
"""The agent that a CA or certificate is for."""


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A CA certificate and its key, in PEM. The key never leaves the operator's machine."""

    certificate: str
    key: str = field(repr=False)

    def __post_init__(self) -> None:
        note(self.key)


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """A leaf certificate and its private key, in PEM."""

    certificate: str
    key: str = field(repr=False)

    def __post_init__(self) -> None:
        note(self.key)


@dataclass(frozen=True, kw_only=True)
class Token:
    """An ACL token of Consul or Nomad. Bakery chooses both UUIDs."""

    accessor: str
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        note(self.secret)


@dataclass(frozen=True, kw_only=True)
class RegistryLogin:
    """The credentials of a container registry."""

    host: str
    username: str = field(repr=False)
    """It may be a token too."""
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        note(self.password, self.basic)

    @property
    def basic(self) -> str:
        """User name and password as docker's files have them (RFC 7617)."""
        return b64encode(f"{self.username}:{self.password}".encode()).decode()


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """All credentials of one cluster, stored in ``.bakery/<cluster>/`` with mode 0600."""

    cluster: str
    generation: int
    """A counter of rotations; an input of every derived token."""
    consul_ca: Authority
    nomad_ca: Authority
    consul_gossip_key: str = field(repr=False)
    """32 bytes, standard base64."""
    nomad_gossip_key: str = field(repr=False)
    token_seed: str = field(repr=False)
    """32 bytes, hex. Every pre-made token is derived from the seed by HMAC-SHA256, so tokens are not stored."""
    consul_operator: Leaf
    """The operator's key for Consul's HTTPS. Its certificate (``cli.<datacenter>.consul``) is for bakery 0.1:
    later versions make a certificate for the key each day (:mod:`bakery.credentials.operator`)."""
    nomad_operator: Leaf
    consul_management: Token
    nomad_management: Token

    def __post_init__(self) -> None:
        note(self.consul_gossip_key, self.nomad_gossip_key, self.token_seed)


@dataclass(frozen=True, kw_only=True)
class NodeCredentials:
    """The credentials of one node, or of the hand-made nodes of one role: no CA key and no management token."""

    subject: str
    """Node name; for hand-made nodes the role name."""
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
    """None except on Nomad servers."""
    consul_agent_token: Token
    """The token of the Consul agent: ``node:write`` on its name, ``node:read`` and ``service:read``."""
    consul_nomad_token: Token | None
    """The token of the Nomad agent for its local Consul; None on a node without Nomad."""
    consul_ingress_token: Token | None = None
    """The token of Traefik for its local Consul, which only reads; None except on ingress nodes."""
    introduction_token: Token | None = None
    """The token with which a new Nomad client fetches its introduction; None except on planned Nomad clients."""
    registries: tuple[RegistryLogin, ...] = ()
    """Empty except on Nomad clients."""
    certificates: tuple[Leaf, ...] = ()
    """The user's own certificates. Empty except on ingress nodes."""
    consul_grpc: str | None = None
    """Another certificate (PEM) of the key in ``consul``, which the sidecars of the service mesh verify. None
    without the mesh, and except on Nomad clients."""


@dataclass(frozen=True, kw_only=True)
class CertificateSummary:
    """One row of the table that ``bakery credentials`` prints."""

    name: str
    """"Consul CA" or "Nomad CA"."""
    not_after: datetime
    """The end of its validity, UTC."""

    def days_left(self, now: datetime) -> int:
        """Return the whole days until the certificate expires; negative after that."""
        return (self.not_after - now).days
