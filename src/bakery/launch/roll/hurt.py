"""What a roll does to the work on Nomad clients, from their allocations: said before the user is asked. Pure."""

from collections.abc import Iterable, Iterator

from bakery.agents.model import Allocation, TaskGroup

_LIVE = {"pending", "running"}


def warnings_of(allocations: Iterable[Allocation]) -> tuple[str, ...]:
    """Return what may be lost or interrupted when the work moves, one line per job and fault, sorted."""
    live = [each for each in allocations if each.status in _LIVE and each.desired == "run"]
    return tuple(sorted({line for each in live for line in _warnings(each)}))


def _warnings(allocation: Allocation) -> Iterator[str]:
    group = allocation.group
    if allocation.job_type in ("batch", "sysbatch"):
        yield f"{allocation.job}: batch work is killed if it still runs at the drain deadline"
    if group is None:
        return
    name = f"{allocation.job}.{group.name}"
    if allocation.job_type == "service":
        yield from _service(name, group)
    if group.host_volumes:
        yield f"{name}: the data of host volume {', '.join(group.host_volumes)} is deleted with its droplet"
    elif group.sticky_disk and not group.migrates_disk:
        yield f"{name}: its sticky disk is not migrated, and is deleted with its droplet"


def _service(name: str, group: TaskGroup) -> Iterator[str]:
    if group.count == 1:
        yield f"{name}: with count 1 it stops before its successor runs"
    elif group.max_parallel is not None and group.max_parallel >= group.count:
        yield f"{name}: migrate.max_parallel {group.max_parallel} moves all {group.count} allocations at once"
    if not group.shutdown_delay_seconds:
        yield f"{name}: without shutdown_delay, requests are lost while it is deregistered"
