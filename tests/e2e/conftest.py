"""The shared cluster, and what is kept when a test on it fails."""

import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bakery.config.defaults import TESTED_CONSUL_VERSION, TESTED_NOMAD_VERSION
from tests.helpers.cluster_e2e import Cluster, find_cluster, keep_logs
from tests.helpers.release_mirror import Mirror, read_set, serving
from tests.helpers.second_cluster import made
from tests.helpers.servers_e2e import Servers
from tests.helpers.tools import require_tool
from tests.sweep.figures import Figures, kept

CNI_VERSION = "1.9.1"


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """Nine droplets, launched by the demo."""
    found = find_cluster()
    if found is None:
        pytest.fail("there is no cluster to test: KEEP=1 make demo first")
    return found


@pytest.fixture(scope="session")
def fleeting(cluster: Cluster) -> Cluster:
    """The cluster with the operator's tokens of one minute, the shortest time that Consul and Nomad take."""
    seen = replace(cluster)
    seen.__dict__["env"] = cluster.variables("--ttl", "1m")
    return seen


@pytest.fixture
def second(cluster: Cluster, tmp_path: Path) -> Iterator[Callable[[str, str], Servers]]:
    """Makes a second cluster, and destroys it in the end, whatever happened."""
    clusters: list[Servers] = []

    def make(name: str, counts: str) -> Servers:
        clusters.append(made(cluster, tmp_path / name, name, counts))
        return clusters[-1]

    yield make
    for servers in clusters:
        servers.cluster.bakery("destroy", "--local", "--yes", check=False)


@pytest.fixture(scope="session")
def mirror(cluster: Cluster) -> Iterator[Mirror]:
    """The three archives that a droplet fetches, in the publishers' layout, from the programs of this machine."""
    made = Mirror()
    made.add_hashicorp("consul", TESTED_CONSUL_VERSION, require_tool("consul").read_bytes())
    made.add_hashicorp("nomad", TESTED_NOMAD_VERSION, require_tool("nomad").read_bytes())
    made.add_cni(CNI_VERSION, read_set(require_tool("cni-plugins")))
    with serving(made, address=cluster.operator):
        yield made


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    """They reach docs/reliability.md only when ``make sweep`` asks for that."""
    if os.environ.get("BAKERY_FIGURES"):
        with kept(request.config.cache) as found:
            yield found
    else:
        yield Figures()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    """Each droplet's journal outlives a failure, or the reason would go down with the droplets."""
    report = yield
    if call.when != "teardown" and report.failed and "cluster" in getattr(item, "fixturenames", ()):
        folder = Path(tempfile.mkdtemp(prefix="bakery-e2e-logs."))
        keep_logs(folder)
        report.sections.append(("journals of the droplets", str(folder)))
    return report
