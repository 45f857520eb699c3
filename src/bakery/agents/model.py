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
    status: str
    """alive, left, failed or leaving."""


@dataclass(frozen=True, kw_only=True)
class NomadNode:
    """One line of ``nomad node status``, with what health needs."""

    id: str
    name: str
    address: str
    status: str
    """initializing, ready, down or disconnected."""
    eligible: bool
    consul_version: str | None
    """Attribute ``consul.version``: present once Nomad talks to its local Consul."""
    drivers: dict[str, bool]
    """Detected drivers and whether each is healthy."""
