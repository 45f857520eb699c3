"""Check the values in the cluster file beyond their types. All checks run; none stops another."""

import re
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from pathlib import Path

from bakery.config import defaults, versions
from bakery.config.docker import docker_findings
from bakery.config.findings import FieldPath, Finding, dotted, nearest, quoted
from bakery.config.ingress import ingress_findings
from bakery.config.model import ClientIntroduction, Kind
from bakery.config.networks import admin_entry_problem, capacity, parse_network, vpc_problem
from bakery.config.role_settings import settings_findings
from bakery.config.schema import ARCHIVE, FORMAT, LABEL, REGION, SHA256, SLUG, ClusterShape, RoleShape

_LABEL_HINT = "lower-case letters, digits and hyphens; a letter first, no hyphen last (RFC 1035)"
_NODE_POOL = "[a-zA-Z0-9_-]{1,128}"  # https://developer.hashicorp.com/nomad/docs/other-specifications/node-pool


def kind_of(name: str, role: RoleShape) -> Kind | None:
    """Return the role's kind: from the key ``kind``, else from the role's name; None if neither is a kind."""
    if role.kind is not None:
        return role.kind
    return Kind(name) if name in list(Kind) else None


def check(shape: ClusterShape, folder: Path) -> list[Finding]:
    """Return all findings about a file whose types are right. ``folder`` is that of the cluster file."""
    found = [finding for step in _CHECKS for finding in step(shape)]
    for name, role in shape.roles.items():
        found += settings_findings(name, role, kind_of(name, role), folder)
    found += docker_findings(shape.docker, folder)
    nodes = [role.count for name, role in shape.roles.items() if _is_ingress(kind_of(name, role))]
    return [*found, *ingress_findings(shape.ingress, sum(nodes) if nodes else None, folder)]


def _is_ingress(kind: Kind | None) -> bool:
    return kind is not None and kind.is_ingress


def _format(shape: ClusterShape) -> Iterator[Finding]:
    if shape.version != FORMAT:
        message = f"version must be {FORMAT}, not {shape.version}"
        hint = "a newer bakery may support it" if shape.version > FORMAT else f"write version: {FORMAT}"
        yield Finding(path=("version",), message=message, hint=hint)


def _names(shape: ClusterShape) -> Iterator[Finding]:
    yield from _label(("cluster",), "cluster", shape.cluster, defaults.MAX_CLUSTER_NAME, at_key=False)
    for name in shape.roles:
        what = f"the role name {quoted(name)}"
        yield from _label(("roles", name), what, name, defaults.MAX_ROLE_NAME, at_key=True)


def _label(path: FieldPath, what: str, name: str, longest: int, *, at_key: bool) -> Iterator[Finding]:
    shown = what if at_key else f"{what} {quoted(name)}"
    if not re.fullmatch(LABEL, name):
        yield Finding(path=path, message=f"{shown} is not a label", hint=_LABEL_HINT, at_key=at_key)
    elif len(name) > longest:
        message = f"{shown} has {len(name)} characters, at most {longest} fit into a node's name"
        yield Finding(path=path, message=message, hint="choose a shorter one", at_key=at_key)


def _slugs(shape: ClusterShape) -> Iterator[Finding]:
    yield from _slug(("region",), shape.region, REGION, defaults.REGION)
    yield from _slug(("image", "base"), shape.image.base, SLUG, defaults.BASE_IMAGE)
    for name, role in shape.roles.items():
        if role.size is not None:
            yield from _slug(("roles", name, "size"), role.size, SLUG, defaults.SERVER_SIZE)


def _slug(path: FieldPath, text: str, pattern: str, example: str) -> Iterator[Finding]:
    if len(text) > 64 or not re.fullmatch(pattern, text):
        message = f"{dotted(path)} {quoted(text)} is not a slug of DigitalOcean's"
        yield Finding(path=path, message=message, hint=f"such as {example}")


