"""Other people's credentials, bakery's own consul and nomad, and agents' logs on nodes that really run."""

import json
from collections.abc import Iterator
from threading import Timer

import pytest

from bakery.errors import ExitCode
from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import JOBS, PATIENCE, Cluster

pytestmark = pytest.mark.e2e

FIRST = "demo-consul-server-1"


@pytest.fixture(scope="module")
def people(cluster: Cluster) -> Iterator[Cluster]:
    """A pipeline that may deploy and a colleague who may read."""
    for name, role in (("ci", "deploy"), ("anna", "read")):
        cluster.bakery("credentials", "issue", name, "--local", "--role", role, "--ttl", "1h")
    yield cluster
    for name in ("ci", "anna"):
        cluster.bakery("credentials", "revoke", name, "--local", check=False)
    cluster.stop_job("people")


def nomad(cluster: Cluster, person: str, *words: str, check: bool = True) -> str:
    """What nomad prints on both streams with that person's credentials."""
    done = cluster.bakery("nomad", "--local", "--as", person, *words, check=check)
    return done.stdout + done.stderr


def test_a_pipeline_deploys_and_a_colleague_only_looks(people: Cluster) -> None:
    job = str(JOBS / "people.nomad.hcl")
    assert "Permission denied" in nomad(people, "anna", "job", "run", job, check=False)
    nomad(people, "ci", "job", "run", job)  # it waits for the deployment
    (allocation,) = people.allocations("people")

    def logged() -> str | Pending:
        text = nomad(people, "anna", "alloc", "logs", allocation["ID"])
        return text or Pending("the task has written nothing")

    assert wait_until(logged, what="the task's log", seconds=PATIENCE) == "hello from people\n"
    command = ("alloc", "exec", allocation["ID"], "/bin/echo", "from inside")
    assert nomad(people, "ci", *command) == "from inside\n"
    assert "Permission denied" in nomad(people, "anna", *command, check=False)
    assert "Permission denied" in nomad(people, "ci", "system", "gc", check=False)


@pytest.mark.parametrize("name", [FIRST, "demo-nomad-client-1"])
def test_an_agents_log_is_read_without_ssh(cluster: Cluster, name: str) -> None:
    """A client's comes through a server. Meanwhile the agents are asked something that they log."""
    asked = Timer(2, lambda: cluster.bakery("nomad", "--local", "node", "status", "-verbose"))
    asked.start()
    shown = cluster.bakery("logs", name, "--local", "--level", "trace", "--seconds", "5")
    asked.join()
    assert "[DEBUG]" in shown.stdout or "[TRACE]" in shown.stdout


def test_the_consul_agent_of_a_client_is_refused_with_the_way_out(cluster: Cluster) -> None:
    done = cluster.bakery("logs", "demo-nomad-client-1", "--local", "--agent", "consul", check=False)
    assert done.returncode == ExitCode.USAGE
    assert "journalctl --unit=consul" in done.stderr


def test_the_programs_and_env_use_a_server_that_answers(cluster: Cluster) -> None:
    """Control: the first server is named while it runs."""
    first = cluster.droplet(FIRST).public
    assert f"https://{first}:8501" in cluster.bakery("env", "--local").stdout
    cluster.inside(FIRST, "systemctl stop consul")
    try:
        assert f"https://{first}:8501" not in cluster.bakery("env", "--local").stdout
        lines = cluster.bakery("consul", "--local", "members").stdout.splitlines()[1:]
        assert len(lines) == len(cluster.droplets("bakery:demo"))
        shown = cluster.bakery("nomad", "--local", "server", "members", "-json").stdout
        assert {server["Status"] for server in json.loads(shown)} == {"alive"}
    finally:
        cluster.inside(FIRST, "systemctl start --no-block consul")
    cluster.forget_env()
    cluster.wait_healthy()
