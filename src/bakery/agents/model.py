"""What Consul and Nomad answer, cut to what bakery reads, and how to reach them."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """PEM files: the CA to trust and our client certificate."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, kw_only=True)
class Target:
    """One agent's HTTPS API. The certificate is checked against ``server_name``, never against the address."""

    address: str
    """IP address or host name."""
    port: int
    server_name: str
    """``server.<dc>.consul`` or ``server.global.nomad``."""
    tls: TlsFiles
    token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Member:
    """One line of ``consul members`` or ``nomad server members``."""

    name: str
    """Nomad appends ``.global``; here it is cut off."""
    address: str
    """On the VPC."""
    status: str
    """alive, left, failed or leaving."""


@dataclass(frozen=True, kw_only=True)
class NomadNode:
    """One line of ``nomad node status``, with what health needs."""

    id: str
    name: str
    address: str
    """On the VPC."""
    status: str
    """initializing, ready, down or disconnected."""
    eligible: bool
    consul_version: str | None
    """Attribute ``consul.version``: present once Nomad talks to its local Consul."""
    drivers: dict[str, bool]
    """Detected drivers and whether each is healthy."""
    draining: bool = False
    """Its work is being moved away; False again once that is done."""


@dataclass(frozen=True, kw_only=True)
class AclPolicy:
    """One Consul policy; ``rules`` is HCL."""

    name: str
    description: str
    rules: str


@dataclass(frozen=True, kw_only=True)
class NodeIdentity:
    """Consul's built-in rules for an agent: ``node:write`` on its own name and ``service:read`` on all."""

    node: str
    datacenter: str


@dataclass(frozen=True, kw_only=True)
class TokenGrant:
    """What a Consul token may do."""

    description: str
    policies: tuple[str, ...] = ()
    """Names of policies, sorted."""
    node: NodeIdentity | None = None


@dataclass(frozen=True, kw_only=True)
class AclToken:
    """A Consul token to be made, with both ids chosen by the caller (UUIDs)."""

    accessor: str
    secret: str = field(repr=False)
    grant: TokenGrant


@dataclass(frozen=True, kw_only=True)
class ListedToken:
    """A Consul token that exists; its secret stays where it is."""

    accessor: str
    grant: TokenGrant
