"""Memory and CPU of the droplets of a launched cluster, as the control groups of the droplets count them."""

import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from bakery.emulator.host import cgroups
from scripts.bench_page import cells

HOUR_S = 3600.0
CPU_S = 300.0
"""Seconds at the end of the hour in which CPU time is counted."""
HEAD = "| droplets | memory of each | of it processes | CPU of each | CPU since the boot |"


class Usage(NamedTuple):
    """What the processes of one droplet, or of several, use."""

    memory: float
    """Bytes, page cache included."""
    processes: float
    """Bytes of anonymous memory."""
    cpu: float
    """CPU seconds per second at the end of the hour."""
    total_cpu: float
    """CPU seconds since the droplet was created."""


def cpu_seconds(cgroup: str) -> float:
    """Return the CPU seconds that the processes of a control group have used."""
    for hierarchy in cgroups.hierarchies():
        usage = hierarchy.mount / cgroup / "cpuacct.usage"
        if usage.exists():
            return int(usage.read_text(encoding="ascii")) / 1e9
    stat = (cgroups.hierarchies()[0].mount / cgroup / "cpu.stat").read_text(encoding="ascii")
    return int(stat.split("usage_usec", 1)[1].split()[0]) / 1e6


def process_bytes(cgroup: str) -> int:
    """Return the anonymous memory of a control group: all but the page cache.

    Source: memory.stat, total_rss (cgroup-v1/memory.rst) and anon (cgroup-v2.rst).
    """
    for hierarchy in cgroups.hierarchies():
        with suppress(OSError):
            lines = (hierarchy.mount / cgroup / "memory.stat").read_text(encoding="ascii").splitlines()
            found = dict(line.split() for line in lines)
            return int(found["total_rss"] if "total_rss" in found else found["anon"])
    message = f"the control group {cgroup} has no memory.stat"
    raise SystemExit(message)


def measure(groups: Mapping[str, str], *, idle_s: float = HOUR_S, cpu_s: float = CPU_S) -> Iterator[str]:
    """Wait for ``idle_s`` seconds, then yield a row per role and one of all droplets.

    ``groups`` has the control group of each droplet by name. CPU time is counted in the last ``cpu_s`` seconds.
    """
    time.sleep(idle_s - cpu_s)
    before, started = {name: cpu_seconds(group) for name, group in groups.items()}, time.monotonic()
    time.sleep(cpu_s)
    seconds = time.monotonic() - started
    usages = {}
    for name, group in groups.items():
        total = cpu_seconds(group)
        cpu = (total - before[name]) / seconds
        usages[name] = Usage(cgroups.memory_in_use(group), process_bytes(group), cpu, total)
    yield from rows(usages)


def rows(usages: Mapping[str, Usage]) -> Iterator[str]:
    """Yield a row of means per role, by the droplets' names, and one with the sums of all droplets."""
    by_role: dict[str, list[Usage]] = {}
    for name, usage in usages.items():
        by_role.setdefault(name.rpartition("-")[0], []).append(usage)
    for role, members in by_role.items():
        means = Usage(*(statistics.mean(column) for column in zip(*members, strict=True)))
        yield _row(f"{len(members)} x {role}", means)
    sums = Usage(*(sum(column) for column in zip(*usages.values(), strict=True)))
    yield _row(f"all {len(usages)} together", sums)


def _row(what: str, usage: Usage) -> str:
    mib = [f"{size / 2**20:.0f} MiB" for size in (usage.memory, usage.processes)]
    return cells(what, *mib, f"{100 * usage.cpu:.2f} %", f"{usage.total_cpu:.0f} s")
