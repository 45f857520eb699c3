"""Make the frozen ClusterConfig from a checked shape, with warnings about values that are allowed but unwise."""

from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

from bakery.config import defaults, versions
from bakery.config.docker import build_docker
from bakery.config.ingress import build_ingress
from bakery.config.model import Access, ClusterConfig, Image, Kind, Role, Security
from bakery.config.ports import SSH
from bakery.config.role_settings import build_settings
from bakery.config.schema import ClusterShape, RoleShape
from bakery.config.validate import kind_of

_MOST_SERVERS = 7


def assemble(shape: ClusterShape, path: Path) -> ClusterConfig:
    """Return the configuration of a shape that has no findings, with all defaults filled in."""
    roles = tuple(_role(name, role, path.parent) for name, role in shape.roles.items())
    return ClusterConfig(
        path=path,
        cluster=shape.cluster,
        region=shape.region,
        vpc_cidr=IPv4Network(shape.vpc.cidr),
        image=Image(**shape.image.model_dump()),
        roles=roles,
        access=Access(
            admin_cidrs=tuple(shape.access.admin_cidrs),
            ssh_keys=tuple(shape.access.ssh_keys),
        ),
        security=Security(**shape.security.model_dump()),
        docker=build_docker(shape.docker, path.parent),
        ingress=build_ingress(shape.ingress, path.parent),
        mesh=shape.mesh,
        protect=shape.protect,
        warnings=tuple(_warnings(shape, roles)),
    )


def _role(name: str, shape: RoleShape, folder: Path) -> Role:
    kind = kind_of(name, shape) or Kind(name)
    return Role(
        name=name,
        kind=kind,
        count=shape.count,
        size=shape.size or defaults.size_of(kind),
        node_pool=shape.node_pool or defaults.NODE_POOL,
        settings=build_settings(shape, folder),
    )


def _warnings(shape: ClusterShape, roles: tuple[Role, ...]) -> Iterator[str]:
    yield from _server_warnings("Consul", sum(role.count for role in roles if role.kind.is_consul_server))
    yield from _server_warnings("Nomad", sum(role.count for role in roles if role.kind.is_nomad_server))
    for product, version in ((versions.CONSUL, shape.image.consul), (versions.NOMAD, shape.image.nomad)):
        warning = versions.version_warning(product, version)
        if warning:
            yield warning
    pair = versions.pair_warning(shape.image.consul, shape.image.nomad)
    if pair:
        yield pair
    if not shape.access.admin_cidrs:
        yield "access.admin_cidrs is empty: only hosts inside the VPC reach the APIs, bakery itself included"
    if shape.access.ssh_keys:
        yield f"access.ssh_keys opens SSH (port {SSH}) on every node to the admin networks"


def _server_warnings(product: str, servers: int) -> Iterator[str]:
    # 2n servers tolerate as many failures as 2n - 1:
    # https://developer.hashicorp.com/consul/docs/concept/consensus#deployment_table
    if servers and servers % 2 == 0:
        lost = (servers - 1) // 2 or "none"
        yield f"{servers} {product} servers can lose {lost}, as {servers - 1} can: use an odd number"
    if servers > _MOST_SERVERS:
        yield f"{servers} {product} servers slow every write down: use 3, 5 or 7"