def _versions(shape: ClusterShape) -> Iterator[Finding]:
    for field, product, text in (
        ("consul", versions.CONSUL, shape.image.consul),
        ("nomad", versions.NOMAD, shape.image.nomad),
    ):
        problem = versions.version_problem(product, text)
        if problem:
            yield Finding(path=("image", field), message=f"image.{field}: {problem[0]}", hint=problem[1])


def _checksums(shape: ClusterShape) -> Iterator[Finding]:
    for archive, sha256 in shape.image.checksums.items():
        path: FieldPath = ("image", "checksums", archive)
        if not re.fullmatch(ARCHIVE, archive):
            message = f"image.checksums: {quoted(archive)} is not the archive of a release that bakery downloads"
            hint = "the file name in the SHA256SUMS of the release, such as nomad_2.0.6_linux_amd64.zip"
            yield Finding(path=path, message=message, hint=hint, at_key=True)
        elif not re.fullmatch(SHA256, sha256):
            message = f"image.checksums: {quoted(sha256)} is not a SHA256 in hex"
            yield Finding(path=path, message=message, hint="64 digits and letters from a to f, in lower case")


def _roles(shape: ClusterShape) -> Iterator[Finding]:
    for name, role in shape.roles.items():
        yield from _kind(name, role)
        yield from _count(name, role)
        yield from _node_pool(name, role)


def _kind(name: str, role: RoleShape) -> Iterator[Finding]:
    if role.kind is None and name not in list(Kind):
        guess = nearest(name, list(Kind))
        hint = f"did you mean the role {guess}?" if guess else "add kind: nomad-client, or another kind"
        yield Finding(path=("roles", name, "kind"), message=f"role {quoted(name)} needs a kind", hint=hint)
    elif role.kind is not None and name in list(Kind) and role.kind != name:
        message = f"role {name} is of kind {name}, not {role.kind}"
        hint = "remove the kind, or give the role another name"
        yield Finding(path=("roles", name, "kind"), message=message, hint=hint)


def _count(name: str, role: RoleShape) -> Iterator[Finding]:
    kind, path = kind_of(name, role), ("roles", name, "count")
    is_server = kind is not None and kind.is_any_server
    if not 0 <= role.count <= defaults.MAX_COUNT:
        message = f"{dotted(path)} must be from 0 to {defaults.MAX_COUNT}, not {role.count}"
        yield Finding(path=path, message=message)
    elif is_server and role.count == 0:
        message = f"{dotted(path)} must be at least 1: {name} runs servers"
        yield Finding(path=path, message=message, hint="3 servers survive the loss of one")


def _node_pool(name: str, role: RoleShape) -> Iterator[Finding]:
    path, pool, kind = ("roles", name, "node_pool"), role.node_pool, kind_of(name, role)
    if pool is None:
        return
    if kind is not None and not kind.is_nomad_client:
        message = f"{dotted(path)} has no meaning: only Nomad clients are in a node pool"
        yield Finding(path=path, message=message, hint="remove the line", at_key=True)
    elif not re.fullmatch(_NODE_POOL, pool) or pool == "all":
        message = f"{dotted(path)} {quoted(pool)} cannot be a node pool's name"
        hint = "letters, digits, - and _; all is Nomad's own name for every pool"
        yield Finding(path=path, message=message, hint=hint)


def _quorum(shape: ClusterShape) -> Iterator[Finding]:
    kinds = [(kind_of(name, role), role.count) for name, role in shape.roles.items()]
    path: FieldPath = ("roles",)
    if not any(kind is not None and kind.is_consul_server for kind, _ in kinds):
        hint = "add consul-server: {count: 3}, or all-in-one: {count: 1} for a small cluster"
        yield Finding(path=path, message="the cluster has no Consul servers", hint=hint, at_key=True)
    clients = any(kind is not None and kind.is_nomad_client and count > 0 for kind, count in kinds)
    if clients and not any(kind is not None and kind.is_nomad_server for kind, _ in kinds):
        message = "the cluster has Nomad clients but no Nomad servers"
        hint = "add nomad-server: {count: 3}"
        yield Finding(path=path, message=message, hint=hint, at_key=True)


