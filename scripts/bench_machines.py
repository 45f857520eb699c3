#!/usr/bin/env python3
"""Print the cost of the emulator's droplets: seconds, CPU seconds, disk and memory. Needs root; about a minute.

sudo .venv/bin/python scripts/bench_machines.py
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bakery.emulator.host import cgroups
from bakery.proc import run
from scripts.bench_hour import cpu_seconds
from tests.helpers.emulator_lab import LabApi, lab_api, running_lab

RANGE = IPv4Network("100.96.0.0/15")
NINE = [f"bench-{number}" for number in range(1, 10)]
IDLE_SECONDS = 10.0


@contextmanager
def droplets(*names: str) -> Iterator[tuple[LabApi, list[int], dict[str, float]]]:
    """Run droplets until cloud-init is done on all of them; the third item is the seconds since the POST."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_lab(Path(folder), str(RANGE)) as lab,
        lab_api(lab) as api,
    ):
        started = time.monotonic()
        ids = api.create(*names)
        active = time.monotonic() - started
        for droplet_id in ids:
            lab.wait_done(droplet_id)
        yield api, ids, {"active": active, "done": time.monotonic() - started}


def cpu_of(api: LabApi, droplet_id: int) -> float:
    """Return the CPU seconds that the droplet's processes have used."""
    return cpu_seconds(f"{api.lab.router.cgroup}/{droplet_id}")


def disk_bytes(api: LabApi, droplet_id: int) -> int:
    """Return the bytes that the droplet has written to its disk."""
    folder = api.lab.folder / "droplets" / str(droplet_id)
    return int(run(["du", "-s", "--block-size=1", folder]).stdout.split()[0])


def rows() -> Iterator[tuple[str, str]]:
    with droplets("bench-1") as (api, ids, seconds):
        yield "one droplet: POST to active", f"{seconds['active']:.2f} s"
        yield "one droplet: POST to cloud-init done", f"{seconds['done']:.1f} s"
        yield "CPU of a boot", f"{cpu_of(api, ids[0]):.2f} s"
        yield "disk written by a boot", f"{disk_bytes(api, ids[0]) / 2**20:.1f} MiB"
    with droplets(*NINE) as (api, ids, seconds):
        yield "nine droplets: POST to active", f"{seconds['active']:.2f} s"
        yield "nine droplets: POST to cloud-init done", f"{seconds['done']:.1f} s"
        memory = cgroups.memory_in_use(api.lab.router.cgroup)
        yield "memory of an idle droplet, page cache included", f"{memory / len(ids) / 2**20:.0f} MiB"
        before = sum(cpu_of(api, droplet_id) for droplet_id in ids)
        time.sleep(IDLE_SECONDS)
        used = sum(cpu_of(api, droplet_id) for droplet_id in ids) - before
        yield "CPU of an idle droplet", f"{100 * used / IDLE_SECONDS / len(ids):.2f} %"


def main() -> int:
    for name, value in rows():
        sys.stdout.write(f"{name:<50}{value:>12}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
