"""``make bench``: print the figures, and write them with machine and date to docs/benchmarks.md.

Both sides of a ratio are measured in the same run on the same machine. No figure fails a test. If a ratio is more
than a fifth above that of the page, the bench fails and the page stays as it is; ``--accept`` (``make bench
ACCEPT=1``) writes it anyway.

Two parts take long, and run only if they are asked for: an hour without requests (``--hour``, of ``make bench
HOUR=1``), and the build of the tools from empty caches (``--cold``, ``COLD=1``; with ``--before COMMIT`` or
``BEFORE=COMMIT`` of that commit's tools too). Otherwise the page keeps their last figures, with their date.
``--cold only``, ``COLD=only``, measures that build and nothing else; the page keeps all other figures.
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess  # noqa: TID251 - a script for maintainers, not the product
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs

sys.path.insert(0, str(Path(__file__).parents[1]))

from bakery.cloud.transport import TransportLimits
from bakery.config.defaults import NOMAD_VERSION, TESTED_NOMAD_VERSION
from bakery.emulator.account.latency import DIGITALOCEAN
from bakery.emulator.daemon.folder import emulator_dir
from bakery.emulator.network.router import cgroup_of
from scripts import bench_cold as cold
from scripts import bench_hour as hour
from scripts.bench_alternatives import BAKED, installed, seconds_to_leader
from scripts.bench_page import LATENCIES, PAGE, Row, kept, page, table, today, with_section, write_page
from tests.helpers.file_server import served
from tests.helpers.launch_limits import DROPLETS, launched_with_limits, least_seconds
from tests.helpers.tools import require_tool

TOP = Path(__file__).parents[1]
BAKERY = TOP / ".venv" / "bin" / "bakery"
NAME, PORT, RANGE = "bench", "7189", "100.112.0.0/15"
NAMES = tuple(f"bench-{role}-{n}" for role in ("consul-server", "nomad-server", "nomad-client") for n in (1, 2, 3))
"""Of the droplets of a launch."""
NODES = len(NAMES)
FLOOR_NAMES = ("bench-first", *NAMES[1:])
"""Of the bare droplets. A latency is drawn by name, so they have those of the launch. The first has another
name: the create of a launch's first droplet is subtracted from it, and must not be in the bare boot."""
ROUNDS = 3
"""Rounds of launch and bare boot in turn; the medians are compared."""
ROUNDED = 0.01
"""Seconds to which the times of a launch are rounded."""
WAIT_S = 600
BASE = "debian-12-x64"
HOUR_TITLE = "The nine droplets an hour after a launch"
HOUR_NOTE = (
    "Measured on {today}, without jobs, in the control groups of the droplets. The CPU is the share of one core in"
    "\nthe last five minutes of the hour."
)
COLD_TITLE = "make toolchain from empty caches"
TOOL_RUNS = 20
"""Certificates that the official tool creates for a comparison."""
OTHERS = (
    ("bench_machines.py", "Emulated droplets of the base image", "| what | figure |"),
    (
        "bench_api.py",
        "The emulated API on droplets in memory, p50/p99 of a request (aim: p99 under 20 ms)",
        "| droplets | create, ten at once | list, 200 a page | delete | all requests | seconds |",
    ),
    (
        "bench_busy.py",
        "The emulated API while nine droplets boot, snapshots are taken and links are impaired (aim: p99 of all"
        " requests under 20 ms)",
        "| finished actions before | snapshots | requests | GETs, p50/p99 | impairments, p50/p99 |"
        " requests for snapshots, p50/p99 | all requests, p50/p99 | longest |",
    ),
    (
        "bench_launch.py",
        "Launches on droplets in memory, with 10 ms for each request",
        "| droplets | requests | seconds | MiB | requests at once |",
    ),
    (
        "bench_ingress.py",
        "A service asked directly and through an ingress node, on loopback, with 32 connections",
        "| way | requests per second | beside directly | p50/p99 |",
    ),
)


