"""Other people's credentials, bakery's own consul and nomad, and agents' logs on nodes that really run."""

import json
import os
from collections.abc import Iterator
from threading import Timer

import pytest

from bakery.errors import ExitCode
from bakery.proc import run
from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import BAKERY, EMULATOR, JOBS, PATIENCE, Cluster

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


# An idle client logs its heartbeats, which are 10 to 20 s apart (hashicorp/nomad nomad/heartbeat.go).
@pytest.mark.parametrize(("name", "seconds"), [(FIRST, "5"), ("demo-nomad-client-1", "25")])
def test_an_agents_log_is_read_without_ssh(cluster: Cluster, name: str, seconds: str) -> None:
    """A client's comes through a server. Meanwhile the agents are asked something that servers log."""
    asked = Timer(2, lambda: cluster.bakery("nomad", "--local", "node", "status", "-verbose"))
    asked.start()
    shown = cluster.bakery("logs", name, "--local", "--level", "trace", "--seconds", seconds)
    asked.join()
    assert "[DEBUG]" in shown.stdout or "[TRACE]" in shown.stdout


@pytest.mark.parametrize(("kind", "docker"), [("client", True), ("server", False)])
def test_the_past_of_a_nodes_services_is_read_without_ssh(cluster: Cluster, kind: str, *, docker: bool) -> None:
    """From the journal of the node. Control: the lines of one agent are not those of another."""
    name = f"demo-nomad-{kind}-1"

    def programs(agent: str) -> set[str]:
        lines = cluster.bakery("logs", name, "--local", "--agent", agent, "--since", "24h").stdout.splitlines()
        return {line.split()[4].partition("[")[0] for line in lines if line.split()[3:4] == [name]}

    assert programs("system") >= {"consul", "nomad", "dnsmasq", *(("dockerd", "containerd") if docker else ())}
    assert programs("consul") == {"consul"}
    assert {"nomad"} <= programs("nomad") <= {"nomad", "systemd", "python3", "sh"}


def test_a_consul_server_has_no_past_and_says_so(cluster: Cluster) -> None:
    done = cluster.bakery("logs", FIRST, "--local", "--agent", "system", check=False)
    assert done.returncode == ExitCode.USAGE
    assert f"the journal of {FIRST} cannot be read" in done.stderr


def shell(cluster: Cluster) -> dict[str, str]:
    """The environment of a shell on the operator's machine."""
    return {
        "PATH": f"{BAKERY.parent}:{cluster.tools}:{os.environ['PATH']}",
        "BAKERY_EMULATOR": EMULATOR,
        "BAKERY_CLUSTER_FILE": str(cluster.work / "bakery.yaml"),
    }


def test_the_tokens_of_a_shell_end_by_themselves(fleeting: Cluster) -> None:
    """Control: test_cluster_10_access.py uses them before. A new shell gets new ones."""

    def refused() -> bool | Pending:
        answers = [
            fleeting.tool(*words, check=False).stderr
            for words in (("nomad", "node", "status"), ("consul", "catalog", "nodes"))
        ]
        return all("403" in answer for answer in answers) or Pending("\n".join(answers))

    wait_until(refused, what="both tokens to expire", seconds=PATIENCE, every=2)
    fresh = run(["sh", "-c", 'eval "$(bakery env --local)" && nomad node status'], env=shell(fleeting))
    assert "ready" in fresh.stdout


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
