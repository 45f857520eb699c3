"""What a render gives back."""

from dataclasses import dataclass, field

MAX_USER_DATA = 64 * 1024
"""Bytes of plain text that DigitalOcean takes as user-data (openapi droplet_create.yml)."""


@dataclass(frozen=True, kw_only=True)
class Join:
    """Private addresses that a node's agents dial first, and whether there is a cluster to join at all."""

    consul: tuple[str, ...]
    """Empty for the first Consul server."""
    nomad: tuple[str, ...]
    """Empty: Nomad finds its servers through Consul."""
    forms_consul: bool = False
    """There is no Consul yet: a server carries ``bootstrap_expect`` and may begin the first election. Without it a
    server can only join, and never begin a second, empty cluster."""
    forms_nomad: bool = False
    """The same for Nomad's servers."""


@dataclass(frozen=True, kw_only=True)
class UserData:
    """A rendered ``#cloud-config`` document. It holds private keys: ``text`` never shows in ``repr``."""

    name: str
    """Node or role name."""
    text: str = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes as DigitalOcean counts them."""
        return len(self.text.encode())
