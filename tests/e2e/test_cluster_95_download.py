"""A bake in which the droplet itself fetches the binaries, from a mirror of the official release sites.

After the cluster's last test: it takes the snapshot away, so that there is something to bake.
"""

import json
import sys
from pathlib import Path

import pytest

from bakery.config.load import parse_cluster
from bakery.proc import Completed, run
from tests.helpers.cluster_e2e import EMULATOR, Cluster
from tests.helpers.release_mirror import Mirror, MirrorFault, read_set, serving
from tests.helpers.tools import require_tool

pytestmark = pytest.mark.e2e

FILE = "version: 1\ncluster: fetched\nimage: {binaries: download}\n"
CNI = "1.9.1"


@pytest.fixture(scope="module")
def mirror() -> Mirror:
    """The three archives that a droplet fetches, in the publishers' layout, from the programs of this machine."""
    image = parse_cluster(FILE, Path("bakery.yaml")).image
    made = Mirror()
    made.add_hashicorp("consul", image.consul, require_tool("consul").read_bytes())
    made.add_hashicorp("nomad", image.nomad, require_tool("nomad").read_bytes())
    made.add_cni(CNI, read_set(require_tool("cni-plugins")))
    return made


def bakery(cluster: Cluster, mirror: Mirror, folder: Path, *words: str, check: bool = True) -> Completed:
    environment = {
        "BAKERY_EMULATOR": EMULATOR,
        "BAKERY_CLUSTER_FILE": str(folder / "bakery.yaml"),
        "BAKERY_RELEASES_URL": mirror.url,
        "BAKERY_GITHUB_URL": mirror.url,
        "NO_COLOR": "1",
    }
    return run(
        [Path(sys.executable).with_name("bakery"), *words, "--local"], env=environment, check=check, seconds=600
    )


def snapshots(cluster: Cluster) -> list[dict[str, object]]:
    images: list[dict[str, object]] = cluster.api("GET", "/v2/images?private=true&per_page=200").body["images"]
    return images


def test_the_droplet_fetches_and_checks_the_binaries(cluster: Cluster, mirror: Mirror, tmp_path: Path) -> None:
    for image in snapshots(cluster):
        cluster.api("DELETE", f"/v2/images/{image['id']}")
    (tmp_path / "bakery.yaml").write_text(FILE)

    with serving(mirror, address=cluster.operator):
        baked = json.loads(bakery(cluster, mirror, tmp_path, "build-image", "--yes", "--json").stdout)

    fetched = [path for path in mirror.requests if path.endswith((".zip", ".tgz"))]
    assert sorted(path.rsplit("/", maxsplit=1)[-1] for path in fetched) == [
        "cni-plugins-linux-amd64-v1.9.1.tgz",
        "consul_1.22.5_linux_amd64.zip",
        "nomad_1.11.3_linux_amd64.zip",
    ]
    (kept,) = snapshots(cluster)
    assert kept["id"] == baked["id"]
    # packer/scripts/behaviour.sh ran both programs inside and compared their versions, or there were no snapshot.


def test_a_binary_that_was_tampered_with_stops_the_bake(cluster: Cluster, mirror: Mirror, tmp_path: Path) -> None:
    """The control of the test above: one flipped byte, and there is neither a snapshot nor a build droplet."""
    for image in snapshots(cluster):
        cluster.api("DELETE", f"/v2/images/{image['id']}")
    (tmp_path / "bakery.yaml").write_text(FILE)
    mirror.faults = {"consul_1.22.5_linux_amd64.zip": MirrorFault.FLIPPED}

    with serving(mirror, address=cluster.operator):
        refused = bakery(cluster, mirror, tmp_path, "build-image", "--yes", check=False)

    assert refused.returncode == 4
    assert "does not have the SHA256" in refused.stderr
    assert snapshots(cluster) == []
    assert cluster.droplets() == ()
