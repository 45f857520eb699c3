"""Two network namespaces that see each other as two droplets of a VPC do, and programs that run in them."""

import os
from collections.abc import Sequence
from pathlib import Path
from subprocess import Popen  # noqa: TID251 - a type; bakery.proc starts the processes

from bakery.proc import Completed, run, start
from bakery.wait import Pending, wait_until
from tests.helpers.netns import require_namespaces


class Lan:
    """``first`` has 10.100.0.5 and ``second`` 10.100.0.6, each on eth1. Leave it by :meth:`close`."""

    addresses = ("10.100.0.5", "10.100.0.6")

    def __init__(self, folder: Path) -> None:
        require_namespaces()
        self._folder = folder
        self._processes: list[Popen[bytes]] = []
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        self._holders = [self._hold(["unshare", "--net", *user, "sleep", "600"], "first")]
        self._holders.append(self._hold(self.inside(0, ["unshare", "--net", "sleep", "600"]), "second"))
        self._connect()

    def add_host(self) -> int:
        """Add a namespace without interfaces; return its number."""
        self._holders.append(self._hold(self.inside(0, ["unshare", "--net", "sleep", "600"]), "another"))
        return len(self._holders) - 1

    def move(self, link: str, host: int) -> None:
        """Move an interface of host 0 to another host."""
        run(self.inside(0, ["ip", "link", "set", link, "netns", str(self._holders[host])]))

    def inside(self, host: int, argv: Sequence[str | Path]) -> list[str]:
        """``argv`` wrapped so that it runs on that host."""
        target = f"--target={self._holders[host]}"
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", target, "--net", *user, *map(str, argv)]

    def run(
        self, host: int, argv: Sequence[str | Path], *, env: dict[str, str] | None = None, stdin: str | None = None
    ) -> Completed:
        """Run ``argv`` on that host to its end, whatever its exit code."""
        return run(self.inside(host, argv), env=env, stdin=stdin, check=False)

    def start(self, host: int, name: str, argv: Sequence[str | Path]) -> None:
        """Start ``argv`` on that host; its output goes to ``<name>.log``."""
        process = start(self.inside(host, argv), output=self._folder / f"{name}.log")
        self._processes.append(process)

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def close(self) -> None:
        """End what was started here, by its process id, and with it the namespaces."""
        for process in reversed(self._processes):
            process.kill()
            process.wait()

    def _hold(self, argv: Sequence[str | Path], name: str) -> int:
        process = start(argv, output=self._folder / f"{name}.log")
        self._processes.append(process)
        own = Path("/proc/self/ns/net").readlink()

        def has_left() -> bool | Pending:
            command = Path(f"/proc/{process.pid}/cmdline").read_bytes()
            left = command.startswith(b"sleep") and Path(f"/proc/{process.pid}/ns/net").readlink() != own
            return left or Pending(f"{name} has no namespace of its own")

        wait_until(has_left, what="a network namespace", seconds=20, every=0.05)
        return process.pid

    def _connect(self) -> None:
        first, second = self.addresses
        commands = [
            (0, "ip link add eth1 type veth peer name lan0"),
            (0, f"ip link set lan0 netns {self._holders[1]}"),
            (1, "ip link set lan0 name eth1"),
            (0, f"ip address add {first}/20 dev eth1"),
            (1, f"ip address add {second}/20 dev eth1"),
            *((host, f"ip link set {link} up") for host in (0, 1) for link in ("lo", "eth1")),
        ]
        for host, command in commands:
            run(self.inside(host, command.split()))
