"""What Nomad's filter expressions show of fields that its replies leave out (docs/weaknesses.md).

Nomad compares an expression with the stored object, before it cuts secrets out and before it looks at namespaces
(v1.11.3, nomad/state/paginator/paginator.go). When a version of Nomad does not, these tests fail, and the page can
promise more.
"""

import json
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import quote

import pytest

from bakery.agents.model import NomadNode, TokenGrant
from bakery.config.model import Kind
from bakery.credentials.authority import issue_leaf
from bakery.credentials.names import nomad_person_names
from bakery.launch.acl.people import PersonRole, nomad_policy
from bakery.wait import Pending
from tests.helpers.clusters import make_node
from tests.helpers.real_agents import LOOPBACK, RealCluster, running_cluster, write_tls
from tests.helpers.real_client import running_runner
from tests.helpers.real_jobs import allocation_of, ensure, eventually, nomad, run_job, stop_jobs

pytestmark = pytest.mark.integration

JOB = """
job "theirs" {
  namespace = "dev"
  group "g" {
    service {
      name     = "ledger"
      port     = "8080"
      provider = "nomad"
    }
    task "t" {
      driver = "raw_exec"
      env {
        PASSWORD = "canary-environment"
      }
      config {
        command = "/bin/sleep"
        args    = ["600"]
      }
    }
  }
}
"""
MINE = """
job "mine" {
  group "g" {
    task "t" {
      driver = "raw_exec"
      identity {
        file = true
      }
      config {
        command = "/bin/sleep"
        args    = ["600"]
      }
    }
  }
}
"""
UUID = "0123456789abcdef-"
NO_TOKEN = ""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """With a client, and a job and a variable in another namespace than the reader's."""
    folder = tmp_path_factory.mktemp("filters")
    with running_cluster(folder, more=(make_node(Kind.NOMAD_CLIENT),)) as running, ExitStack() as stack:
        api = running.clients.nomad(LOOPBACK)
        eventually(lambda: api.leader() or Pending("no leader"), "Nomad's leader")
        ensure(running)
        stack.enter_context(running_runner(running))
        eventually(lambda: _ready(api.nodes()) or Pending("no client is ready"), "a client")
        http = nomad(running)
        http.call("PUT", "/v1/namespace/dev", {"Name": "dev"})
        job = http.call("POST", "/v1/jobs/parse", {"JobHCL": JOB}).value
        http.call("POST", "/v1/jobs?namespace=dev", {"Job": job})
        allocation_of(running, "theirs", "running")
        run_job(running, MINE)
        variable = {"Path": "backup/customer", "Namespace": "dev", "Items": {"password": "canary"}}
        http.call("PUT", "/v1/var/backup/customer?namespace=dev", variable)
        try:
            yield running
        finally:
            stop_jobs(running)


def _ready(nodes: Sequence[NomadNode]) -> bool:
    return any(node.status == "ready" for node in nodes)


class Reader:
    """A colleague with credentials of role ``read`` for the namespace ``default``."""

    def __init__(self, cluster: RealCluster, folder: Path) -> None:
        api, policy = cluster.clients.nomad(LOOPBACK), nomad_policy(PersonRole.READ, "default")
        api.put_policy(policy)
        self.token = api.create_token(TokenGrant(description="a reader", policies=(policy.name,)), seconds=600)
        names, now = nomad_person_names("reader"), datetime.now(UTC)
        leaf = issue_leaf(cluster.bundle.nomad_ca, names=names, client=True, server=False, now=now, days=1)
        files = write_tls(folder, cluster.bundle.nomad_ca.certificate, leaf)
        context = ssl.create_default_context(cafile=str(files.ca))
        context.load_cert_chain(files.certificate, files.key)
        context.check_hostname = False
        self.connection = HTTPSConnection(LOOPBACK, cluster.nomad_port, context=context, timeout=60)

    def get(self, path: str, token: str | None = None) -> tuple[int, str]:
        self.connection.request("GET", path, headers={"X-Nomad-Token": self.token if token is None else token})
        reply = self.connection.getresponse()
        return reply.status, reply.read().decode()

    def filtered(self, path: str, expression: str, token: str | None = None) -> tuple[int, str]:
        return self.get(f"{path}{'&' if '?' in path else '?'}filter={quote(expression, safe='')}", token)


@pytest.fixture
def reader(cluster: RealCluster, tmp_path: Path) -> Iterator[Reader]:
    made = Reader(cluster, tmp_path / "reader")
    with closing(made.connection):
        yield made


def spelled(begins: Callable[[str], bool], alphabet: str, length: int) -> str:
    """Return the text of which ``begins`` says whether it begins with what a pattern describes."""
    found = ""
    while len(found) < length:
        left = alphabet
        while len(left) > 1:
            half = left[: len(left) // 2]
            left = half if begins(f"^{found}[{half}]") else left[len(left) // 2 :]
        found += left
    return found


def test_a_reader_gets_the_secret_of_a_client_and_reads_other_namespaces_with_it(
    cluster: RealCluster, reader: Reader
) -> None:
    theirs = allocation_of(cluster, "theirs", "running")["ID"]
    assert "canary" not in reader.get(f"/v1/allocation/{theirs}")[1]  # control
    (node,) = json.loads(reader.get("/v1/nodes")[1])
    assert node.get("SecretID", "") == ""  # control

    def begins(pattern: str) -> bool:
        status, text = reader.filtered("/v1/nodes", f'SecretID matches "{pattern}"')
        assert status == 200, text
        return bool(json.loads(text))

    secret = spelled(begins, UUID, 36)
    status, text = reader.get(f"/v1/allocation/{theirs}", secret)
    assert (status, "canary-environment" in text) == (200, True)


def test_a_certificate_without_a_token_spells_the_paths_of_variables(reader: Reader) -> None:
    """An expression after ``and`` is an error only if what is before it is true."""
    path = "/v1/vars?namespace=*"
    assert reader.get(path, NO_TOKEN) == (200, "[]")  # control

    def begins(pattern: str) -> bool:
        oracle = f'VariableMetadata.Path matches "{pattern}" and VariableMetadata.CreateIndex matches "x"'
        return reader.filtered(path, oracle, NO_TOKEN)[0] != 200

    assert begins("^backup/customer$")
    assert not begins("^backup/other")


def test_an_identity_reads_nomads_services_of_other_namespaces(cluster: RealCluster, reader: Reader) -> None:
    """v1.11.3, acl/acl.go, AllowServiceRegistrationReadList: a task may, in the namespace of the request."""
    mine = allocation_of(cluster, "mine", "running")["ID"]
    secrets = cluster.folder / "runner" / "nomad-client-data" / "alloc" / mine / "t" / "secrets"
    identity = (secrets / "nomad_token").read_text(encoding="ascii")
    path = "/v1/service/ledger?namespace=dev"
    assert reader.get(path, NO_TOKEN)[0] == 403  # control: with the certificate alone it cannot
    status, text = reader.get(path, identity)
    assert (status, [row["JobID"] for row in json.loads(text)]) == (200, ["theirs"])
    assert reader.get("/v1/job/theirs?namespace=dev", identity)[0] == 403  # control: it has no right to the job