class Bench:
    """One emulator, one cluster file, and the commands on them."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.environment = os.environ | {"BAKERY_EMULATOR": NAME, "BAKERY_CLUSTER_FILE": str(work / "bakery.yaml")}
        # A user's Python keeps the modules that an earlier command compiled. With this variable, which some CI
        # machines set, every command would compile them again.
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)
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

    def row(
        self,
        what: str,
        figure: str,
        beside: str = "",
        aim: str = "",
        *,
        ratio: float | None = None,
        latency: str | None = None,
    ) -> None:
        self.rows.append(Row(what, figure, beside, aim, ratio, latency))
        print(self.rows[-1].cells, flush=True)  # noqa: T201 - the bench's answer

    def table(self, title: str, head: str, rows: Iterable[str], note: str = "") -> None:
        self.tables.append(table(title, head, rows, note))
        print(self.tables[-1], flush=True)  # noqa: T201 - the bench's answer


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

    def text(self, path: str) -> str:
        with urllib.request.urlopen(self.url.rstrip("/") + path, timeout=30) as answer:  # noqa: S310 - loopback
            return str(answer.read().decode().strip())

    def forget_requests(self) -> None:
        self.call("DELETE", "/_emulator/requests")

    def count_requests(self) -> int:
        """Return how many requests to the API were sent since :meth:`forget_requests`."""
        found = self.call("GET", "/_emulator/requests")["requests"]
        return len([request for request in found if request["path"].startswith("/v2")])


def wait(what: str, check: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not check():
        if time.monotonic() > end:
            message = f"waited {WAIT_S} s for {what}"
            raise SystemExit(message)
        time.sleep(0.1)


@contextmanager
def emulator(bench: Bench, latency: str) -> Iterator[None]:
    options = ("--port", PORT, "--public-range", RANGE, "--latency", latency)
    bench.bakery("emulator", "up", "--name", NAME, *options)
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
    for name in FLOOR_NAMES:
        size = "s-2vcpu-2gb" if "client" in name else "s-1vcpu-1gb"
        body = {"name": name, "region": "fra1", "size": size, "image": image, "ssh_keys": [key]}
        api.call("POST", "/v2/droplets", body | {"tags": ["floor"], "user_data": ""})
    wait("cloud-init on nine droplets", lambda: len(_finished() - before) == NODES)
    seconds = time.monotonic() - started
    api.call("DELETE", "/v2/droplets?tag_name=floor")
    wait("the floor's droplets to go", lambda: not api.call("GET", "/_emulator/status")["status"]["busy"])
    api.call("DELETE", f"/v2/account/keys/{key}")
    return seconds


def _finished() -> set[Path]:
    home = Path(platformdirs.user_data_dir("bakery")) / "emulator" / NAME
    return set(home.glob("droplets/*/upper/var/lib/cloud/instances/*/boot-finished"))


def _public_key() -> str:
    from bakery.credentials.throwaway import throwaway_public_key

    return throwaway_public_key()


def bench_cluster(bench: Bench, latency: str) -> None:
    before, started = available_mib(), time.monotonic()
    state = bench.work / ".bakery"
    with emulator(bench, latency):
        api = Api(bench)
        baking = bench.timed("build-image", "--local", "--yes")
        first = launch_once(bench, api)
        whole, used = time.monotonic() - started, before - available_mib()
        bench_commands(bench, api, latency)
        bench_roll(bench, latency)
        bench.bakery("destroy", "--local", "--yes")
        image = json.loads(bench.bakery("images", "--local", "--json"))["images"][0]["id"]
        bench_alternative(bench, api, image, latency)
        # In turn, so that the machine is the same. During the first launch it still wrote the bake to its disk.
        launches, floors = [], []
        for _ in range(ROUNDS):
            launches.append(launch_once(bench, api))
            bench.bakery("destroy", "--local", "--yes")
            floors.append(measure_floor(api, image))
    shutil.rmtree(state)
    report_launches(bench, latency, launches, floors)
    requests = max(launch.requests for launch in (first, *launches))
    bench.row("API requests of that launch", str(requests), "", "35 without latency", latency=latency)
    beside = f"bake {baking:.1f} s"
    bench.row(
        "emulator, bake and launch, warm", f"{whole:.1f} s", beside, "180 s without latency", latency=latency
    )
    if latency == "none":
        bench.row("memory of emulator and nine droplets", f"{used:.0f} MiB", "less available", "2048 MiB")


@dataclass(frozen=True)
class Launch:
    """One launch to healthy."""

    seconds: float
    requests: int
    times: dict[str, Any]
    """``seconds`` of ``bakery launch --json``."""


def launch_once(bench: Bench, api: Api) -> Launch:
    api.forget_requests()
    started = time.monotonic()
    answer = json.loads(bench.bakery("launch", "--local", "--yes", "--json"))
    seconds = time.monotonic() - started
    return Launch(seconds, api.count_requests(), answer["seconds"])


def requests_of(bench: Bench, api: Api, *words: str) -> int:
    """Return how many requests a command sends to the API."""
    api.forget_requests()
    bench.bakery(*words)
    return api.count_requests()


def report_launches(bench: Bench, latency: str, launches: list[Launch], floors: list[float]) -> None:
    seconds = [launch.seconds for launch in launches]
    launching, floor = statistics.median(seconds), statistics.median(floors)
    span = f"{min(seconds):.1f} to {max(seconds):.1f} s in {ROUNDS} runs; bare boot of nine {floor:.1f} s"
    create = 0.0 if latency == "none" else DIGITALOCEAN.draw("create", "bench-consul-server-1")
    beside = f"{span}; create of the first droplet {create:.0f} s"
    aim, ratio = "1.25 x after the create of the first droplet", (launching - create) / floor
    bench.row("launch to healthy, 3 + 3 + 3", f"{launching:.1f} s", beside, aim, ratio=ratio, latency=latency)
    typical = min(launches, key=lambda launch: abs(launch.seconds - launching))
    bench.table(
        f"The critical path of a launch, {LATENCIES[latency]}",
        "| step | seconds | last node |",
        critical_path(typical),
    )


def critical_path(launch: Launch) -> list[str]:
    """Return a row for each step, with the node that was the last to reach a state in it."""
    reached = [
        (at, f"{node['name']} {state}") for node in launch.times["nodes"] for state, at in node["states"].items()
    ]
    rows = []
    for step in launch.times["steps"]:
        end = step["begins"] + step["seconds"]
        within = [found for found in reached if step["begins"] + ROUNDED < found[0] <= end + ROUNDED]
        last = max(within)[1] if within and step["depth"] == 0 else ""
        rows.append(f"| {'– ' * step['depth']}{step['title']} | {step['seconds']:.1f} | {last} |")
    return [*rows, f"| process start to end | {launch.seconds:.1f} | |"]


def bench_alternative(bench: Bench, api: Api, image: int, latency: str) -> None:
    """One droplet until its Consul has a leader: from the baked snapshot, and with programs installed at boot."""
    programs = {name: require_tool(name).read_bytes() for name in ("consul", "nomad")}
    with served(api.text("/_emulator/address"), programs) as source:
        baked = [seconds_to_leader(api.call, image, BAKED) for _ in range(ROUNDS)]
        at_boot = [seconds_to_leader(api.call, BASE, installed(source)) for _ in range(ROUNDS)]
    mine, others = statistics.median(baked), statistics.median(at_boot)
    beside = f"programs installed at boot by cloud-init: {others:.1f} s, from a mirror on this machine"
    what = "one droplet, POST to Consul's leader, baked"
    bench.row(what, f"{mine:.1f} s", beside, ratio=mine / others, latency=latency)


def bench_commands(bench: Bench, api: Api, latency: str) -> None:
    """Commands that only read, on the launched cluster; medians of five."""
    for words, aim in (
        (("validate",), "0.3 s"),
        (("plan", "--local"), "1 s without latency"),
        (("status", "--local"), "1 s without latency"),
        (("env", "--local"), "1 s without latency"),
    ):
        seconds = statistics.median(bench.timed(*words) for _ in range(5))
        bench.row(f"bakery {words[0]}", f"{seconds:.2f} s", "", aim, latency=latency)
    asked = requests_of(bench, api, "status", "--local")
    bench.row("API requests of bakery status", str(asked), "", "12", latency=latency)
    again = requests_of(bench, api, "launch", "--local", "--yes")
    bench.row("API requests of a launch that has nothing to do", str(again), "", "15", latency=latency)


def bench_roll(bench: Bench, latency: str) -> None:
    """Replace every node of the launched cluster; no jobs run on it."""
    seconds = bench.timed("roll", "--local", "--yes", "--because", "age", "--older-than", "0")
    beside = f"{seconds / NODES:.0f} s a node"
    bench.row("roll of nine, without jobs", f"{seconds:.0f} s", beside, "240 s without latency", latency=latency)


def bench_hour(bench: Bench) -> None:
    """Launch a cluster, leave it alone for an hour, and read the control groups of its droplets."""
    with emulator(bench, "none"):
        api = Api(bench)
        bench.bakery("build-image", "--local", "--yes")
        bench.bakery("launch", "--local", "--yes")
        groups = cgroups_of(api)
        bench.table(HOUR_TITLE, hour.HEAD, hour.measure(groups), HOUR_NOTE.format(today=today()))
        bench.bakery("destroy", "--local", "--yes")


def cgroups_of(api: Api) -> dict[str, str]:
    """Return the control group of each droplet of the launched cluster, by the droplet's name."""
    running = emulator_dir(NAME).read()
    if running is None:
        message = f"the emulator {NAME} is not running"
        raise SystemExit(message)
    ids = {droplet["name"]: droplet["id"] for droplet in api.call("GET", "/v2/droplets?per_page=200")["droplets"]}
    return {name: f"{cgroup_of(running.network)}/{ids[name]}" for name in NAMES}


