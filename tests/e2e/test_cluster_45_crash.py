"""bakery killed at each step of the access control, at a create and at a delete, on droplets that boot.

A small cluster of its own in the demo's account, from the demo's snapshot. ``make sweep`` strikes at every
request, on droplets in memory.
"""

import json
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.proc import Completed, run
from bakery.wait import deadline_factor
from tests.helpers.cluster_e2e import EMULATOR, LAUNCH_PATIENCE, Cluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

CRASHING = Path(__file__).parents[1] / "helpers" / "crashing_bakery.py"
FILE = """\
version: 1
cluster: crash
region: fra1
image: {nomad: 1.11.3}
vpc: {cidr: 10.101.0.0/20}
roles:
  consul-server: {count: 1}
  nomad-server: {count: 1}
  nomad-client: {count: 1}
"""
LAUNCH = ("launch", "--local", "--yes")
DESTROY = ("destroy", "--local", "--yes")
NODES = {"crash-consul-server-1", "crash-nomad-server-1", "crash-nomad-client-1"}
# In the order of a launch. Consul's and Nomad's ACL API:
# https://developer.hashicorp.com/consul/api-docs/acl, https://developer.hashicorp.com/nomad/api-docs/acl
STEPS = (
    ("Consul", "PUT", "/v1/acl/bootstrap"),
    ("Consul", "PUT", "/v1/acl/policy"),
    ("Consul", "PUT", "/v1/acl/token"),
    ("Nomad", "POST", "/v1/acl/bootstrap"),
)


@pytest.fixture(scope="module")
def small(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    work = tmp_path_factory.mktemp("crash")
    (work / "bakery.yaml").write_text(FILE)
    yield replace(cluster, work=work)
    cluster.api("DELETE", "/_emulator/faults")
    run_bakery(work, [Path(sys.executable).with_name("bakery"), *DESTROY])


def run_bakery(work: Path, words: list[str | Path]) -> Completed:
    environment = {"BAKERY_EMULATOR": EMULATOR, "BAKERY_CLUSTER_FILE": str(work / "bakery.yaml")}
    return run(words, env=environment, check=False, seconds=LAUNCH_PATIENCE * deadline_factor())


def kill_at_the_second(cluster: Cluster, method: str, path: str) -> None:
    """The next client's second such request is applied, and the client gets no reply: it is dead."""
    cluster.bakery(
        *("emulator", "fault", "add", "--method", method, "--path", path, "--skip", "1", "--kill", "after")
    )


def droplets(cluster: Cluster) -> dict[str, int]:
    found = cluster.droplets("bakery:crash")
    assert len({droplet.name for droplet in found}) == len(found), "no name twice"
    return {droplet.name: droplet.id for droplet in found}


def test_a_launch_dies_with_its_second_droplet(small: Cluster) -> None:
    kill_at_the_second(small, "POST", "/v2/droplets")
    assert small.bakery(*LAUNCH, check=False).returncode == -signal.SIGKILL
    # The second wave is everything else, and its requests go out together.
    assert {"crash-consul-server-1"} < droplets(small).keys() <= NODES


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("product", "method", "path"), STEPS)
def test_a_launch_dies_at_a_step_of_the_access_control(
    small: Cluster, product: str, method: str, path: str, moment: str
) -> None:
    """Each run finds what the ones before have done, and comes as far as its own death."""
    before = droplets(small)
    died = run_bakery(small.work, [sys.executable, CRASHING, product, method, path, moment, *LAUNCH])
    assert died.returncode == -signal.SIGKILL, died.stderr
    after = droplets(small)
    assert after.keys() == NODES
    assert before.items() <= after.items()


def test_the_next_launch_makes_it_whole(small: Cluster) -> None:
    before = droplets(small)
    small.bakery(*LAUNCH)
    assert small.status()["healthy"]
    assert droplets(small) == before

    tokens = json.loads(small.tool("consul", "acl", "token", "list", "-format=json").stdout)
    names = [token["Description"] for token in tokens]
    assert len(set(names)) == len(names), "no token twice"
    # Consul's anonymous token and its first; agents' for 3 nodes; Nomad's for 2. No role was rendered.
    assert len(names) == 2 + 3 + 2


def test_a_destroy_dies_at_its_second_droplet_and_the_next_ends_it(small: Cluster, cluster: Cluster) -> None:
    others = set(cluster.droplets()) - set(cluster.droplets("bakery:crash"))
    kill_at_the_second(small, "DELETE", "/v2/droplets/.*")
    assert small.bakery(*DESTROY, check=False).returncode == -signal.SIGKILL
    assert len(droplets(small)) == 1

    small.bakery(*DESTROY)

    assert set(cluster.droplets()) == others
    assert "bakery-crash" not in [vpc["name"] for vpc in cluster.api("GET", "/v2/vpcs?per_page=200").body["vpcs"]]
