"""The checked cluster file: frozen, and complete, so that no ``None`` means a default."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, assert_never


class Kind(StrEnum):
    """What runs on a node. The value is the name of its user-data template and of its built-in role.

    Each property below lists every kind, so that mypy reports a new kind that one of them does not handle.
    """

    CONSUL_SERVER = "consul-server"
    NOMAD_SERVER = "nomad-server"
    NOMAD_CLIENT = "nomad-client"
    SERVER = "server"
    """A Consul server and a Nomad server on one droplet, for small clusters."""
    ALL_IN_ONE = "all-in-one"
    """A Consul server, a Nomad server and a Nomad client on one droplet. One node is a whole cluster."""

    @property
    def is_consul_server(self) -> bool:
        match self:
            case Kind.CONSUL_SERVER | Kind.SERVER | Kind.ALL_IN_ONE:
                return True
            case Kind.NOMAD_SERVER | Kind.NOMAD_CLIENT:
                return False
            case _:
                assert_never(self)

    @property
    def is_nomad_server(self) -> bool:
        match self:
            case Kind.NOMAD_SERVER | Kind.SERVER | Kind.ALL_IN_ONE:
                return True
            case Kind.CONSUL_SERVER | Kind.NOMAD_CLIENT:
                return False
            case _:
                assert_never(self)

    @property
    def is_nomad_client(self) -> bool:
        match self:
            case Kind.NOMAD_CLIENT | Kind.ALL_IN_ONE:
                return True
            case Kind.CONSUL_SERVER | Kind.NOMAD_SERVER | Kind.SERVER:
                return False
            case _:
                assert_never(self)

    @property
    def is_any_server(self) -> bool:
        """Whether the node votes in Raft: a Consul server, a Nomad server or both. The file fixes their number."""
        return self.is_consul_server or self.is_nomad_server

    @property
    def runs_nomad(self) -> bool:
        return self.is_nomad_server or self.is_nomad_client


class Binaries(StrEnum):
    """How the binaries of Consul and Nomad get into the image."""

    AUTO = "auto"
    """``upload`` if this machine has the exact version (:mod:`bakery.toolchain`), else ``download``."""
    DOWNLOAD = "download"
    """The build droplet downloads the official zip. Bakery gives it the SHA256."""
    UPLOAD = "upload"
    """Packer uploads a verified binary from this machine."""


@dataclass(frozen=True, kw_only=True)
class OpenPort:
    """A port that the cluster file opens on the nodes of a role."""

    number: int
    protocol: str
    """tcp or udp."""
    vpc: bool
    """Whether nodes of the VPC may connect."""
    networks: tuple[str, ...]
    """Networks in CIDR form that may connect; both of everyone's (``0.0.0.0/0``, ``::/0``) without a source."""


@dataclass(frozen=True, kw_only=True)
class HostVolume:
    """A folder of the node that jobs may mount by its name."""

    name: str
    path: str
    read_only: bool


@dataclass(frozen=True, kw_only=True)
class UserDataPart:
    """A file with a further part of the user-data. It may contain secrets, so ``repr`` hides ``text``."""

    name: str
    """Name of the file, without its folder."""
    mime_type: str
    text: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class RoleSettings:
    """What the cluster file adds to the nodes of one role. The defaults add nothing."""

    ports: tuple[OpenPort, ...] = ()
    """In file order."""
    meta: tuple[tuple[str, str], ...] = ()
    """Nomad's metadata of the nodes, for constraints of jobs."""
    node_class: str = ""
    host_volumes: tuple[HostVolume, ...] = ()
    nomad: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Merged into Nomad's configuration, key by key."""
    consul: Mapping[str, Any] = field(default_factory=dict, hash=False)
    user_data: tuple[UserDataPart, ...] = ()


NO_SETTINGS = RoleSettings()


@dataclass(frozen=True, kw_only=True)
class Role:
    """A group of nodes of one kind and size."""

    name: str
    kind: Kind
    count: int
    size: str
    """Size slug of the droplets."""
    node_pool: str
    """Nomad node pool of the clients."""
    settings: RoleSettings = NO_SETTINGS


@dataclass(frozen=True, kw_only=True)
class Image:
    """The contents of the snapshot."""

    base: str
    """Slug of the base image."""
    consul: str
    nomad: str
    binaries: Binaries


@dataclass(frozen=True, kw_only=True)
class Registry:
    """A registry of container images, and where its credentials are. The cluster file never has the password."""

    host: str
    """With a port if it is not 443."""
    username: str
    """Empty if an environment variable has it."""
    username_env: str
    password_env: str
    """Name of an environment variable; empty if a file has the password."""
    password_file: str
    """Path relative to the folder of the cluster file; empty if a variable has the password."""


@dataclass(frozen=True, kw_only=True)
class ContainerLogs:
    """How much of a container's output is kept on the node."""

    max_size: str
    """Size of one file, with its unit: ``10m``."""
    max_files: int


@dataclass(frozen=True, kw_only=True)
class Docker:
    """Settings of docker on the Nomad clients."""

    logs: ContainerLogs | None = None
    """None for Nomad's own limits."""

    registries: tuple[Registry, ...] = ()
    ca: str = ""
    """PEM certificates that docker trusts for these registries, besides those of the system."""


NO_DOCKER = Docker()


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may reach the APIs and user interfaces from outside the VPC."""

    admin_cidrs: tuple[str, ...]
    """Networks in CIDR form, or ``auto``: the operator's public address, looked up at launch."""
    ssh_keys: tuple[str, ...]
    """SSH keys for emergencies (name, id or fingerprint of a key in the account); empty by default."""


@dataclass(frozen=True, kw_only=True)
class Security:
    """How long secrets last."""

    leaf_days: int
    """Days from the making of a node's certificates to their end; they never outlast their CA."""


@dataclass(frozen=True, kw_only=True)
class ClusterConfig:
    """One cluster, as its cluster file describes it."""

    path: Path
    """The cluster file; ``.bakery/`` is in the same folder."""
    cluster: str
    region: str
    """DigitalOcean's region slug."""
    vpc_cidr: IPv4Network
    image: Image
    roles: tuple[Role, ...]
    """In file order."""
    access: Access
    security: Security
    docker: Docker = NO_DOCKER
    protect: bool
    """Whether ``destroy`` refuses to delete this cluster."""
    warnings: tuple[str, ...]
    """Values that are allowed but unwise, for example an even number of servers."""
