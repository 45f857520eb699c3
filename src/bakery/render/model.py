"""Input and result of a render."""

from dataclasses import dataclass, field

MAX_USER_DATA = 64 * 1024
"""DigitalOcean's limit of user-data, in bytes of plain text (openapi droplet_create.yml)."""


CREATE_FOLDER = ("install", "-d", "-m", "0755", "--")
"""The command that creates a folder of a host volume, without the folder."""


@dataclass(frozen=True, kw_only=True)
class Join:
    """Private addresses that a node's agents join first, and whether the node may form a new cluster."""

    consul: tuple[str, ...]
    """Empty for the first Consul server."""
    nomad: tuple[str, ...]
    """If empty, Nomad finds its servers through Consul."""
    forms_consul: bool = False
    """Whether Consul servers get ``bootstrap_expect``, to hold the first election. A server without it can only
    join, so it cannot form a second, empty cluster."""
    forms_nomad: bool = False
    """The same for Nomad's servers."""


@dataclass(frozen=True, kw_only=True)
class UserData:
    """A rendered ``#cloud-config`` document. It contains private keys, so ``repr`` hides ``text``."""

    name: str
    """Node or role name."""
    text: str = field(repr=False)

    @property
    def size(self) -> int:
        """Size in bytes, as DigitalOcean counts it."""
        return len(self.text.encode())
