#!/usr/bin/env python3
"""Print the latency of the emulated API while droplets boot, with snapshots and impairments; needs root.

sudo .venv/bin/python scripts/bench_busy.py [--actions N]
"""

import argparse
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import IPv4Network

import requests

from bakery.emulator.daemon import lifecycle
from bakery.emulator.daemon.folder import EmulatorOptions
from bakery.emulator.daemon.serve import AUTOGROUP, NICE

OPTIONS = EmulatorOptions(name="bench-busy", port=7188, public_range=IPv4Network("100.108.0.0/15"))
NINE = [f"busy-{number}" for number in range(1, 10)]
ROUNDS = 5
"""How often each droplet is impaired and healed."""
SNAPSHOTS = 3
"""How many droplets a snapshot is taken of, one after the other."""
READERS = 2
PAUSE_S = 0.01
"""Between two requests of a reader, and before a snapshot's action is read again."""
WAIT_S = 300.0


class Client:
    """One connection, and the seconds that each of its requests took."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {token}"
        self.seconds: list[float] = []

    def call(self, method: str, path: str, body: object = None) -> requests.Response:
        started = time.perf_counter()
        answer = self._session.request(method, self._url + path, json=body, timeout=60)
        self.seconds.append(time.perf_counter() - started)
        answer.raise_for_status()
        return answer

    def droplets(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = self.call("GET", "/v2/droplets?per_page=200").json()["droplets"]
        return found


@contextmanager
def reading(url: str, token: str) -> Iterator[list[Client]]:
    """Clients that list droplets and tags until the block ends."""
    stop = threading.Event()
    clients = [Client(url, token) for _ in range(READERS)]

    def read(client: Client) -> None:
        while not stop.wait(PAUSE_S):
            client.droplets()
            client.call("GET", "/v2/tags")

    with ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(read, client) for client in clients]
        try:
            yield clients
        finally:
            stop.set()
    for reader in readers:
        reader.result()


def finish_actions(client: Client, count: int) -> None:
    """Fill the account with finished actions, by renaming one droplet again and again."""
    droplet = make(client, ["renamed"])[0]
    for number in range(count):
        client.call("POST", f"/v2/droplets/{droplet}/actions", {"type": "rename", "name": f"renamed-{number}"})
        wait_idle(client)
    client.call("DELETE", f"/v2/droplets/{droplet}")
    wait_idle(client)


def make(client: Client, names: list[str]) -> list[int]:
    """Ids of new droplets, which are under way."""
    body = {"names": names, "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-12-x64", "tags": ["busy"]}
    made = client.call("POST", "/v2/droplets", body).json()["droplets"]
    wait_idle(client)
    return [droplet["id"] for droplet in made]


def wait_idle(client: Client) -> None:
    end = time.monotonic() + WAIT_S
    while client.call("GET", "/_emulator/status").json()["status"]["busy"]:
        if time.monotonic() > end:
            message = f"waited {WAIT_S:.0f} s for the emulator's machine work"
            raise SystemExit(message)
        time.sleep(0.005)


def impair(client: Client, ids: list[int]) -> None:
    for number in range(ROUNDS):
        for droplet in ids:
            path = f"/_emulator/droplets/{droplet}/impairment"
            client.call("POST", path, {"loss": 0.01, "rate": 50_000_000 + number})
        for droplet in ids:
            client.call("DELETE", f"/_emulator/droplets/{droplet}/impairment")


def take_snapshots(client: Client, ids: list[int]) -> None:
    """Take a snapshot of each droplet, and wait until its action has completed."""
    for droplet in ids:
        body = {"type": "snapshot", "name": f"busy-{droplet}"}
        action = client.call("POST", f"/v2/droplets/{droplet}/actions", body).json()["action"]
        end = time.monotonic() + WAIT_S
        while action["status"] == "in-progress" and time.monotonic() < end:
            time.sleep(PAUSE_S)
            action = client.call("GET", f"/v2/actions/{action['id']}").json()["action"]
        if action["status"] != "completed":
            message = f"the snapshot of droplet {droplet} is {action['status']}"
            raise SystemExit(message)


@contextmanager
def preferred() -> Iterator[None]:
    """Give this session the same share of the CPUs as the emulator's: the figures are without its own waits."""
    before = AUTOGROUP.read_text(encoding="ascii").rpartition(" ")[2] if AUTOGROUP.exists() else None
    if before is not None:
        AUTOGROUP.write_text(NICE, encoding="ascii")
    try:
        yield
    finally:
        if before is not None:
            AUTOGROUP.write_text(before, encoding="ascii")


def measure(actions: int) -> str:
    with preferred():
        return _measure(actions)


def _measure(actions: int) -> str:
    running = lifecycle.up(OPTIONS)
    try:
        writer = Client(running.endpoint, running.token)
        finish_actions(writer, actions)
        writer.seconds.clear()
        with reading(running.endpoint, running.token) as readers:
            ids = make(writer, NINE)
            impairer, snapshotter = (Client(running.endpoint, running.token) for _ in range(2))
            with ThreadPoolExecutor(1) as pool:
                snapshots = pool.submit(take_snapshots, snapshotter, ids[:SNAPSHOTS])
                impair(impairer, ids)
            snapshots.result()
    finally:
        lifecycle.down(OPTIONS.name)
    reads = [seconds for reader in readers for seconds in reader.seconds]
    every = [*reads, *writer.seconds, *impairer.seconds, *snapshotter.seconds]
    cells = [
        actions,
        SNAPSHOTS,
        len(every),
        shown(reads),
        shown(impairer.seconds),
        shown(snapshotter.seconds),
        shown(every),
        f"{max(every) * 1000:.0f} ms",
    ]
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def shown(seconds: list[float]) -> str:
    """p50/p99 in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return f"{cuts[49] * 1000:.1f}/{cuts[98] * 1000:.1f} ms"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, nargs="*", default=[0, 500])
    options = parser.parse_args()
    for actions in options.actions:
        sys.stdout.write(measure(actions) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