def cold_section(before: str | None) -> str:
    """Build the tools from empty caches. Return the section of the page."""
    return table(COLD_TITLE, cold.HEAD, cold.measure(before), f"Measured on {today()}.")


def bench_user_data(bench: Bench) -> None:
    """Bytes of user-data per kind, as rendered by hand for seven and seven servers."""
    for role in ("consul-server", "nomad-server", "nomad-client"):
        joins = [word for number in range(2, 9) for word in ("--join", f"10.100.0.{number}")]
        file = bench.bakery("render", "--role", role, *joins, "--output", str(bench.work / "rendered")).strip()
        bench.row(f"user-data of {role}", f"{Path(file).stat().st_size} bytes", "", "65536 bytes")


def bench_help(bench: Bench) -> None:
    seconds = statistics.median(bench.timed("--help") for _ in range(11))
    bare = statistics.median(_seconds([sys.executable, "-c", "import click"]) for _ in range(11))
    bench.environment |= {
        "_BAKERY_COMPLETE": "bash_complete",
        "COMP_WORDS": "bakery launch --role ",
        "COMP_CWORD": "3",
    }
    completing = statistics.median(bench.timed() for _ in range(11))
    for name in ("_BAKERY_COMPLETE", "COMP_WORDS", "COMP_CWORD"):
        del bench.environment[name]
    bench.row("completion of a role", f"{completing * 1000:.0f} ms", "at each Tab", "150 ms")
    bench.row("bakery --help", f"{seconds * 1000:.0f} ms", f"importing click alone {bare * 1000:.0f} ms", "150 ms")