def _vpc(shape: ClusterShape) -> Iterator[Finding]:
    path: FieldPath = ("vpc", "cidr")
    network = parse_network(shape.vpc.cidr)
    if isinstance(network, str):
        message = f"vpc.cidr must be a network in CIDR form: {network}"
        yield Finding(path=path, message=message, hint=f"such as {defaults.VPC_CIDR}")
        return
    problem = vpc_problem(network)
    if problem:
        yield Finding(path=path, message=f"vpc.cidr: {problem[0]}", hint=problem[1])
        return
    droplets = sum(role.count for role in shape.roles.values() if 0 <= role.count <= defaults.MAX_COUNT)
    if isinstance(network, IPv4Network) and droplets > capacity(network):
        message = f"vpc.cidr: {network} has room for {capacity(network)} droplets, the roles ask for {droplets}"
        yield Finding(path=path, message=message, hint="choose a shorter prefix, such as /20")


def _admin_cidrs(shape: ClusterShape) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, text in enumerate(shape.access.admin_cidrs):
        path: FieldPath = ("access", "admin_cidrs", index)
        problem = admin_entry_problem(text)
        if problem:
            yield Finding(path=path, message=f"{dotted(path)}{problem[0]}", hint=problem[1])
        if text in seen:
            yield Finding(
                path=path, message=f"{dotted(path)} {quoted(text)} is given twice", hint="keep one of them"
            )
        seen.add(text)


def _ssh_keys(shape: ClusterShape) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, key in enumerate(shape.access.ssh_keys):
        path: FieldPath = ("access", "ssh_keys", index)
        if not key.strip():
            hint = "the name, id or fingerprint of a key in the account"
            yield Finding(path=path, message=f"{dotted(path)} is empty", hint=hint)
        elif key in seen:
            message = f"{dotted(path)} {quoted(key)} is given twice"
            yield Finding(path=path, message=message, hint="keep one of them")
        seen.add(key)


def _leaf_days(shape: ClusterShape) -> Iterator[Finding]:
    days, least, most = shape.security.leaf_days, defaults.MIN_LEAF_DAYS, defaults.MAX_LEAF_DAYS
    if not least <= days <= most:
        message = f"security.leaf_days must be from {least} to {most}, not {days}"
        hint = "a node's certificates are renewed only when the node is replaced"
        yield Finding(path=("security", "leaf_days"), message=message, hint=hint)


def _client_introduction(shape: ClusterShape) -> Iterator[Finding]:
    path: FieldPath = ("security", "client_introduction")
    if shape.security.client_introduction is not ClientIntroduction.STRICT:
        return
    nomad = versions.parse_version(shape.image.nomad)
    if nomad is not None and nomad < versions.FIRST_INTRODUCTION:
        message = f"{dotted(path)}: Nomad {shape.image.nomad} introduces no clients, 1.11.0 is the first that does"
        hint = "image.nomad: 1.11.0 or later, or client_introduction: warn"
        yield Finding(path=path, message=message, hint=hint)
    for name, role in shape.roles.items():
        kind = kind_of(name, role)
        if kind is not None and kind.is_nomad_client and not kind.is_separate_client:
            message = (
                f"{dotted(path)}: role {name} has clients that are their own servers: these cannot introduce them"
            )
            yield Finding(path=path, message=message, hint="use roles of kind server and nomad-client, or warn")


_CHECKS: tuple[Callable[[ClusterShape], Iterator[Finding]], ...] = (
    _format, _names, _slugs, _versions, _checksums, _roles, _quorum, _vpc, _admin_cidrs, _ssh_keys,
    _leaf_days, _client_introduction,
)  # fmt: skip
