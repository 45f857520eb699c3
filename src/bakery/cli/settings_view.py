"""What the cluster file adds to nodes, for ``plan``: one row for each setting, without possible secrets."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bakery.plan.ports import CONSUL_GRPC

if TYPE_CHECKING:
    from bakery.config.model import RoleSettings
    from bakery.plan.model import ClusterPlan

SETTING_HEADER = ("SETTING", "VALUE")
_MESH = f"Consul's gRPC on 127.0.0.1:{CONSUL_GRPC} of Nomad clients, no other port"


def setting_rows(planned: "ClusterPlan") -> list[tuple[str, str]]:
    """Return the name and the text of each setting, in plan order; of merged configuration only the keys."""
    roles = {node.role: node.settings for node in planned.nodes}
    rows = [(f"roles.{role}.{name}", value) for role, found in roles.items() for name, value in _of_role(found)]
    registries = ", ".join(registry.host for registry in planned.docker.registries)
    logs = planned.docker.logs
    others = (
        ("docker.registries", registries),
        ("docker.ca", "for these registries" if planned.docker.ca else ""),
        ("docker.ulimits", ", ".join(f"{name}={value}" for name, value in planned.docker.ulimits)),
        ("docker.logs", f"{logs.max_files} files of {logs.max_size}" if logs is not None else ""),
        ("mesh", _MESH if planned.mesh else ""),
    )
    return [(name, value) for name, value in (*rows, *others) if value]


def _of_role(settings: "RoleSettings") -> Iterator[tuple[str, str]]:
    volumes = (f"{v.name}: {v.path}{' (read-only)' if v.read_only else ''}" for v in settings.host_volumes)
    parts = (f"{part.name} ({len(part.text.encode())} bytes)" for part in settings.user_data)
    yield "meta", ", ".join(f"{key}={value}" for key, value in settings.meta)
    yield "node_class", settings.node_class
    yield "host_volumes", ", ".join(volumes)
    yield "nomad", ", ".join(_keys(settings.nomad))
    yield "consul", ", ".join(_keys(settings.consul))
    yield "user_data", ", ".join(parts)


def _keys(value: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from _keys(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