def _seconds(argv: list[str]) -> float:
    started = time.monotonic()
    subprocess.run(argv, check=True, capture_output=True)
    return time.monotonic() - started


def bench_render(bench: Bench) -> None:
    """1,000 nodes with leaves of their own, in a process of its own for the memory, beside HashiCorp's tools."""
    ours, tools, mib = [], [], 0
    for _ in range(ROUNDS):
        done = subprocess.run([sys.executable, __file__, "--render"], capture_output=True, text=True, check=True)
        seconds, peak = done.stdout.split()
        ours.append(float(seconds))
        mib = max(mib, int(peak))
        tools.append(sum(tool_seconds(bench, product) for product in ("consul", "nomad")))
    mine, others = statistics.median(ours), statistics.median(tools)
    beside = f"consul and nomad tls cert create, one by one: {others:.0f} s; {mib} MiB at most"
    bench.row("1,000 nodes issued and rendered", f"{mine:.2f} s", beside, "1 s", ratio=mine / others)


def bench_limits(bench: Bench) -> None:
    """Launch hundreds of droplets in memory. The clock of both sides jumps over waits."""
    with launched_with_limits(bench.work / "limits", TransportLimits()) as (statuses, seconds):
        least = least_seconds(len(statuses))
        beside = f"{len(statuses)} requests take at least {least:.0f} s; {statuses.count(429)} were answered 429"
        what = f"launch of {DROPLETS} within DigitalOcean's rate limits"
        bench.row(what, f"{seconds:.0f} s", beside, "no 429", ratio=seconds / least)


