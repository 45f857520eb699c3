"""What a first launch of many droplets costs: a real process against the emulator with machines in memory."""

import time
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from bakery.emulator.faults.table import ENDLESS, Fault
from tests.helpers.launch_processes import ANY, LAUNCH, Forker, lab

MOST_OF_A_ROLE = 100
SERVERS = 6


@dataclass(frozen=True, kw_only=True)
class Cost:
    requests: int
    seconds: float
    """Bakery's own work: waits and the rate limiter are cut short."""
    mebibytes: float
    """Largest resident set."""
    at_once: int
    """Most requests under way at the same time."""


def cluster_file(droplets: int) -> str:
    """Three servers of each kind, and pools of clients."""
    left = droplets - SERVERS
    pools: list[str] = []
    while left > 0:
        count = min(left, MOST_OF_A_ROLE)
        pools.append(f"  pool-{len(pools) + 1}: {{kind: nomad-client, count: {count}, size: s-1vcpu-1gb}}")
        left -= count
    roles = ["  consul-server: {count: 3}", "  nomad-server: {count: 3}", *pools]
    head = ["version: 1", "cluster: demo", "access: {admin_cidrs: [198.51.100.7/32]}", "roles:"]
    return "\n".join([*head, *roles]) + "\n"


class Busy:
    """ASGI around an emulator that notes how many requests were under way at the same time."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0

    def around(self, app: ASGIApp) -> ASGIApp:
        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                await app(scope, receive, send)
            finally:
                self.now -= 1

        return counted


def measure(hand: Forker, folder: Path, droplets: int, *, delay_s: float) -> Cost:
    """Launch that many, each request answered after ``delay_s``; all of them are there afterwards.

    An emulator that answers at once is never asked twice at the same time.
    """
    busy = Busy()
    with lab(folder, hand, busy.around) as place:
        before = len(place.account().droplets)
        place.cluster_file = cluster_file(droplets)
        place.api.forget_requests()
        place.faults.add(Fault(path=ANY, times=ENDLESS, delay_s=delay_s))
        started = time.monotonic()
        running = place.run(LAUNCH)
        seconds = time.monotonic() - started
        assert len(place.account().droplets) - before == droplets
        return Cost(
            requests=len(place.api.requests()),
            seconds=seconds,
            mebibytes=running.peak_kib / 1024,
            at_once=busy.most,
        )
