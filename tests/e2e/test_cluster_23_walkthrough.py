"""docs/walkthrough.md and examples/ingress run as they are written, each from its first line to its last.

The programs are the real ones: HAProxy and nginx from Debian's packages, consul-template and Fabio from their Go
modules.
"""

from collections.abc import Iterator

import pytest

from tests.helpers.cluster_e2e import ROOT, Cluster
from tests.helpers.console_blocks import Shown, read_page
from tests.helpers.ingress_page import FOLDER, PAGE, operator_shell, program_archives, reader_shell
from tests.helpers.page_shell import PageShell
from tests.helpers.task_token import holder

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

WALKTHROUGH = read_page((ROOT / "docs" / "walkthrough.md").read_text(encoding="utf-8"))
FABIO = PAGE["Fabio"]
INGRESS = {title: steps for title, steps in PAGE.items() if title != "Fabio"}
# What Fabio 1.7.3 asks of Consul (fabiolb/fabio registry/consul/backend.go, service.go, kv.go), with the keys of
# our job. There are no keys yet: 404, not 403.
FABIO_ASKS = {
    "GET agent/self": 200,
    "GET health/state/any?consistent": 200,
    "GET catalog/service/hello?consistent": 200,
    "GET kv/apps/fabio/config?recurse": 404,
    "GET kv/apps/fabio/noroute.html?recurse": 404,
}
FABIO_MAY_NOT = {
    "GET kv/secret": 403,
    "PUT kv/apps/fabio/config": 403,
    "PUT agent/maintenance?enable=true": 403,
    "GET acl/tokens": 403,
}


@pytest.fixture(scope="module")
def archives(cluster: Cluster) -> Iterator[dict[str, str]]:
    with program_archives(cluster) as found:
        yield found


@pytest.fixture(scope="module")
def reader(cluster: Cluster, archives: dict[str, str]) -> PageShell:
    return reader_shell(cluster, archives)


@pytest.mark.parametrize("title", WALKTHROUGH)
def test_the_walkthrough_runs_as_written(reader: PageShell, title: str) -> None:
    """The sections are one walk: a later one needs what an earlier one has set or started."""
    for step in WALKTHROUGH[title]:
        reader.take(step)


@pytest.fixture(scope="module")
def operator(cluster: Cluster, archives: dict[str, str]) -> PageShell:
    return operator_shell(cluster, archives)


@pytest.mark.parametrize("title", INGRESS)
def test_the_page_of_the_ways_in_runs_as_written(operator: PageShell, title: str) -> None:
    for step in INGRESS[title]:
        operator.take(step)


@pytest.fixture(scope="module")
def fabio(operator: PageShell) -> Iterator[None]:
    """The section of the page, up to the commands that take everything away again; then those."""
    commands = [step for step in FABIO if isinstance(step, Shown)]
    deletes = next(at for at, shown in enumerate(commands) if " purge " in shown.command)
    for shown in commands[:deletes]:
        operator.take(shown)
    yield
    for shown in commands[deletes:]:
        operator.take(shown)


@pytest.mark.usefixtures("fabio")
def test_the_policy_allows_what_fabio_asks_and_only_in_its_namespace(cluster: Cluster) -> None:
    """At the agent of the client where it would run. Control: a task elsewhere may not ask the agent."""
    with holder(cluster, "fabio") as task:
        assert task.statuses(FABIO_ASKS) == FABIO_ASKS
        assert task.statuses(FABIO_MAY_NOT) == FABIO_MAY_NOT
    with holder(cluster, "default") as task:
        assert task.statuses(FABIO_ASKS) == FABIO_ASKS | {"GET agent/self": 403}


def test_every_job_of_the_ways_in_is_on_their_page() -> None:
    commands = " ".join(getattr(step, "command", "") for steps in (*INGRESS.values(), FABIO) for step in steps)
    assert {file.name for file in FOLDER.glob("*.nomad.hcl")} <= set(commands.split())
