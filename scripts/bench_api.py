#!/usr/bin/env python3
"""Measure the emulated API on droplets in memory; print a row of a Markdown table for each number of droplets.

Droplets are created ten per request, listed page by page and deleted one by one, over one connection. Each column
is the latency of these requests as p50/p99 in milliseconds.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import requests

sys.path.insert(0, str(Path(__file__).parents[1]))

from bakery.emulator.account.settings import EmulatorSettings
from bakery.emulator.daemon.app import build_app, emulator_of
from bakery.emulator.machines.memory import InMemoryMachines
from tests.helpers.shared_server import serving

TOKEN = "bench"  # noqa: S105 - the token of an emulator that runs for seconds
HEADER = "| droplets | create ×10 | list ×200 | delete | all requests | seconds |"
AT_ONCE = 10
PAGE = 200


@dataclass(kw_only=True)
class Timings:
    seconds: list[float] = field(default_factory=list)

    def take(self, request: Callable[[], requests.Response]) -> Any:  # noqa: ANN401 - JSON
        started = time.perf_counter()
        answer = request()
        self.seconds.append(time.perf_counter() - started)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def __str__(self) -> str:
        """p50/p99 in milliseconds."""
        cuts = statistics.quantiles(self.seconds, n=100, method="inclusive")
        return f"{cuts[49] * 1000:.1f}/{cuts[98] * 1000:.1f} ms"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--droplets", type=int, nargs="*", default=[2000, 5000])
    parser.add_argument("--header", action="store_true", help="print the table's head too")
    options = parser.parse_args()
    if options.header:
        sys.stdout.write(f"{HEADER}\n{'|---' * 6}|\n")
    for droplets in options.droplets:
        sys.stdout.write(measure_new(droplets) + "\n")
    return 0


def measure_new(droplets: int) -> str:
    """Measure an emulator of its own."""
    app = build_app(EmulatorSettings(tokens=(TOKEN,)), InMemoryMachines())
    try:
        with serving(app) as url, requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {TOKEN}"
            return measure(f"{url}/v2", session, droplets)
    finally:
        emulator_of(app).close()


def measure(api: str, session: requests.Session, count: int) -> str:
    url, vpc = f"{api}/droplets", {"name": "bench", "region": "fra1", "ip_range": "10.64.0.0/16"}
    room = session.post(f"{api}/vpcs", json=vpc).json()["vpc"]["id"]  # a default VPC has room for 4,000
    create, listing, delete = Timings(), Timings(), Timings()
    started = time.perf_counter()
    for first in range(0, count, AT_ONCE):
        body = _order(range(first, min(first + AT_ONCE, count))) | {"vpc_uuid": room}
        create.take(partial(session.post, url, json=body))
    ids = _list(url, session, listing)
    for droplet_id in ids:
        delete.take(partial(session.delete, f"{url}/{droplet_id}"))
    total = time.perf_counter() - started
    if len(ids) != count:
        message = f"{count} droplets were made and {len(ids)} listed"
        raise SystemExit(message)
    every = Timings(seconds=[*create.seconds, *listing.seconds, *delete.seconds])
    return f"| {count} | {create} | {listing} | {delete} | {every} | {total:.1f} |"


def _order(numbers: range) -> dict[str, object]:
    names = [f"bench-{number}" for number in numbers]
    return {
        "names": names,
        "region": "fra1",
        "size": "s-1vcpu-1gb",
        "image": "debian-12-x64",
        "tags": ["bench"],
    }


def _list(url: str, session: requests.Session, listing: Timings) -> list[int]:
    """Every id, page by page; a few rounds, so that there is something to measure."""
    ids: list[int] = []
    for _ in range(5):
        ids = []
        page: str | None = f"{url}?tag_name=bench&per_page={PAGE}"
        while page is not None:
            body = listing.take(partial(session.get, page))
            ids += [droplet["id"] for droplet in body["droplets"]]
            page = body["links"].get("pages", {}).get("next")
    return ids


if __name__ == "__main__":
    raise SystemExit(main())
