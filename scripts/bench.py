"""``make bench``: print the figures, and write them with machine and date to docs/benchmarks.md.

Both sides of a ratio are measured in the same run on the same machine. No figure fails a test.
"""

import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess  # noqa: TID251 - a script for maintainers, not the product
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs

TOP = Path(__file__).parents[1]
BAKERY = TOP / ".venv" / "bin" / "bakery"
NAME, PORT, RANGE = "bench", "7189", "100.112.0.0/15"
NODES = 9
ROUNDS = 3
"""Rounds of launch and floor in turn; the medians are compared."""
WAIT_S = 600
OTHERS = (
    ("bench_machines.py", "Emulated droplets of the base image", "| what | figure |"),
    (
        "bench_api.py",
        "The emulated API on droplets in memory, p50/p99 of a request (aim: p99 under 20 ms)",
        "| droplets | create, ten at once | list, 200 a page | delete | all requests | seconds |",
    ),
    (
        "bench_busy.py",
        "The emulated API while nine droplets boot and their links are impaired",
        "| finished actions before | requests | GETs, p50/p99 | impairments, p50/p99 | all requests, p50/p99 |"
        " longest |",
    ),
    (
        "bench_launch.py",
        "Launches on droplets in memory, with 10 ms for each request",
        "| droplets | requests | seconds | MiB | requests at once |",
    ),
)


@dataclass(frozen=True)
class Row:
    """One figure: its name, value, reference and aim."""

    what: str
    figure: str
    beside: str = ""
    aim: str = ""


