"""Every answer that the emulated API gave in this run, to Packer, bakery and tests, is one of DigitalOcean's."""

import os
from pathlib import Path

import pytest

from tests.helpers.cluster_e2e import Cluster
from tests.helpers.schemas import check_recording

pytestmark = pytest.mark.e2e


def test_every_answer_fits_the_schemas(cluster: Cluster) -> None:
    """The schemas have controls of their own (tests/integration/test_emulator_api_schemas.py)."""
    recording = os.environ.get("BAKERY_E2E_RECORDING")
    if recording is None:
        pytest.fail("tests/e2e.sh records the answers; a cluster of KEEP=1 make demo has none")
    cluster.bakery("emulator", "requests", "--stop-recording")

    seen = check_recording(Path(recording))

    assert sum(seen.values()) > 100
