"""Parse Nomad's allocations, which contain their job (hashicorp/nomad nomad/structs/structs.go)."""

from collections.abc import Iterable, Mapping
from typing import Any

from bakery.agents.model import Allocation, TaskGroup

_NANOSECONDS = 1_000_000_000


def read_allocation(row: Mapping[str, Any]) -> Allocation:
    """Return the allocation in a row of ``/v1/node/ID/allocations``.

    Raise KeyError or TypeError for another form.
    """
    return Allocation(
        id=row["ID"],
        job=row["JobID"],
        job_type=row["Job"]["Type"],
        status=row["ClientStatus"],
        desired=row["DesiredStatus"],
        namespace=row["Namespace"],
        healthy=(row.get("DeploymentStatus") or {}).get("Healthy"),
        group=_group(row["Job"].get("TaskGroups") or (), row["TaskGroup"]),
    )


def _group(groups: Iterable[Mapping[str, Any]], name: str) -> TaskGroup | None:
    found = next((group for group in groups if group["Name"] == name), None)
    if found is None:
        return None
    disk, migrate = found.get("EphemeralDisk") or {}, found.get("Migrate") or {}
    return TaskGroup(
        name=name,
        count=found["Count"],
        max_parallel=migrate.get("MaxParallel"),
        shutdown_delay_seconds=_delay(found),
        sticky_disk=bool(disk.get("Sticky")),
        migrates_disk=bool(disk.get("Migrate")),
        host_volumes=_host_volumes(found),
    )


def _delay(group: Mapping[str, Any]) -> float:
    delays = (one.get("ShutdownDelay") or 0 for one in (group, *(group.get("Tasks") or ())))
    return max(delays) / _NANOSECONDS


def _host_volumes(group: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the sources of the group's volumes of type "host" (nomad/structs/volumes.go, VolumeRequest)."""
    volumes = (group.get("Volumes") or {}).values()
    return tuple(sorted({volume["Source"] for volume in volumes if volume["Type"] == "host"}))
