"""DigitalOcean's published limits, enforced by the emulator: a launch of hundreds never meets a 429."""

from pathlib import Path

import pytest

from bakery.cloud.transport import TransportLimits
from tests.helpers.launch_limits import DROPLETS, launched_with_limits, least_seconds

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("fast_disk")]


def test_no_request_is_refused(tmp_path: Path) -> None:
    with launched_with_limits(tmp_path, TransportLimits()) as (statuses, seconds):
        assert 429 not in statuses
        assert len(statuses) > DROPLETS
        assert least_seconds(len(statuses)) == 120, "two minutes and a part of the third's requests"
        assert 120 <= seconds <= 1.1 * 120, "seconds of the clock of both sides, not of this machine"


def test_without_the_pace_some_are(tmp_path: Path) -> None:
    """Control. Even then the launch comes to its end: each 429 is waited for."""
    with launched_with_limits(tmp_path, TransportLimits(per_minute=100_000)) as (statuses, _):
        assert 429 in statuses
