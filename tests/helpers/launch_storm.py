"""Bad weather between a client and the emulator: a seeded part of all requests goes wrong, in many ways."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bakery.cloud.digitalocean import DigitalOcean, connect
from bakery.cloud.transport import TransportLimits
from bakery.emulator.api.emulator import Emulator
from bakery.emulator.daemon.app import build_app, emulator_of
from bakery.emulator.daemon.server import running_server
from bakery.emulator.machines.memory import InMemoryMachines
from bakery.errors import BakeryError
from bakery.launch.base.model import LaunchResult
from bakery.launch.converge.run import launch
from tests.helpers.emulated import SETTINGS, TOKEN, public_key
from tests.helpers.launch_bench import ADMIN, FINGERPRINT, IMAGE, small_plan, user_data
from tests.helpers.state import paths_in

PART = 0.2
KINDS = ("429", "429 without retry-after", "500", "502 in HTML", "reset", "hang", "lost reply")
READ_S = 0.3
"""Real seconds until the client gives a silent server up."""
MOST_RUNS = 30
_HTML = [(b"content-type", b"text/html")]
_JSON = [(b"content-type", b"application/json")]


class Storm:
    """ASGI in front of the emulator."""

    def __init__(self, app: ASGIApp, seed: int, part: float = PART) -> None:
        self._app = app
        self._dice = random.Random(seed)  # noqa: S311 - a test's dice
        self._part = part
        self._lock = threading.Lock()
        self.met: Counter[str] = Counter()
        self.requests = 0

    def calm(self) -> None:
        self._part = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = self._choose()
        if kind is None:
            await self._app(scope, receive, send)
        elif kind == "lost reply":
            await self._app(scope, receive, _swallow)
            await _hang_up(receive)
        elif kind == "reset":
            await _hang_up(receive)
        elif kind == "hang":
            await _say_nothing(receive)
        else:
            await _refuse(kind, send)

    def _choose(self) -> str | None:
        with self._lock:
            self.requests += 1
            if self._dice.random() >= self._part:
                return None
            kind = self._dice.choice(KINDS)
            self.met[kind] += 1
            return kind


async def _refuse(kind: str, send: Send) -> None:
    headers = _HTML if "HTML" in kind else [*_JSON, *([(b"retry-after", b"2")] if kind == "429" else [])]
    body = b"<html>Bad Gateway</html>" if "HTML" in kind else b'{"id": "x", "message": "try later"}'
    await send({"type": "http.response.start", "status": int(kind[:3]), "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _swallow(message: Message) -> None:
    """Send nothing."""


async def _say_nothing(receive: Receive) -> None:
    """Until the client goes, and a little longer than it waits at most."""
    for _ in range(2):
        message = await asyncio.wait_for(receive(), timeout=30)
        if message["type"] == "http.disconnect":
            return


async def _hang_up(receive: Receive) -> None:
    """uvicorn's ``receive`` is a method of the object that holds the connection."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass


class HastyClock:
    """Sleeps a thousandth of what it is asked for; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = 0.0
        self._pause = threading.Event()

    def now(self) -> float:
        return self._seconds

    def sleep(self, seconds: float) -> None:
        self._pause.wait(min(seconds / 1000, 0.02))
        with self._lock:
            self._seconds += seconds

    def wall(self) -> float:
        return 1_700_000_000 + self._seconds


@dataclass
class Stormy:
    """An account behind the storm, and one operator."""

    emulator: Emulator
    storm: Storm
    cloud: DigitalOcean
    folder: Path
    clock: HastyClock = field(default_factory=HastyClock)
    runs: int = 0

    def launch(self) -> LaunchResult:
        self.runs += 1
        image = next(i for i in self.emulator.state.images.all() if i.slug == "debian-12-x64")
        return launch(
            small_plan(),
            cloud=self.cloud,
            paths=paths_in(self.folder),
            image=replace(IMAGE, id=image.id),
            ca_fingerprint=FINGERPRINT,
            admin_cidrs=ADMIN,
            user_data=user_data,
            throwaway_public_key=public_key(500 + self.runs),
            clock=self.clock,
            wall=self.clock.wall,
        )

    def launch_until_done(self) -> LaunchResult:
        """As a user who repeats the command."""
        for _ in range(MOST_RUNS):
            try:
                return self.launch()
            except BakeryError:
                continue
        return self.launch()

    def names(self) -> list[str]:
        with self.emulator.state.lock:
            return sorted(droplet.name for droplet in self.emulator.state.droplets.all())


@contextmanager
def stormy(folder: Path, seed: int, part: float = PART) -> Iterator[Stormy]:
    app = build_app(SETTINGS, InMemoryMachines())
    storm = Storm(app, seed, part)
    clock = HastyClock()
    limits = TransportLimits(read=READ_S, connect=5)
    with running_server(cast("Starlette", storm)) as url:
        try:
            with closing(connect(endpoint=url, token=TOKEN, limits=limits, clock=clock)) as cloud:
                yield Stormy(emulator=emulator_of(app), storm=storm, cloud=cloud, folder=folder, clock=clock)
        finally:
            emulator_of(app).close()
