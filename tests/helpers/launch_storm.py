"""Bad weather between a client and the emulator: a seeded part of all requests meets a fault of the emulator's."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bakery.cloud.digitalocean import DigitalOcean, connect
from bakery.cloud.transport import TransportLimits
from bakery.emulator.faults.table import Fault
from bakery.errors import BakeryError
from bakery.launch.base.model import LaunchResult
from bakery.launch.base.session import Session
from bakery.operations.launch_cluster import launch
from tests.helpers.emulated import TOKEN, Api, emulated, public_key
from tests.helpers.launch_harness import IMAGE, NAMES, launch_request
from tests.helpers.state import paths_in

PART = 0.2
KINDS = {
    "429": Fault(status=429, retry_after=2),
    "429 without headers": Fault(status=429, html=True),
    "500": Fault(status=500),
    "502 in HTML": Fault(status=502, html=True),
    "reset": Fault(reset=True),
    "hang": Fault(hang="before"),
    "lost reply": Fault(lost_reply=True),
}
MOST_FAULTS = 500
"""More than all the runs of a storm meet."""
READ_S = 0.3
"""Real seconds until the client gives a silent server up."""
MOST_RUNS = 30


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

    api: Api
    cloud: DigitalOcean
    folder: Path
    kinds: list[str] = field(default_factory=list)
    """Of the faults, in the order in which they act."""
    clock: HastyClock = field(default_factory=HastyClock)
    runs: int = 0

    def begin(self, seed: int) -> None:
        """Fill the table: the oldest fault acts, by the dice, on one request, and makes room for the next."""
        dice = random.Random(seed)  # noqa: S311 - a test's dice
        self.kinds = dice.choices(list(KINDS), k=MOST_FAULTS)
        for kind in self.kinds:
            fault = replace(KINDS[kind], path="/v2/.*", probability=PART, seed=dice.randrange(2**32))
            self.api.emulator.faults.add(fault)

    def met(self) -> Counter[str]:
        """How many requests each kind of fault has met."""
        return Counter(self.kinds[: MOST_FAULTS - len(self.api.emulator.faults.all())])

    def calm(self) -> None:
        self.api.emulator.faults.clear()

    def launch(self) -> LaunchResult:
        self.runs += 1
        image = next(i for i in self.api.emulator.state.images.all() if i.slug == "debian-12-x64")
        request = launch_request(replace(IMAGE, id=image.id), key=public_key(500 + self.runs))
        paths, clock = paths_in(self.folder), self.clock
        session = Session(cloud=self.cloud, cluster="demo", paths=paths, clock=clock, wall=clock.wall)
        return launch(session, request, lambda changes: True)

    def launch_until_done(self) -> LaunchResult:
        """As a user who repeats the command."""
        for _ in range(MOST_RUNS):
            try:
                return self.launch()
            except BakeryError:
                continue
        return self.launch()

    def names(self) -> list[str]:
        with self.api.emulator.state.lock:
            return sorted(droplet.name for droplet in self.api.emulator.state.droplets.all())


@contextmanager
def stormy(folder: Path) -> Iterator[Stormy]:
    """An account in which nothing goes wrong yet."""
    clock = HastyClock()
    limits = TransportLimits(read=READ_S, connect=5)
    with emulated() as api, closing(connect(endpoint=api.url, token=TOKEN, limits=limits, clock=clock)) as cloud:
        yield Stormy(api=api, cloud=cloud, folder=folder, clock=clock)


def weather_a_storm(folder: Path, seed: int) -> Counter[str]:
    """Launch until it is done; there is exactly the plan, and a launch in calm changes nothing. What was met."""
    with stormy(folder) as place:
        place.begin(seed)
        place.launch_until_done()
        met = place.met()
        assert place.names() == NAMES
        place.calm()
        assert place.launch().changes.empty
        return met
