"""Parse Nomad's allocations, which contain their job (hashicorp/nomad nomad/structs/structs.go)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from bakery.agents.model import Allocation, Resources, TaskGroup

_NANOSECONDS = 1_000_000_000


def read_allocation(row: Mapping[str, Any]) -> Allocation:
    """Return the allocation in a row of ``/v1/node/ID/allocations``.

    Raise KeyError or TypeError for another form.
    """
    job = row["Job"]
    return replace(
        read_listed_allocation({"JobType": job["Type"], **row}),
        group=_group(job.get("TaskGroups") or (), row["TaskGroup"]),
        resources=read_resources(row),
        datacenters=tuple(job.get("Datacenters") or ()),
        pool=job.get("NodePool") or "default",
    )


def read_listed_allocation(row: Mapping[str, Any]) -> Allocation:
    """Return the allocation in a row of ``/v1/job/ID/allocations``, which has no job.

    Raise KeyError or TypeError for another form.
    """
    return Allocation(
        id=row["ID"],
        job=row["JobID"],
        job_type=row["JobType"],
        status=row["ClientStatus"],
        desired=row["DesiredStatus"],
        namespace=row["Namespace"],
        healthy=(row.get("DeploymentStatus") or {}).get("Healthy"),
        group_name=row["TaskGroup"],
        node_name=row.get("NodeName") or "",
        next_id=row.get("NextAllocation") or "",
        migrates=bool((row.get("DesiredTransition") or {}).get("Migrate")),
    )


def read_resources(row: Mapping[str, Any]) -> Resources:
    """Return what the allocation reserves: the sum of its tasks."""
    tasks = ((row.get("AllocatedResources") or {}).get("Tasks") or {}).values()
    return Resources(
        cpu_mhz=sum((task.get("Cpu") or {}).get("CpuShares") or 0 for task in tasks),
        memory_mb=sum((task.get("Memory") or {}).get("MemoryMB") or 0 for task in tasks),
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
        has_services=any(one.get("Services") for one in (found, *(found.get("Tasks") or ()))),
    )


def _delay(group: Mapping[str, Any]) -> float:
    delays = (one.get("ShutdownDelay") or 0 for one in (group, *(group.get("Tasks") or ())))
    return max(delays) / _NANOSECONDS


def _host_volumes(group: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the sources of the volumes of type "host" that it may write.

    Source: nomad/structs/volumes.go, VolumeRequest.
    """
    volumes = (group.get("Volumes") or {}).values()
    written = (volume for volume in volumes if volume["Type"] == "host" and not volume.get("ReadOnly"))
    return tuple(sorted({volume["Source"] for volume in written}))
