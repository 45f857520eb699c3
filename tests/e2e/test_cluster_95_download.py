"""A bake that a bad binary stops. The good bake from the same mirror is in test_cluster_70_secrets.py.

After the cluster's last test: it takes the snapshot away, so that there is something to bake.
"""

import json
import sys
from pathlib import Path

import pytest

from bakery.config.defaults import TESTED_NOMAD_VERSION
from bakery.proc import run
from tests.helpers.cluster_e2e import EMULATOR, Cluster
from tests.helpers.release_mirror import Mirror, MirrorFault

pytestmark = pytest.mark.e2e

FILE = """\
version: 1
cluster: fetched
image: {{binaries: download, nomad: {nomad}, checksums: {checksums}}}
"""


def snapshots(cluster: Cluster) -> list[dict[str, object]]:
    images: list[dict[str, object]] = cluster.api("GET", "/v2/images?private=true&per_page=200").body["images"]
    return images


def test_a_binary_that_was_tampered_with_stops_the_bake(cluster: Cluster, mirror: Mirror, tmp_path: Path) -> None:
    """One flipped byte, and there is neither a snapshot nor a build droplet."""
    for image in snapshots(cluster):
        cluster.api("DELETE", f"/v2/images/{image['id']}")
    checksums = json.dumps(mirror.checksums)
    (tmp_path / "bakery.yaml").write_text(FILE.format(nomad=TESTED_NOMAD_VERSION, checksums=checksums))
    mirror.faults = {"consul_1.22.5_linux_amd64.zip": MirrorFault.FLIPPED}
    environment = {
        "BAKERY_EMULATOR": EMULATOR,
        "BAKERY_CLUSTER_FILE": str(tmp_path / "bakery.yaml"),
        "BAKERY_RELEASES_URL": mirror.url,
        "BAKERY_GITHUB_URL": mirror.url,
        "NO_COLOR": "1",
    }
    program = Path(sys.executable).with_name("bakery")

    refused = run([program, "build-image", "--yes", "--local"], env=environment, check=False, seconds=600)

    assert refused.returncode == 4
    assert "does not have the SHA256" in refused.stderr
    assert snapshots(cluster) == []
    assert cluster.droplets() == ()
