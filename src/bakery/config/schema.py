"""The shape of the cluster file: keys and types. The only module that imports pydantic."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bakery.config import defaults
from bakery.config.findings import FieldPath
from bakery.config.model import BalancerCertificate, Binaries, ClientIntroduction, Kind, ReservedIp

FORMAT = 1
LABEL = "^[a-z]([-a-z0-9]*[a-z0-9])?$"
VERSION = "^(0|[1-9][0-9]*)[.](0|[1-9][0-9]*)[.](0|[1-9][0-9]*)$"
SLUG = "^[a-z0-9][-_.a-z0-9]*$"
REGION = "^[a-z]{3}[0-9]+$"
ARCHIVE = "^(consul|nomad|packer|packer-plugin-digitalocean|cni-plugins|traefik)[-_][-_.a-z0-9]+[.](zip|t?gz)$"
"""File name of a release archive that bakery downloads (:mod:`bakery.toolchain.release`)."""
SHA256 = "^[0-9a-f]{64}$"

_BY_VALUE = Field(strict=False)  # a strict enum accepts only the member, not its text


@dataclass(frozen=True, kw_only=True)
class ShapeError:
    """A field of the wrong type, as pydantic reports it (https://docs.pydantic.dev/latest/errors/validation_errors/)."""

    path: FieldPath
    type: str


def _for_editors(**more: object) -> dict[str, Any]:
    """Return rules that are only in the JSON Schema: bakery checks them itself, with better messages."""
    return dict(more)


def _optional(**more: object) -> Any:  # noqa: ANN401 - what pydantic's Field returns
    """Return a field whose default depends on other fields. The schema does not allow null: the file may not."""

    def without_null(schema: dict[str, Any]) -> None:
        schema.pop("default")
        schema.update(schema.pop("anyOf")[0], **more)

    return Field(default=None, json_schema_extra=without_null)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class VpcShape(_Strict):
    """The cluster's own VPC; created if it does not exist."""

    cidr: str = Field(default=defaults.VPC_CIDR, description="RFC 1918 network, /16 to /28.")


class ImageShape(_Strict):
    """The contents of the snapshot."""

    base: str = Field(
        default=defaults.BASE_IMAGE,
        description="Slug of the distribution image.",
        json_schema_extra=_for_editors(pattern=SLUG),
    )
    consul: str = Field(
        default=defaults.CONSUL_VERSION,
        description="Exact version of Consul.",
        json_schema_extra=_for_editors(pattern=VERSION),
    )
    nomad: str = Field(
        default=defaults.NOMAD_VERSION,
        description="Exact version of Nomad.",
        json_schema_extra=_for_editors(pattern=VERSION),
    )
    binaries: Annotated[Binaries, _BY_VALUE] = defaults.BINARIES
    checksums: dict[str, str] = Field(
        default={},
        description="SHA256 of release archives by file name, such as nomad_2.0.6_linux_amd64.zip. They come"
        " before those that bakery knows of its default versions.",
    )


class HostVolumeShape(_Strict):
    """A folder of the node that jobs may mount by its name."""

    path: str = Field(
        default="",
        description="A folder below /srv or /mnt, which is created as root with mode 0755; or /var/log or"
        " /var/log/journal, which must be read_only.",
    )
    read_only: bool = Field(default=False, description="Whether jobs may only read it.")


class RegistryShape(_Strict):
    """Where the credentials of a registry are; the cluster file never has the password."""

    username: str = Field(default="", description="User of the registry.")
    username_env: str = Field(default="", description="Instead: an environment variable that holds the user.")
    password_env: str = Field(default="", description="Environment variable that holds the password or token.")
    password_file: str = Field(default="", description="Instead: a file that holds it, beside the cluster file.")


class LogsShape(_Strict):
    """How much of a container's output is kept."""

    max_size: str = Field(default=defaults.LOG_MAX_SIZE, description="Size of one file: a number and k, m or g.")
    max_files: int = Field(
        default=defaults.LOG_MAX_FILES,
        description="Files of one container.",
        json_schema_extra=_for_editors(minimum=1, maximum=defaults.MOST_LOG_FILES),
    )


class DockerShape(_Strict):
    """Docker on the Nomad clients."""

    logs: LogsShape = LogsShape()

    registries: dict[str, RegistryShape] = Field(
        default={},
        description="Private registries, by host. Launch, roll and replace read their credentials; jobs need no"
        " auth of their own.",
    )
    ca: str = Field(
        default="", description="PEM file beside the cluster file: CAs that docker trusts for these registries."
    )
    ulimits: dict[str, int] = Field(
        default={},
        description="Limits of each container's processes, by name, such as nofile: 1048576 or memlock: -1"
        " (unlimited). A job may set others with ulimit. Without nofile: 65536 open files.",
    )


class RoleShape(_Strict):
    """A group of nodes of one kind and size."""

    kind: Annotated[Kind, _BY_VALUE] | None = _optional(
        description="What runs on the nodes; a role that is named after a kind need not say it."
    )
    count: int = Field(
        default=defaults.COUNT,
        description="Number of droplets.",
        json_schema_extra=_for_editors(minimum=0, maximum=defaults.MAX_COUNT),
    )
    size: str | None = _optional(
        description="Size slug of the droplets; the default depends on the kind.", pattern=SLUG
    )
    node_pool: str | None = _optional(description="Nomad node pool of the clients.", default=defaults.NODE_POOL)
    ports: list[str] = Field(
        default=[],
        description="Ports that jobs may be reached at: 80/tcp for everyone, 8080/tcp from vpc, 5000/udp from"
        " 203.0.113.0/24; several sources are separated by spaces.",
    )
    meta: dict[str, str] = Field(
        default={}, description="Nomad's metadata of the clients, for constraints of jobs."
    )
    node_class: str = Field(default="", description="Nomad node class of the clients.")
    host_volumes: dict[str, HostVolumeShape] = Field(
        default={}, description="Folders of the clients that jobs may mount, by name."
    )
    nomad: dict[str, Any] = Field(
        default={},
        description="Merged into Nomad's configuration. Keys that the cluster's safety depends on are refused.",
    )
    consul: dict[str, Any] = Field(default={}, description="The same for Consul.")
    user_data: list[str] = Field(
        default=[],
        description="Files beside the cluster file with further parts for cloud-init: cloud-config, scripts.",
    )


class AccessShape(_Strict):
    """Who may reach the APIs and user interfaces from outside the VPC."""

    admin_cidrs: list[str] = Field(
        default=list(defaults.ADMIN_CIDRS), description="Networks, or auto: the operator's own address at launch."
    )
    ssh_keys: list[str] = Field(
        default=[], description="Break-glass SSH keys: name, id or fingerprint in the account."
    )


class CertificateShape(_Strict):
    """A certificate of your own. Both files are PEM, and beside the cluster file."""

    cert: str = Field(default="", description="PEM file with the certificate, followed by the intermediate CAs.")
    key: str = Field(default="", description="File with its private key, without a passphrase.")


class LoadBalancerShape(_Strict):
    """DigitalOcean's load balancer in front of the ingress nodes."""

    certificate: Annotated[BalancerCertificate, _BY_VALUE] = Field(
        default=BalancerCertificate.PASSTHROUGH,
        description="Where TLS ends: at the load balancer (lets-encrypt) or at the ingress nodes (passthrough).",
    )
    proxy_protocol: bool = Field(
        default=True, description="Whether the nodes get the clients' addresses in the PROXY protocol."
    )
    direct_access: bool = Field(
        default=False,
        description="Whether everyone may connect to the ingress nodes too. Otherwise only the load balancer may,"
        " as soon as it is active.",
    )


def _none_for_false(value: object) -> object:
    return None if value is False else value


def _false_or_mapping(schema: dict[str, Any]) -> None:
    """Write the schema of a key that is ``false`` or a mapping."""
    schema.update(anyOf=[{"const": False}, schema.pop("anyOf")[0]], default=False)


class IngressShape(_Strict):
    """How services are reached from outside, through the nodes of kind ingress."""

    domains: list[str] = Field(default=[], description="Names that the certificates are requested for.")
    acme_email: str = Field(
        default="",
        description="Your address at Let's Encrypt, or at another ACME server. With it the ingress node requests"
        " certificates for the domains.",
    )
    acme_directory: str = Field(default=defaults.ACME_DIRECTORY, description="URL of the ACME server's directory.")
    acme_ca: str = Field(
        default="", description="PEM file beside the cluster file: CAs of the ACME server, if it is your own."
    )
    certificates: list[CertificateShape] = Field(default=[], description="Certificates of your own.")
    # pydantic adds the member's name to the paths of errors in a union of a literal and a mapping.
    load_balancer: Annotated[LoadBalancerShape | None, BeforeValidator(_none_for_false)] = Field(
        default=None,
        description="DigitalOcean's load balancer in front of the ingress nodes, or false.",
        json_schema_extra=_false_or_mapping,
    )
    reserved_ip: Annotated[ReservedIp, _BY_VALUE] = Field(
        default=ReservedIp.NONE, description="auto: the ingress node has an address that it keeps through rolls."
    )


class SecurityShape(_Strict):
    """How long secrets last, and who may become a Nomad client."""

    leaf_days: int = Field(
        default=defaults.LEAF_DAYS,
        description="Days that the certificates of a new node last, at most until their CA ends.",
        json_schema_extra=_for_editors(minimum=defaults.MIN_LEAF_DAYS, maximum=defaults.MAX_LEAF_DAYS),
    )
    client_introduction: Annotated[ClientIntroduction, _BY_VALUE] = Field(
        default=ClientIntroduction.WARN,
        description="strict: Nomad refuses a new client without a token that was made for it; a copy of user-data"
        " that is taken after its launch has ended registers nothing. Needs Nomad 1.11 or later, and no role of"
        " kind all-in-one.",
    )


class ClusterShape(_Strict):
    """bakery's cluster file."""

    version: int = Field(description="Version of this format.", json_schema_extra=_for_editors(const=FORMAT))
    cluster: str = Field(
        description="Name of the cluster, of its nodes and of Consul's datacenter.",
        json_schema_extra=_for_editors(pattern=LABEL, maxLength=defaults.MAX_CLUSTER_NAME),
    )
    region: str = Field(
        default=defaults.REGION,
        description="DigitalOcean's region slug.",
        json_schema_extra=_for_editors(pattern=REGION),
    )
    vpc: VpcShape = VpcShape()
    image: ImageShape = ImageShape()
    roles: dict[str, RoleShape] = Field(
        default={kind.value: RoleShape() for kind in defaults.ROLES},
        description="What the cluster consists of, by role.",
        json_schema_extra=_for_editors(
            propertyNames={"pattern": LABEL}, default={kind.value: {} for kind in defaults.ROLES}
        ),
    )
    access: AccessShape = AccessShape()
    security: SecurityShape = SecurityShape()
    docker: DockerShape = DockerShape()
    ingress: IngressShape = IngressShape()
    mesh: bool = Field(
        default=False,
        description="Consul's service mesh: jobs may have connect blocks. Running nodes get it from a roll.",
    )
    protect: bool = Field(default=False, description="destroy refuses while true.")


def json_schema() -> dict[str, object]:
    """Return the JSON Schema (2020-12) of the cluster file, for editors and CI."""
    schema = ClusterShape.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def check_shape(value: object) -> ClusterShape | tuple[ShapeError, ...]:
    """Return the typed file, or an error for each field of the wrong type."""
    try:
        return ClusterShape.model_validate(value)
    except ValidationError as error:
        return tuple(
            ShapeError(path=tuple(found["loc"]), type=found["type"])
            for found in error.errors(include_url=False, include_context=False, include_input=False)
        )


def keys_of(path: FieldPath) -> tuple[str, ...]:
    """Return the keys that the mapping at ``path`` may have; those of the file for a path that is not known."""
    names = _NAMED.get(str(path[0]), ()) if path else ()
    steps = tuple("*" if index in names else step for index, step in enumerate(path))
    return tuple(_SHAPES.get(steps, ClusterShape).model_fields)


_NAMED = {"roles": (1, 3), "docker": (2,), "ingress": (2,)}
"""Positions in a path that are names of the user's, or places in a list, by the first step."""
_SHAPES: dict[FieldPath, type[_Strict]] = {
    ("vpc",): VpcShape,
    ("image",): ImageShape,
    ("access",): AccessShape,
    ("security",): SecurityShape,
    ("docker",): DockerShape,
    ("docker", "logs"): LogsShape,
    ("docker", "registries", "*"): RegistryShape,
    ("ingress",): IngressShape,
    ("ingress", "certificates", "*"): CertificateShape,
    ("ingress", "load_balancer"): LoadBalancerShape,
    ("roles", "*"): RoleShape,
    ("roles", "*", "host_volumes", "*"): HostVolumeShape,
}