def tool_seconds(bench: Bench, product: str) -> float:
    """Return the seconds of 1,000 certificates by the product's own command, from twenty of them."""
    folder = Path(tempfile.mkdtemp(prefix=product, dir=bench.work))
    tool = str(require_tool(product))
    create = [tool, "tls", "cert", "create", "-client"]
    subprocess.run([tool, "tls", "ca", "create"], cwd=folder, check=True, capture_output=True)
    started = time.monotonic()
    for _ in range(TOOL_RUNS):
        subprocess.run(create, cwd=folder, check=True, capture_output=True)
        for made in folder.glob("*client*.pem"):  # nomad replaces no file
            made.unlink()
    return (time.monotonic() - started) * 1000 / TOOL_RUNS


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
    print(f"{seconds:.2f} {_peak_mib():.0f}")  # noqa: T201


def _peak_mib() -> float:
    """Return the most memory that this process had, MiB (proc(5), VmHWM).

    Not ``ru_maxrss``: it begins with that of the bench, because execve(2) keeps it (Linux, fs/exec.c, exec_mmap).
    """
    return int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0]) / 1024


def bench_others(bench: Bench) -> None:
    """Run the benchmarks of single rooms; each prints the rows of its own table."""
    for script, title, head in OTHERS:
        done = subprocess.run(
            [sys.executable, Path(__file__).with_name(script)], capture_output=True, text=True, check=True
        )
        rows = [line if line.startswith("|") else _as_row(line) for line in done.stdout.splitlines()]
        bench.table(title, head, rows)


def _as_row(line: str) -> str:
    """Columns that were aligned with blanks, as a row."""
    return "| " + " | ".join(re.split(r"\s{2,}", line.strip())) + " |"


def use_tested_nomad(file: Path) -> None:
    """Write the version of Nomad that ``toolchain/`` builds into the cluster file."""
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace(f"nomad: {NOMAD_VERSION}\n", f"nomad: {TESTED_NOMAD_VERSION}\n"), encoding="utf-8"
    )


def main() -> int:
    options = parse(sys.argv[1:])
    if options.render:
        render_thousand()
        return 0
    if options.cold == "only":
        text = with_section(PAGE.read_text(encoding="utf-8"), COLD_TITLE, cold_section(options.before))
        return write_page(text, accept=options.accept)
    work = Path(tempfile.mkdtemp(prefix="bakery-bench-"))
    bench = Bench(work)
    machine = f"{os.cpu_count()} cores, {available_mib() / 1024:.0f} GiB free, Linux {platform.release()}"
    try:
        bench.bakery("init", "--cluster", "bench")
        use_tested_nomad(work / "bakery.yaml")
        for latency in LATENCIES:
            bench_cluster(bench, latency)
        bench_user_data(bench)
        bench_help(bench)
        bench_render(bench)
        bench_limits(bench)
        bench_others(bench)
        bench_long_parts(bench, options)
    finally:
        shutil.rmtree(work)
    return write_page(page(bench.rows, bench.tables, machine), accept=options.accept)


def parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accept", action="store_true", help="write the page even if a ratio has grown")
    parser.add_argument("--hour", action="store_true", help="measure the droplets an hour after a launch")
    parser.add_argument(
        "--cold",
        nargs="?",
        const="too",
        choices=("too", "only"),
        help="measure make toolchain from empty caches; only: and nothing else",
    )
    parser.add_argument("--before", metavar="COMMIT", help="--cold, and the same for the tools of this commit")
    parser.add_argument("--render", action="store_true", help="only issue and render 1,000 nodes")
    return parser.parse_args(words)


def bench_long_parts(bench: Bench, options: argparse.Namespace) -> None:
    """Measure the parts that were asked for, and keep the page's sections of the others."""
    before = PAGE.read_text(encoding="utf-8")
    if options.hour:
        bench_hour(bench)
    else:
        bench.tables.append(kept(before, HOUR_TITLE, "make bench HOUR=1"))
    if options.cold or options.before:
        bench.tables.append(cold_section(options.before))
    else:
        bench.tables.append(kept(before, COLD_TITLE, "make bench COLD=1"))


if __name__ == "__main__":
    sys.exit(main())
