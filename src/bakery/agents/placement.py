"""Parse what Nomad knows about room: why an allocation was not placed, and what each client has left."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bakery.agents.allocations import read_resources
from bakery.agents.model import LIVE, Evaluation, Resources


def read_evaluation(row: Mapping[str, Any]) -> Evaluation:
    """Return the evaluation in a row of ``/v1/job/ID/evaluations`` (hashicorp/nomad nomad/structs/eval.go).

    Raise KeyError or TypeError for another form.
    """
    failed = row.get("FailedTGAllocs") or {}
    return Evaluation(status=row["Status"], unplaced={name: _reason(metric) for name, metric in failed.items()})


def _reason(metric: Mapping[str, Any]) -> str:
    """Return why no client was chosen (nomad/structs/alloc.go, AllocMetric)."""
    reasons = [*_counted(metric, "DimensionExhausted", "{} exhausted on {}")]
    reasons += _counted(metric, "ConstraintFiltered", "constraint {} excludes {}")
    if not reasons and not metric.get("NodesEvaluated"):
        reasons = ["no eligible client"]
    return ", ".join(reasons) or "no client fits"


def _counted(metric: Mapping[str, Any], key: str, form: str) -> Iterator[str]:
    for name, count in sorted((metric.get(key) or {}).items()):
        yield form.format(name, "1 client" if count == 1 else f"{count} clients")


def read_free_resources(
    nodes: Iterable[Mapping[str, Any]], allocations: Iterable[Mapping[str, Any]]
) -> dict[str, Resources]:
    """Return what each node has left, from ``/v1/nodes`` and ``/v1/allocations``, both with their resources."""
    free = {row["ID"]: _capacity(row) for row in nodes}
    for row in allocations:
        if row["ClientStatus"] in LIVE and row["NodeID"] in free:
            left, used = free[row["NodeID"]], read_resources(row)
            free[row["NodeID"]] = Resources(
                cpu_mhz=left.cpu_mhz - used.cpu_mhz, memory_mb=left.memory_mb - used.memory_mb
            )
    return free


def _capacity(row: Mapping[str, Any]) -> Resources:
    """Return the node's resources without those reserved for its system (nomad/structs/structs.go)."""
    has, reserved = row.get("NodeResources") or {}, row.get("ReservedResources") or {}
    return Resources(
        cpu_mhz=_number(has, "Cpu", "CpuShares") - _number(reserved, "Cpu", "CpuShares"),
        memory_mb=_number(has, "Memory", "MemoryMB") - _number(reserved, "Memory", "MemoryMB"),
    )


def _number(value: Mapping[str, Any], part: str, key: str) -> int:
    return int((value.get(part) or {}).get(key) or 0)
