"""The shared cluster, and what is kept when a test on it fails."""

import os
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.cluster_e2e import Cluster, find_cluster, keep_logs
from tests.sweep.figures import Figures, kept


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """Nine droplets, launched by the demo."""
    found = find_cluster()
    if found is None:
        pytest.fail("there is no cluster to test: KEEP=1 make demo first")
    return found


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
