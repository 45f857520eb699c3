"""One droplet that is a whole cluster, beside the demo's: it is healthy, and runs a job beside its servers."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.cluster_e2e import DEMO_JOBS, Cluster
from tests.helpers.servers_e2e import CONSUL, NOMAD, Servers

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

NODE = "small-all-in-one-1"


@pytest.fixture(scope="module")
def small(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """As ``init --small`` writes it; in a VPC of its own range, as the demo has the default one."""
    work: Path = tmp_path_factory.mktemp("small")
    made = replace(cluster, work=work)
    made.init("--small", "--cluster", "small")
    try:
        made.bakery("launch", "--local", "--yes")
        yield made
    finally:
        made.bakery("destroy", "--local", "--yes", check=False)


def test_one_droplet_is_every_server_and_client(small: Cluster) -> None:
    servers = Servers(small, "small")
    for product in (CONSUL, NOMAD):
        assert servers.voters(product) == {NODE}
        assert servers.members(product) == {NODE: "alive"}
    assert small.nomad_nodes() == {NODE: "ready"}
    (node,) = small.nomad_json("node", "status", "-json")
    assert node["Drivers"]["docker"]["Healthy"]


def test_it_registers_server_and_client_in_consul(small: Cluster) -> None:
    services = small.tool("consul", "catalog", "services").stdout.split()
    assert services == ["consul", "nomad", "nomad-client"]


def test_jobs_run_beside_the_servers_and_find_each_other(small: Cluster) -> None:
    for job in ("web", "fetch"):
        small.tool("nomad", "job", "run", str(DEMO_JOBS / f"{job}.nomad.hcl"))
    assert f"says: hello from {NODE}" in small.output("fetch")
