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
    INGRESS = "ingress"
    """A Consul agent and Traefik, which routes requests from outside to services. It does not run Nomad."""

    @property
    def is_consul_server(self) -> bool:
        match self:
            case Kind.CONSUL_SERVER | Kind.SERVER | Kind.ALL_IN_ONE:
                return True
            case Kind.NOMAD_SERVER | Kind.NOMAD_CLIENT | Kind.INGRESS:
                return False
            case _:
                assert_never(self)

    @property
    def is_nomad_server(self) -> bool:
        match self:
            case Kind.NOMAD_SERVER | Kind.SERVER | Kind.ALL_IN_ONE:
                return True
            case Kind.CONSUL_SERVER | Kind.NOMAD_CLIENT | Kind.INGRESS:
                return False
            case _:
                assert_never(self)

    @property
    def is_nomad_client(self) -> bool:
        match self:
            case Kind.NOMAD_CLIENT | Kind.ALL_IN_ONE:
                return True
            case Kind.CONSUL_SERVER | Kind.NOMAD_SERVER | Kind.SERVER | Kind.INGRESS:
                return False
            case _:
                assert_never(self)

    @property
    def is_ingress(self) -> bool:
        match self:
            case Kind.INGRESS:
                return True
            case Kind.CONSUL_SERVER | Kind.NOMAD_SERVER | Kind.NOMAD_CLIENT | Kind.SERVER | Kind.ALL_IN_ONE:
                return False
            case _:
                assert_never(self)

    @property
    def is_any_server(self) -> bool:
        """Whether the node votes in Raft: a Consul server, a Nomad server or both. The file fixes their number."""
        return self.is_consul_server or self.is_nomad_server

    @property
    def is_separate_client(self) -> bool:
        """Whether the node is a Nomad client whose servers are on other nodes."""
        return self.is_nomad_client and not self.is_nomad_server

    @property
    def runs_nomad(self) -> bool:
        return self.is_nomad_server or self.is_nomad_client


class BalancerCertificate(StrEnum):
    """Where TLS ends behind the load balancer of the ingress nodes."""

    LETS_ENCRYPT = "lets-encrypt"
    """At the load balancer, with a certificate that DigitalOcean gets from Let's Encrypt."""
    PASSTHROUGH = "passthrough"
    """At the ingress nodes, with their own certificates."""


class ReservedIp(StrEnum):
    """Whether the ingress node has an address that outlives its droplet."""

    NONE = "none"
    AUTO = "auto"
    """Bakery reserves an address, and assigns it to the droplet in the slot."""


class ClientIntroduction(StrEnum):
    """What Nomad's servers do with a new client that does not bring a token made for it."""

    WARN = "warn"
    """They register it, and log a warning: Nomad's default."""
    STRICT = "strict"
    """They refuse it. Bakery sends every new client its token."""


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
    checksums: Mapping[str, str] = field(default_factory=dict, hash=False)
    """SHA256 in hex of release archives by file name; they come before those that bakery knows."""


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
    ulimits: tuple[tuple[str, int], ...] = ()
    """Limits of each container's processes by name, soft and hard, in file order; -1: unlimited."""


NO_DOCKER = Docker()


@dataclass(frozen=True, kw_only=True)
class CertificateFiles:
    """A certificate of the user's and its key. The paths are relative to the folder of the cluster file."""

    cert: str
    key: str
    certificate: str
    """Content of ``cert``, which is public."""


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """DigitalOcean's load balancer in front of the ingress nodes."""

    certificate: BalancerCertificate
    proxy_protocol: bool
    """Whether it sends the client's address in the PROXY protocol."""
    direct_access: bool = False
    """Whether everyone may connect to the ingress nodes too."""


@dataclass(frozen=True, kw_only=True)
class Ingress:
    """How services are reached from outside. The default serves plain HTTP."""

    domains: tuple[str, ...] = ()
    """Names that have certificates: the ingress nodes' own (ACME), or the load balancer's."""
    acme_email: str = ""
    """Account of the ACME server; empty: no certificate is requested."""
    acme_directory: str = ""
    """URL of the ACME server's directory; empty without ``acme_email``."""
    acme_ca: str = ""
    """PEM certificates of the CAs of the ACME server's own certificate; empty: those of the system."""
    certificates: tuple[CertificateFiles, ...] = ()
    load_balancer: LoadBalancer | None = None
    reserved_ip: ReservedIp = ReservedIp.NONE

    @property
    def has_certificates(self) -> bool:
        """Whether the ingress nodes end TLS with certificates of their own."""
        return bool(self.certificates or self.acme_email)


NO_INGRESS = Ingress()


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may reach the APIs and user interfaces from outside the VPC."""

    admin_cidrs: tuple[str, ...]
    """Networks in CIDR form, or ``auto``: the operator's public address, looked up at launch."""
    ssh_keys: tuple[str, ...]
    """SSH keys for emergencies (name, id or fingerprint of a key in the account); empty by default."""


@dataclass(frozen=True, kw_only=True)
class Security:
    """How long secrets last, and who may become a Nomad client."""

    leaf_days: int
    """Days from the making of a node's certificates to their end; they never outlast their CA."""
    client_introduction: ClientIntroduction = ClientIntroduction.WARN


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
    ingress: Ingress = NO_INGRESS
    mesh: bool = False
    """Whether jobs may use Consul's service mesh."""
    protect: bool
    """Whether ``destroy`` refuses to delete this cluster."""
    warnings: tuple[str, ...]
    """Values that are allowed but unwise, for example an even number of servers."""

    @property
    def has_ingress(self) -> bool:
        """Whether a role is of kind ingress, so that the snapshot contains Traefik."""
        return any(role.kind.is_ingress for role in self.roles)
