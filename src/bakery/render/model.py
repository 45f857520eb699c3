"""What a render gives back."""

from dataclasses import dataclass, field

MAX_USER_DATA = 64 * 1024
"""Bytes of plain text that DigitalOcean takes as user-data (openapi droplet_create.yml)."""


@dataclass(frozen=True, kw_only=True)
class Join:
    """Private addresses that a node's agents dial first. Empty tuples: a first server."""

    consul: tuple[str, ...]
    nomad: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class UserData:
    """A rendered ``#cloud-config`` document. It holds private keys: ``text`` never shows in ``repr``."""

    subject: str
    """Node or role name."""
    text: str = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes as DigitalOcean counts them."""
        return len(self.text.encode())
