"""A launch of hundreds within DigitalOcean's published limits, on a clock that does not wait."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bakery.cloud.digitalocean import connect
from bakery.cloud.transport import TransportLimits
from bakery.config.load import parse_cluster
from bakery.emulator.daemon.app import build_app, emulator_of
from bakery.emulator.machines.memory import InMemoryMachines
from bakery.launch.base.session import Session
from bakery.operations.launch_cluster import launch
from bakery.plan.build import build_plan
from tests.helpers import shared_server
from tests.helpers.emulated import SETTINGS, TOKEN, public_key
from tests.helpers.launch_harness import IMAGE, launch_request
from tests.helpers.launch_scale import cluster_file
from tests.helpers.launch_storm import HastyClock
from tests.helpers.state import paths_in

DROPLETS = 500
PER_MINUTE = 250
"""Requests (https://docs.digitalocean.com/reference/api/digitalocean/#section/Introduction/Rate-Limit)."""


class OverlappingClock(HastyClock):
    """Threads that sleep at the same time sleep side by side, as real ones do."""

    def sleep(self, seconds: float) -> None:
        until = self._seconds + seconds
        self._pause.wait(min(seconds / 1000, 0.02))
        with self._lock:
            self._seconds = max(self._seconds, until)


def least_seconds(requests: int) -> float:
    """The least time in which the limit admits so many requests: the first 250 at once, and so on each minute."""
    return 60.0 * ((requests - 1) // PER_MINUTE)


@contextmanager
def launched_with_limits(folder: Path, limits: TransportLimits) -> Iterator[tuple[list[int], float]]:
    """The statuses of every reply to a launch of 500, and the seconds that it took on the clock of both sides."""
    clock = OverlappingClock()
    app = build_app(
        replace(SETTINGS, rate_limits=True),
        InMemoryMachines(),
        clock=lambda: datetime.fromtimestamp(clock.wall(), UTC),
    )
    emulator = emulator_of(app)
    with (
        shared_server.serving(app) as url,
        closing(connect(endpoint=url, token=TOKEN, limits=limits, clock=clock)) as cloud,
    ):
        image = emulator.state.images.get("debian-12-x64")
        plan = build_plan(parse_cluster(cluster_file(DROPLETS), Path("bakery.yaml")))
        request = launch_request(replace(IMAGE, id=image.id), key=public_key(9), plan=plan)
        session = Session(cloud=cloud, cluster="demo", paths=paths_in(folder), clock=clock, wall=clock.wall)
        launch(session, request, lambda changes: True)
        yield [record.status for record in emulator.requests.all()], clock.now()
    emulator.close()
