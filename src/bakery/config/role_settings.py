"""Check and build what the cluster file adds to the nodes of a role."""

import re
from collections.abc import Iterator
from pathlib import Path

from bakery.config.attachments import read_part
from bakery.config.findings import FieldPath, Finding, dotted, quoted
from bakery.config.host_volumes import path_problem
from bakery.config.merges import merge_findings
from bakery.config.model import HostVolume, Kind, OpenPort, RoleSettings, UserDataPart
from bakery.config.ports import parse_port, port_findings
from bakery.config.schema import RoleShape

_NAME = "[a-zA-Z0-9_-]{1,128}"
_META_KEY = "[a-zA-Z0-9_.-]{1,128}"
_NODE_CLASS = "[a-zA-Z0-9_.-]{1,128}"
_OF_CLIENTS = ("ports", "meta", "node_class", "host_volumes")
"""Keys that only Nomad clients have a use for."""


def settings_findings(name: str, role: RoleShape, kind: Kind | None, folder: Path) -> Iterator[Finding]:
    """Yield what is wrong with the settings of a role. ``folder`` is that of the cluster file."""
    path: FieldPath = ("roles", name)
    yield from port_findings((*path, "ports"), role.ports)
    if kind is not None:
        yield from _kind_findings(path, role, kind)
    yield from _names(path, role)
    yield from _host_volumes(path, role)
    yield from merge_findings((*path, "nomad"), role.nomad)
    yield from merge_findings((*path, "consul"), role.consul)
    for index, file in enumerate(role.user_data):
        part = read_part(folder, file)
        if not isinstance(part, UserDataPart):
            at = (*path, "user_data", index)
            yield Finding(path=at, message=f"{dotted(at)}{part[0]}", hint=part[1])


def build_settings(role: RoleShape, folder: Path) -> RoleSettings:
    """Return the settings of a role that has no findings."""
    ports = (parse_port(text) for text in role.ports)
    parts = (read_part(folder, file) for file in role.user_data)
    return RoleSettings(
        ports=tuple(port for port in ports if isinstance(port, OpenPort)),
        meta=tuple(role.meta.items()),
        node_class=role.node_class,
        host_volumes=tuple(
            HostVolume(name=name, path=volume.path, read_only=volume.read_only)
            for name, volume in role.host_volumes.items()
        ),
        nomad=role.nomad,
        consul=role.consul,
        user_data=tuple(part for part in parts if isinstance(part, UserDataPart)),
    )


def _kind_findings(path: FieldPath, role: RoleShape, kind: Kind) -> Iterator[Finding]:
    useless = [] if kind.is_nomad_client else [key for key in _OF_CLIENTS if getattr(role, key)]
    for key in useless:
        message = f"{dotted((*path, key))} has no meaning: only Nomad clients run jobs"
        yield Finding(path=(*path, key), message=message, hint="remove it", at_key=True)
    if kind.is_ingress and "services" in role.consul:
        at = (*path, "consul", "services")
        message = f"{dotted(at)} cannot be set: bakery registers Traefik there, for its health"
        yield Finding(path=at, message=message, hint="remove it", at_key=True)
    if role.nomad and not kind.runs_nomad:
        message = f"{dotted((*path, 'nomad'))} has no meaning: a {kind} does not run Nomad"
        yield Finding(path=(*path, "nomad"), message=message, hint="remove it", at_key=True)


def _names(path: FieldPath, role: RoleShape) -> Iterator[Finding]:
    for key in role.meta:
        if not re.fullmatch(_META_KEY, key):
            at = (*path, "meta", key)
            message = f"{dotted((*path, 'meta'))}: {quoted(key)} cannot be a key of Nomad's metadata"
            yield Finding(path=at, message=message, hint="letters, digits, - _ and .", at_key=True)
    if role.node_class and not re.fullmatch(_NODE_CLASS, role.node_class):
        at = (*path, "node_class")
        message = f"{dotted(at)} {quoted(role.node_class)} cannot be a node class"
        yield Finding(path=at, message=message, hint="letters, digits, - _ and .")


def _host_volumes(path: FieldPath, role: RoleShape) -> Iterator[Finding]:
    for name, volume in role.host_volumes.items():
        at = (*path, "host_volumes", name)
        if not re.fullmatch(_NAME, name):
            message = f"{dotted((*path, 'host_volumes'))}: {quoted(name)} cannot be a host volume's name"
            yield Finding(path=at, message=message, hint="letters, digits, - and _", at_key=True)
        problem = path_problem(volume.path, read_only=volume.read_only)
        if problem is not None:
            inner = (*at, "path")
            yield Finding(path=inner, message=f"{dotted(inner)}{problem[0]}", hint=problem[1])
        yield from _inside_another((*at, "path"), volume.path, role)


def _inside_another(at: FieldPath, path: str, role: RoleShape) -> Iterator[Finding]:
    for other, volume in role.host_volumes.items():
        if not volume.read_only and path.startswith(f"{volume.path}/"):
            message = (
                f"{dotted(at)} {path} is inside the host volume {other}: a job that writes there could put"
                " a symbolic link in its place, to any folder of the node"
            )
            yield Finding(path=at, message=message, hint="give each its own folder")
