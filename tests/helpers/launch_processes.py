"""Real ``bakery`` processes against an emulator in this process, struck at requests of a test's choice."""

import json
import os
import select
import signal
import subprocess  # noqa: TID251 - the forker is no program of bakery's
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from starlette.types import ASGIApp

from bakery.cloud.digitalocean import connect
from bakery.emulator.faults.table import Fault, Faults, Moment
from bakery.plan.slots import slot_of
from bakery.wait import Pending, wait_until
from tests.helpers.emulated import LOOPBACK, TOKEN, Api, emulated
from tests.helpers.environment import cleared_environment
from tests.helpers.launch_strangers import add_strangers
from tests.helpers.snapshot import bake

ROOT = Path(__file__).parents[2]
CLUSTER_FILE = "version: 1\ncluster: demo\naccess: {admin_cidrs: [198.51.100.7/32]}\n"
LAUNCH = ("launch", "--yes", "--wait", "active")
DESTROY = ("destroy", "--yes")
REACHED_S = 60.0
ANY = "/v2/.*"
EXIT_CODES = {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 143}
"""README, "Exit codes"; a killed process has none of its own."""


class Running:
    """One command under way."""

    def __init__(self, forker: "Forker", pid: int, output: Path) -> None:
        self._forker = forker
        self.pid = pid
        self.peak_kib = 0
        """Largest resident set, once it has ended."""
        self._output = output

    @property
    def text(self) -> str:
        """What it has said so far, on both streams."""
        return self._output.read_text() if self._output.exists() else ""

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def ended_within(self, seconds: float) -> bool:
        """Its exit code is still to be read."""
        return self._forker.ends_within(seconds)

    def wait(self) -> int:
        """The exit code, negative for a signal."""
        code = self._forker.read_number()
        self.peak_kib = self._forker.read_number()
        return code

    def wait_for_text(self, text: str) -> float:
        """Seconds until it said so."""
        started = time.monotonic()

        def said() -> bool | Pending:
            return True if text in self.text else Pending(f"it said {self.text!r}")

        wait_until(said, what=f"the process to say {text!r}", seconds=REACHED_S, every=0.005)
        return time.monotonic() - started


