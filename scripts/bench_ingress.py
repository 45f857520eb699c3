#!/usr/bin/env python3
"""Print how many requests a service answers directly and through an ingress node's Traefik; needs ``wrk``.

Everything is on loopback: a real Consul with ACLs, Traefik with the configuration of an ingress node, one instance
of a service, and wrk with 32 connections. The three ways are asked in turn; a figure is the median of three runs.
"""

import asyncio
import re
import shutil
import statistics
import subprocess  # noqa: TID251 - a script for maintainers, not the product
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bakery.wait import Pending
from tests.helpers.ingress import cluster_with_acls, eventually, registered, rule
from tests.helpers.ports import free_port
from tests.helpers.real_agents import LOOPBACK
from tests.helpers.real_traefik import RealTraefik, running_traefik

TOP = Path(__file__).parents[1]
HOST = "bench.example.com"
CONNECTIONS, SECONDS, ROUNDS = 32, 5, 3
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"
_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Run:
    """One run of wrk."""

    per_second: float
    p50: float
    """Milliseconds."""
    p99: float


def serve(port: int) -> None:
    """Answer every request on the connections to ``port``, until the process ends."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(answer, LOOPBACK, port)
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def service() -> Iterator[int]:
    """Yield the port of the service, which is a process of its own."""
    port = free_port()
    process = subprocess.Popen([sys.executable, __file__, "--serve", str(port)])
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


def ask(url: str) -> Run:
    """Run wrk once. Raises SystemExit if an answer was not 200."""
    words = ["wrk", "--latency", f"-c{CONNECTIONS}", "-t1", f"-d{SECONDS}s", "-H", f"Host: {HOST}", url]
    text = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise SystemExit(text)
    shares = {
        share: float(value) * _MS[unit] for share, value, unit in re.findall(r"(\d+)% +([\d.]+)(us|ms|s)", text)
    }
    (per_second,) = re.findall(r"Requests/sec: +([\d.]+)", text)
    return Run(float(per_second), shares["50"], shares["99"])


def measure(traefik: RealTraefik, port: int) -> Iterator[str]:
    """Yield a row for each way to the service."""
    eventually(lambda: traefik.get(HOST).status == 200 or Pending("no answer of the service"), "the route")
    ways = {
        "directly": f"http://{LOOPBACK}:{port}/",
        "through Traefik": f"http://{LOOPBACK}:{traefik.ports['web']}/",
        "through Traefik, HTTPS": f"https://{LOOPBACK}:{traefik.ports['websecure']}/",
    }
    runs: dict[str, list[Run]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, url in ways.items():
            runs[way].append(ask(url))
    alone = statistics.median(run.per_second for run in runs["directly"])
    for way, found in runs.items():
        per_second = statistics.median(run.per_second for run in found)
        p50, p99 = (statistics.median(getattr(run, share) for run in found) for share in ("p50", "p99"))
        yield f"| {way} | {per_second:.0f} | {per_second / alone:.2f} x | {p50:.1f}/{p99:.1f} ms |"


def main() -> int:
    if sys.argv[1:2] == ["--serve"]:
        serve(int(sys.argv[2]))
        return 0
    if shutil.which("wrk") is None:
        subprocess.run([TOP / "scripts" / "install.sh", "wrk"], check=True, stdout=sys.stderr)
    with (
        tempfile.TemporaryDirectory() as folder,
        cluster_with_acls(Path(folder) / "consul") as cluster,
        running_traefik(cluster, Path(folder) / "traefik") as traefik,
        service() as port,
        registered(cluster, "bench", port, *rule("bench", f"Host(`{HOST}`)")),
    ):
        for row in measure(traefik, port):
            sys.stdout.write(row + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
