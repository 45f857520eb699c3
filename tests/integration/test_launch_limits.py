"""DigitalOcean's published limits, enforced by the emulator: a launch of hundreds never meets a 429."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

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

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("fast_disk")]

DROPLETS = 296


@contextmanager
def _launched(folder: Path, limits: TransportLimits) -> Iterator[tuple[list[int], float]]:
    """The statuses of every reply to a launch of 296, and the seconds that it took on the clock of both sides."""
    clock = HastyClock()
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


def test_no_request_is_refused(tmp_path: Path) -> None:
    with _launched(tmp_path, TransportLimits()) as (statuses, seconds):
        assert 429 not in statuses
        assert len(statuses) > DROPLETS
        assert seconds > 60, "more than a minute's worth of requests"


def test_without_the_pace_some_are(tmp_path: Path) -> None:
    """Control. Even then the launch comes to its end: each 429 is waited for."""
    with _launched(tmp_path, TransportLimits(per_minute=100_000)) as (statuses, _):
        assert 429 in statuses