class Forker:
    """Forks one command at a time; see :mod:`tests.helpers.launch_forker`."""

    def __init__(self) -> None:
        environment = {**cleared_environment(), "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.launch_forker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # so that select tells whether a line is there
            env=environment,
            cwd=ROOT,
        )

    def start(
        self,
        argv: tuple[str, ...],
        *,
        folder: Path,
        env: dict[str, str],
        die_at: int,
        die_by: signal.Signals,
        ignored: tuple[signal.Signals, ...],
        largest_file: int | None,
        output: Path,
    ) -> Running:
        output.unlink(missing_ok=True)
        order = {
            "argv": argv,
            "cwd": str(folder),
            "env": env,
            "output": str(output),
            "die_at": die_at,
            "die_by": die_by,
            "ignored": ignored,
            "largest_file": largest_file,
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return Running(self, self.read_number(), output)

    def read_number(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def ends_within(self, seconds: float) -> bool:
        """Whether the command's exit code comes to be there, to be read."""
        assert self._process.stdout is not None
        return bool(select.select([self._process.stdout], [], [], seconds)[0])

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=REACHED_S)
        self._process.stdout.close()


@contextmanager
def forker() -> Iterator[Forker]:
    running = Forker()
    try:
        yield running
    finally:
        running.close()


@dataclass(frozen=True)
class Named:
    """What a slot is told from."""

    name: str
    tags: tuple[str, ...]


@dataclass
class Account:
    """Names of everything in an account, twins twice."""

    droplets: list[str]
    slots: list[str]
    """Of the droplets; a stranger's is its name."""
    vpcs: list[str]
    firewalls: list[str]
    keys: list[str]
    tags: list[str]
    images: list[str]


@dataclass
class Lab:
    """One account, one operator's machine."""

    api: Api
    forker: Forker
    folder: Path
    cluster_file: str = CLUSTER_FILE
    output: str = "output"
    """File that a command's output goes to, in its folder."""
    seconds: list[float] = field(default_factory=list)
    """How long each first word after a signal took."""

    def start(
        self,
        argv: tuple[str, ...],
        *,
        folder: Path | None = None,
        die_at: int = 0,
        die_by: signal.Signals = signal.SIGKILL,
        ignored: tuple[signal.Signals, ...] = (),
        largest_file: int | None = None,
    ) -> Running:
        folder = folder or self.folder
        folder.mkdir(exist_ok=True)
        (folder / "bakery.yaml").write_text(self.cluster_file)
        env = {"DIGITALOCEAN_API_URL": self.api.url, "DIGITALOCEAN_TOKEN": TOKEN, "HOME": str(folder)}
        return self.forker.start(
            argv,
            folder=folder,
            env=env,
            die_at=die_at,
            die_by=die_by,
            ignored=ignored,
            largest_file=largest_file,
            output=folder / self.output,
        )

    def run(self, argv: tuple[str, ...]) -> Running:
        """To its good end."""
        running = self.start(argv)
        assert running.wait() == 0, running.text
        return running

    def count_requests(self, argv: tuple[str, ...]) -> int:
        self.api.forget_requests()
        self.run(argv)
        return len(self.api.requests())

    @property
    def faults(self) -> Faults:
        return self.api.emulator.faults

    def strike(self, argv: tuple[str, ...], number: int, moment: Moment, by: signal.Signals) -> bool:
        """Send the signal at request ``number``, counted from 1, before or after the emulator applies it.

        The emulator itself sends SIGKILL. For any other signal it holds the reply back until the process has said
        that it stops, and then breaks the connection. False if the run has no such request.
        """
        fault = Fault(path=ANY, skip=number - 1)
        kills = by == signal.SIGKILL
        self.faults.add(replace(fault, kill=moment) if kills else replace(fault, hang=moment))
        running = self.start(argv)
        if not kills and self.hangs(running):
            running.send(by)
            self.seconds.append(running.wait_for_text("stopping in order"))
            self.faults.clear()
        code = running.wait()
        struck = self.faults.all() == []
        self.faults.clear()
        assert code == (EXIT_CODES[by] if struck else 0), running.text
        return struck

    def hangs(self, running: Running) -> bool:
        """Wait until the emulator holds a reply back; False if the process ends first."""
        end = time.monotonic() + REACHED_S
        while not self.faults.hanging:
            if running.ended_within(0.01):
                return False
            assert time.monotonic() < end, running.text
        return True

    def account(self) -> Account:
        state = self.api.emulator.state
        with state.lock:
            droplets = [Named(droplet.name, tuple(droplet.tags)) for droplet in state.droplets.all()]
            return Account(
                droplets=sorted(droplet.name for droplet in droplets),
                slots=sorted(slot_of(droplet, "demo") for droplet in droplets),
                vpcs=sorted(vpc.name for vpc in state.vpcs.all()),
                firewalls=sorted(firewall.name for firewall in state.firewalls.all()),
                keys=sorted(key.name for key in state.keys.all()),
                tags=sorted(tag.name for tag in state.tags.all()),
                images=sorted(image.name for image in state.images.all()),
            )


@contextmanager
def lab(folder: Path, forker: Forker, around: Callable[[ASGIApp], ASGIApp] = lambda app: app) -> Iterator[Lab]:
    """An emulator with a snapshot and strangers, and an operator's folder. ``around`` wraps the emulator's app."""
    with emulated(LOOPBACK, around=around) as api:
        bake(api)
        with closing(connect(endpoint=api.url, token=TOKEN)) as cloud:
            add_strangers(cloud)
        api.settle()
        folder.mkdir(parents=True, exist_ok=True)
        yield Lab(api=api, forker=forker, folder=folder)