class Bench:
    """One emulator, one cluster file, and the commands on them."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.environment = os.environ | {"BAKERY_EMULATOR": NAME, "BAKERY_CLUSTER_FILE": str(work / "bakery.yaml")}
        self.rows: list[Row] = []
        self.tables: list[str] = []

    def bakery(self, *words: str) -> str:
        done = subprocess.run(
            [BAKERY, *words], env=self.environment, capture_output=True, text=True, check=False, cwd=self.work
        )
        if done.returncode != 0:
            message = f"bakery {' '.join(words)} ended in {done.returncode}:\n{done.stderr}"
            raise SystemExit(message)
        return done.stdout

    def timed(self, *words: str) -> float:
        started = time.monotonic()
        self.bakery(*words)
        return time.monotonic() - started

    def row(self, what: str, figure: str, beside: str = "", aim: str = "") -> None:
        self.rows.append(Row(what, figure, beside, aim))
        print(f"{what:<58} {figure:<16} {beside}", flush=True)  # noqa: T201 - the bench's answer


class Api:
    """The emulator's API, called directly."""

    def __init__(self, bench: Bench) -> None:
        exports = dict(re.findall(r"export (\w+)=(\S+)", bench.bakery("emulator", "env")))
        self.url, self.token = exports["DIGITALOCEAN_API_URL"], exports["DIGITALOCEAN_TOKEN"]

    def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - any JSON value
        request = urllib.request.Request(  # noqa: S310 - the emulator on loopback
            self.url.rstrip("/") + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            text = answer.read()
        return json.loads(text) if text else None

    def requests(self) -> list[dict[str, Any]]:
        found = self.call("GET", "/_emulator/requests")
        return list(found["requests"] if isinstance(found, dict) else found)


def wait(what: str, check: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not check():
        if time.monotonic() > end:
            message = f"waited {WAIT_S} s for {what}"
            raise SystemExit(message)
        time.sleep(0.1)


@contextmanager
def emulator(bench: Bench) -> Iterator[None]:
    bench.bakery("emulator", "up", "--name", NAME, "--port", PORT, "--public-range", RANGE)
    try:
        yield
    finally:
        bench.bakery("emulator", "down", "--name", NAME)


def available_mib() -> float:
    """Return the memory that is still available, MiB (proc(5), MemAvailable)."""
    return int(re.findall(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())[0]) / 1024


def measure_floor(api: Api, image: int) -> float:
    """Return the seconds until cloud-init is done on nine droplets of the snapshot, with empty user-data."""
    key = api.call("POST", "/v2/account/keys", {"name": "floor", "public_key": _public_key()})["ssh_key"]["id"]
    before = _finished()
    started = time.monotonic()
    for number in range(NODES):
        size = "s-2vcpu-2gb" if number >= NODES - 3 else "s-1vcpu-1gb"
        body = {"name": f"floor-{number}", "region": "fra1", "size": size, "image": image, "ssh_keys": [key]}
        api.call("POST", "/v2/droplets", body | {"tags": ["floor"], "user_data": ""})
    wait("cloud-init on nine droplets", lambda: len(_finished() - before) == NODES)
    seconds = time.monotonic() - started
    api.call("DELETE", "/v2/droplets?tag_name=floor")
    wait("the floor's droplets to go", lambda: not api.call("GET", "/v2/droplets?tag_name=floor")["droplets"])
    api.call("DELETE", f"/v2/account/keys/{key}")
    return seconds


def _finished() -> set[Path]:
    home = Path(platformdirs.user_data_dir("bakery")) / "emulator" / NAME
    return set(home.glob("**/upper/var/lib/cloud/instances/*/boot-finished"))


def _public_key() -> str:
    from bakery.credentials.throwaway import throwaway_public_key

    return throwaway_public_key()


def bench_cluster(bench: Bench) -> None:
    before, started = available_mib(), time.monotonic()
    with emulator(bench):
        api = Api(bench)
        bench.bakery("init", "--cluster", "bench")
        baking = bench.timed("build-image", "--local", "--yes")
        api.call("DELETE", "/_emulator/requests")
        launches = [bench.timed("launch", "--local", "--yes")]
        whole, requests = time.monotonic() - started, len(api.requests())
        used = before - available_mib()
        bench.bakery("destroy", "--local", "--yes")
        image = json.loads(bench.bakery("images", "--local", "--json"))[0]["id"]
        floors = [measure_floor(api, image)]
        for _ in range(ROUNDS - 1):
            launches.append(bench.timed("launch", "--local", "--yes"))
            bench.bakery("destroy", "--local", "--yes")
            floors.append(measure_floor(api, image))
    launching, floor = statistics.median(launches), statistics.median(floors)
    span = f"{min(launches):.1f} to {max(launches):.1f} s in {ROUNDS} runs"
    beside = f"{span}; floor {floor:.1f} s, {launching / floor:.2f} x"
    bench.row("launch to healthy, 3 + 3 + 3", f"{launching:.1f} s", beside, "1.5 x")
    bench.row("emulator, bake and launch, warm", f"{whole:.1f} s", f"bake {baking:.1f} s", "180 s")
    bench.row("API requests per launch", str(requests), "", "60")
    bench.row("memory of emulator and nine droplets", f"{used:.0f} MiB", "less available", "2048 MiB")


def bench_user_data(bench: Bench) -> None:
    """Bytes of user-data per kind, as rendered by hand for seven and seven servers."""
    for role in ("consul-server", "nomad-server", "nomad-client"):
        joins = [word for number in range(2, 9) for word in ("--join", f"10.100.0.{number}")]
        file = bench.bakery("render", "--role", role, *joins, "--output", str(bench.work / "rendered")).strip()
        bench.row(f"user-data of {role}", f"{Path(file).stat().st_size} bytes", "", "65536 bytes")


def bench_help(bench: Bench) -> None:
    seconds = statistics.median(bench.timed("--help") for _ in range(11))
    bare = statistics.median(_seconds([sys.executable, "-c", "import click"]) for _ in range(11))
    bench.row("bakery --help", f"{seconds * 1000:.0f} ms", f"importing click alone {bare * 1000:.0f} ms", "150 ms")


def _seconds(argv: list[str]) -> float:
    started = time.monotonic()
    subprocess.run(argv, check=True, capture_output=True)
    return time.monotonic() - started


def bench_render(bench: Bench) -> None:
    """1,000 nodes with leaves of their own, in a process of its own for the memory."""
    done = subprocess.run([sys.executable, __file__, "--render"], capture_output=True, text=True, check=True)
    seconds, mib = done.stdout.split()
    bench.row("issuing and rendering 1,000 nodes", f"{seconds} s", f"{mib} MiB at most", "5 s, 300 MiB")


def render_thousand() -> None:
    from ipaddress import IPv4Address

    from bakery.config.load import parse_cluster
    from bakery.credentials.issue import issue_for_node
    from bakery.credentials.store import create_bundle
    from bakery.plan.build import build_plan
    from bakery.render.model import Join
    from bakery.render.user_data import render_node

    roles = "".join(f"  pool{n}: {{kind: nomad-client, count: 99, size: s-1vcpu-1gb}}\n" for n in range(10))
    text = (
        f"version: 1\ncluster: big\nroles:\n  consul-server: {{count: 5}}\n  nomad-server: {{count: 5}}\n{roles}"
    )
    plan = build_plan(parse_cluster(text, Path("bakery.yaml")))
    now = datetime.now(UTC)
    bundle = create_bundle("big", now=now)
    join = Join(consul=tuple(str(IPv4Address("10.100.0.2") + n) for n in range(5)), nomad=("10.100.0.7",))
    started = time.monotonic()
    for node in plan.nodes:
        credentials = issue_for_node(bundle, name=node.name, kind=node.kind, now=now)
        render_node(plan, node, credentials, join)
    seconds = time.monotonic() - started
    assert len(plan.nodes) == 1000  # noqa: S101 - otherwise the figure means something else
    print(f"{seconds:.1f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")  # noqa: T201


def bench_others(bench: Bench) -> None:
    """Run the benchmarks of single rooms; each prints the rows of its own table."""
    for script, title, head in OTHERS:
        done = subprocess.run(
            [sys.executable, Path(__file__).with_name(script)], capture_output=True, text=True, check=True
        )
        rows = [line if line.startswith("|") else _as_row(line) for line in done.stdout.splitlines()]
        table = [f"## {title}", "", head, "|---" * (head.count("|") - 1) + "|", *rows, ""]
        bench.tables.append("\n".join(table))
        print(bench.tables[-1], flush=True)  # noqa: T201 - the bench's answer


def _as_row(line: str) -> str:
    """Columns that were aligned with blanks, as a row."""
    return "| " + " | ".join(re.split(r"\s{2,}", line.strip())) + " |"


def write(bench: Bench, target: Path) -> None:
    machine = f"{os.cpu_count()} cores, {available_mib() / 1024:.0f} GiB free, Linux {platform.release()}"
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {machine}. Figures of one run, with",
        "the machine's noise in them. Both sides of a ratio come from the same run.",
        "",
        "| what | figure | beside | aim |",
        "|---|---|---|---|",
        *(f"| {row.what} | {row.figure} | {row.beside} | {row.aim} |" for row in bench.rows),
        "",
        *bench.tables,
    ]
    target.write_text("\n".join(lines), encoding="utf-8")


def main() -> None:
    if sys.argv[1:] == ["--render"]:
        render_thousand()
        return
    work = Path(tempfile.mkdtemp(prefix="bakery-bench-"))
    bench = Bench(work)
    try:
        bench_cluster(bench)
        bench_user_data(bench)
        bench_help(bench)
        bench_render(bench)
        bench_others(bench)
    finally:
        shutil.rmtree(work)
    write(bench, TOP / "docs" / "benchmarks.md")


if __name__ == "__main__":
    main()
