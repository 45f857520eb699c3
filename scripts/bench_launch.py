"""Prints, as table rows, what a launch of 9, 100 and 500 droplets costs: requests, seconds, memory.

A real ``bakery launch --wait active`` against the emulator with machines in memory. Waits and the pace of requests are
cut short: the seconds are bakery's own work. DigitalOcean lets 250 requests a minute pass, so that 500 droplets take
at least two minutes there.
"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.helpers.launch_processes import LAUNCH, Forker, forker, lab

MOST_OF_A_ROLE = 100


def cluster_file(droplets: int) -> str:
    """Three servers of each kind, and pools of clients."""
    left, pools = droplets - 6, []
    while left > 0:
        count = min(left, MOST_OF_A_ROLE)
        pools.append(f"  pool-{len(pools) + 1}: {{kind: nomad-client, count: {count}, size: s-1vcpu-1gb}}")
        left -= count
    roles = ["  consul-server: {count: 3}", "  nomad-server: {count: 3}", *pools]
    head = ["version: 1", "cluster: demo", "access: {admin_cidrs: [198.51.100.7/32]}", "roles:"]
    return "\n".join([*head, *roles]) + "\n"


def measure(hand: Forker, folder: Path, droplets: int) -> tuple[int, float, float]:
    """Requests, seconds and MiB of one first launch."""
    with lab(folder, hand) as place:
        place.cluster_file = cluster_file(droplets)
        place.gate.start()
        started = time.monotonic()
        running = place.run(LAUNCH)
        seconds = time.monotonic() - started
        return len(place.gate.requests), seconds, running.peak_kib / 1024


def main() -> None:
    with forker() as hand, tempfile.TemporaryDirectory() as folder:
        for droplets in (9, 100, 500):
            requests, seconds, mebibytes = measure(hand, Path(folder) / str(droplets), droplets)
            sys.stdout.write(f"| {droplets} | {requests} | {seconds:.1f} | {mebibytes:.0f} |\n")


if __name__ == "__main__":
    main()
