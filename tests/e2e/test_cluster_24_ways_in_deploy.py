"""HAProxy, nginx and Fabio of examples/ingress, while the service behind them deploys: no request is lost."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bakery.wait import Pending
from tests.helpers.client_load import ClientLoad
from tests.helpers.cluster_e2e import JOBS, Cluster, wait_for
from tests.helpers.console_blocks import Shown
from tests.helpers.ingress_page import PAGE, operator_shell, program_archives
from tests.helpers.page_shell import PageShell

pytestmark = [pytest.mark.e2e, pytest.mark.e2e_sweep, pytest.mark.timeout(1200)]

REQUESTS = 2000
SERVICE, HOST = "edge", "edge.example.com"


@dataclass(frozen=True)
class Way:
    """A job of examples/ingress, and the commands on its page that begin with other words, before and after it."""

    job: str
    title: str
    variables: str = f"-var service={SERVICE}"

    def commands(self, *, before: bool) -> tuple[str, ...]:
        commands = [step.command for step in PAGE[self.title] if isinstance(step, Shown)]
        run, stop = (
            next(at for at, each in enumerate(commands) if words in each and self.job in each)
            for words in ("job run", "job stop")
        )
        ours = (each for each in (commands[:run] if before else commands[stop:]) if "hello" not in each)
        return tuple(each for each in ours if "service.nomad.hcl" not in each)

    @property
    def run(self) -> str:
        return f"nomad job run {self.variables} {self.job}.nomad.hcl"


WAYS = (
    Way("haproxy", "HAProxy"),
    Way("nginx", "nginx with consul-template"),
    Way("fabio", "Fabio", variables=""),
)


@pytest.fixture(scope="module")
def operator(cluster: Cluster) -> Iterator[PageShell]:
    """After the commands of the section "Prepare"."""
    with program_archives(cluster) as archives:
        shell = operator_shell(cluster, archives)
        for step in PAGE["Prepare"]:
            shell.take(step)
        yield shell


@pytest.fixture(scope="module")
def service(cluster: Cluster) -> Iterator[None]:
    deploy(cluster, "version 1")
    yield
    cluster.stop_job(SERVICE)


@pytest.fixture(params=WAYS, ids=lambda way: way.job)
def clients(
    request: pytest.FixtureRequest, cluster: Cluster, operator: PageShell, service: None
) -> Iterator[ClientLoad]:
    """Clients of the job, which answers by now."""
    way: Way = request.param
    for command in (*way.commands(before=True), way.run):
        operator.take(Shown(command, ()))
    yield ready(cluster, way.job)
    for command in way.commands(before=False):
        operator.take(Shown(command, ()))


def deploy(cluster: Cluster, text: str, shutdown_delay: str = "5s") -> None:
    """Run the service, and wait until every instance is of this version."""
    variables = (f"-var=host={HOST}", f"-var=text={text}", f"-var=shutdown_delay={shutdown_delay}")
    cluster.tool("nomad", "job", "run", *variables, str(JOBS / "edge.nomad.hcl"))


def ready(cluster: Cluster, job: str) -> ClientLoad:
    """Wait until the job answers on one of its nodes, and return its clients."""

    def node() -> str | Pending:
        lines = cluster.tool("consul", "catalog", "nodes", f"-service={job}").stdout.splitlines()[1:]
        return lines[0].split()[0] if lines else Pending(f"{job} is not in Consul")

    address = cluster.droplet(wait_for(node, what=job)).public
    load = ClientLoad(address=address, host=HOST, tls=False)

    def answers() -> bool | Pending:
        try:
            status, body = load.get()
        except OSError as error:
            return Pending(repr(error))
        return True if status == 200 else Pending(f"{status} {body[:100]}")

    wait_for(answers, what=f"{job} to answer", every=0.5)
    return load


def test_no_request_is_lost_while_the_service_deploys(cluster: Cluster, clients: ClientLoad) -> None:
    with clients:
        deploy(cluster, "version 2")
        clients.wait_until_asked(REQUESTS)
    assert clients.lost == []
    assert clients.answers["version 2"] > 0, "control: it was deployed"
    deploy(cluster, "version 1")
