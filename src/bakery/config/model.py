"""What a cluster file means, once it has been checked: frozen, complete, no ``None`` that stands for a default."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network
from pathlib import Path
from typing import assert_never


class Kind(StrEnum):
    """What runs on a node. The value is the name of its user-data template and of its built-in role.

    Each question below lists every kind, so that mypy refuses a new kind until each has been answered for it.
    """

    CONSUL_SERVER = "consul-server"
    NOMAD_SERVER = "nomad-server"
    NOMAD_CLIENT = "nomad-client"
    SERVER = "server"
    """Consul server and Nomad server on one droplet, for small clusters."""

    @property
    def is_consul_server(self) -> bool:
        match self:
            case Kind.CONSUL_SERVER | Kind.SERVER:
                return True
            case Kind.NOMAD_SERVER | Kind.NOMAD_CLIENT:
                return False
            case _:
                assert_never(self)

    @property
    def is_nomad_server(self) -> bool:
        match self:
            case Kind.NOMAD_SERVER | Kind.SERVER:
                return True
            case Kind.CONSUL_SERVER | Kind.NOMAD_CLIENT:
                return False
            case _:
                assert_never(self)

    @property
    def is_nomad_client(self) -> bool:
        match self:
            case Kind.NOMAD_CLIENT:
                return True
            case Kind.CONSUL_SERVER | Kind.NOMAD_SERVER | Kind.SERVER:
                return False
            case _:
                assert_never(self)

    @property
    def is_any_server(self) -> bool:
        """Whether it is a Consul server, a Nomad server or both: it votes, so its number is fixed by the file."""
        return self.is_consul_server or self.is_nomad_server

    @property
    def runs_nomad(self) -> bool:
        return self.is_nomad_server or self.is_nomad_client


class Binaries(StrEnum):
    """How consul and nomad get into the image."""

    AUTO = "auto"
    """``upload`` if the toolchain holds the exact version on this machine, else ``download``."""
    DOWNLOAD = "download"
    """The build droplet fetches the official zip; its SHA256 is pinned by bakery."""
    UPLOAD = "upload"
    """A verified local binary goes up through Packer."""


@dataclass(frozen=True, kw_only=True)
class Role:
    """A set of equal nodes."""

    name: str
    kind: Kind
    count: int
    size: str
    """Size slug of the droplets."""
    node_pool: str
    """Nomad node pool of the clients; "default" unless the file says otherwise."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """What the snapshot is made of."""

    base: str
    """Slug of the distribution image."""
    consul: str
    nomad: str
    binaries: Binaries


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may reach the APIs and user interfaces from outside the VPC."""

    admin_cidrs: tuple[str, ...]
    """Networks in CIDR form, or the word ``auto``: the operator's own address, asked at launch."""
    ssh_keys: tuple[str, ...]
    """Break-glass SSH keys (name, id or fingerprint of a key in the account); empty by default."""


@dataclass(frozen=True, kw_only=True)
class ClusterConfig:
    """One cluster, as its file describes it."""

    path: Path
    """The file it came from; ``.bakery/`` lies beside it."""
    cluster: str
    region: str
    """DigitalOcean's region slug."""
    vpc_cidr: IPv4Network
    image: Image
    roles: tuple[Role, ...]
    """In file order."""
    access: Access
    protect: bool
    """``destroy`` refuses while true."""
    warnings: tuple[str, ...]
    """What is allowed but unwise (an even number of servers)."""
