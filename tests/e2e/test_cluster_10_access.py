"""The cluster answers the real tools, and nobody who lacks a certificate or a token."""

import http.client
import json
import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest

from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import PATIENCE, Cluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

# Paths that ask for a token. Consul docs, "agent HTTP API", /agent/self: agent:read; Nomad docs, jobs: list-jobs.
CONSUL = ("CONSUL", 8501, "/v1/agent/self", "X-Consul-Token")
NOMAD = ("NOMAD", 4646, "/v1/jobs", "X-Nomad-Token")
AGENTS = [pytest.param(CONSUL, id="consul"), pytest.param(NOMAD, id="nomad")]
Agent = tuple[str, int, str, str]
# A server that refuses a certificate sends an alert and closes; the alert may be lost with the connection.
HUNG_UP = (ssl.SSLError, ConnectionError)


@dataclass(frozen=True, kw_only=True)
class ClientIdentity:
    """What a caller presents; None: nothing."""

    ca: str
    certificate: str | None
    key: str | None
    token: str | None


def identity_of(cluster: Cluster, name: str) -> ClientIdentity:
    """The operator's own, from ``bakery env``."""
    env = cluster.env
    token = env["CONSUL_HTTP_TOKEN"] if name == "CONSUL" else env["NOMAD_TOKEN"]
    certificate, key = env[f"{name}_CLIENT_CERT"], env[f"{name}_CLIENT_KEY"]
    return ClientIdentity(ca=env[f"{name}_CACERT"], certificate=certificate, key=key, token=token)


def ask(cluster: Cluster, agent: Agent, shown: ClientIdentity) -> int:
    """The HTTP status of one request to the first server; a refused handshake raises SSLError."""
    name, port, path, header = agent
    context = ssl.create_default_context(cafile=shown.ca)
    if shown.certificate is not None:
        context.load_cert_chain(shown.certificate, shown.key)
    connection = _Connection(_address(cluster, name), port, context, cluster.env[f"{name}_TLS_SERVER_NAME"])
    try:
        connection.request("GET", path, headers={header: shown.token} if shown.token else {})
        return connection.getresponse().status
    finally:
        connection.close()


class _Connection(http.client.HTTPSConnection):
    """To an address, with the name that the certificate must hold."""

    def __init__(self, address: str, port: int, context: ssl.SSLContext, name: str) -> None:
        super().__init__(address, port, context=context, timeout=PATIENCE)
        self._tls = context
        self._name = name

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)


def _address(cluster: Cluster, name: str) -> str:
    url = cluster.env["CONSUL_HTTP_ADDR" if name == "CONSUL" else "NOMAD_ADDR"]
    return url.removeprefix("https://").rpartition(":")[0]


def test_the_cluster_is_healthy(cluster: Cluster) -> None:
    cluster.wait_healthy()
    nodes = cluster.status()["nodes"]
    assert sorted(node["name"] for node in nodes) == [
        "demo-consul-server-1",
        "demo-consul-server-2",
        "demo-consul-server-3",
        "demo-nomad-client-1",
        "demo-nomad-client-2",
        "demo-nomad-client-3",
        "demo-nomad-server-1",
        "demo-nomad-server-2",
        "demo-nomad-server-3",
    ]
    assert {node["droplet"]["status"] for node in nodes} == {"active"}


def test_the_account_may_have_as_many_droplets_as_can_boot_here(cluster: Cluster) -> None:
    """Root's guests share its inotify instances, seven each (docs/emulator.md)."""
    instances = int(Path("/proc/sys/fs/inotify/max_user_instances").read_text())
    limit = cluster.api("GET", "/v2/account").body["account"]["droplet_limit"]
    assert limit == min(10_000, instances // 7)


def test_consul_lists_nine_members(cluster: Cluster) -> None:
    members = cluster.consul_members()
    assert len(members) == 9
    assert set(members.values()) == {"alive"}


def test_consul_has_three_voters(cluster: Cluster) -> None:
    lines = cluster.tool("consul", "operator", "raft", "list-peers").stdout.splitlines()[1:]
    assert sorted(line.split()[0] for line in lines) == [f"demo-consul-server-{number}" for number in (1, 2, 3)]
    assert [line.split()[3] for line in lines].count("leader") == 1


def test_the_tokens_of_a_shell_are_accepted_while_they_last(fleeting: Cluster) -> None:
    """test_cluster_15_people.py has the end of them. They make no tokens, which would outlive them."""
    assert "demo-nomad-client-1" in fleeting.tool("nomad", "node", "status").stdout
    assert "demo-nomad-client-1" in fleeting.tool("consul", "catalog", "nodes").stdout
    assert "Permission denied" in fleeting.tool("nomad", "acl", "token", "list", check=False).stderr
    assert "Permission denied" in fleeting.tool("consul", "acl", "token", "list", check=False).stderr


def test_nomad_lists_three_servers(cluster: Cluster) -> None:
    members = cluster.nomad_json("server", "members", "-json")
    names = sorted(member["Name"] for member in members)
    assert names == [f"demo-nomad-server-{number}.global" for number in (1, 2, 3)]
    assert {member["Status"] for member in members} == {"alive"}


def test_nomad_lists_three_ready_nodes(cluster: Cluster) -> None:
    assert cluster.nomad_nodes() == {f"demo-nomad-client-{number}": "ready" for number in (1, 2, 3)}


@pytest.mark.parametrize("name", [f"demo-nomad-client-{number}" for number in (1, 2, 3)])
def test_no_client_came_too_early(cluster: Cluster, name: str) -> None:
    """A first registration that is refused costs 15 to 30 s; wait-for-servers keeps Nomad from asking for that."""
    said = cluster.inside(name, "journalctl --no-pager --output=cat --unit=nomad-client").stdout
    assert "node registration complete" in said
    assert "error registering" not in said


@pytest.mark.parametrize("agent", AGENTS)
def test_certificate_and_token_open_it(cluster: Cluster, agent: Agent) -> None:
    """Control of what follows: the same request is answered when nothing is missing."""
    assert ask(cluster, agent, identity_of(cluster, agent[0])) == 200


@pytest.mark.parametrize("agent", AGENTS)
def test_a_certificate_alone_may_read_nothing(cluster: Cluster, agent: Agent) -> None:
    mine = identity_of(cluster, agent[0])
    anonymous = ClientIdentity(ca=mine.ca, certificate=mine.certificate, key=mine.key, token=None)
    assert ask(cluster, agent, anonymous) == 403


@pytest.mark.parametrize("agent", AGENTS)
def test_a_token_alone_is_not_heard(cluster: Cluster, agent: Agent) -> None:
    mine = identity_of(cluster, agent[0])
    with pytest.raises(HUNG_UP):
        ask(cluster, agent, ClientIdentity(ca=mine.ca, certificate=None, key=None, token=mine.token))


@pytest.mark.parametrize(("agent", "other"), [(CONSUL, NOMAD), (NOMAD, CONSUL)], ids=["consul", "nomad"])
def test_a_certificate_of_the_other_authority_is_refused(cluster: Cluster, agent: Agent, other: Agent) -> None:
    mine, foreign = identity_of(cluster, agent[0]), identity_of(cluster, other[0])
    shown = ClientIdentity(ca=mine.ca, certificate=foreign.certificate, key=foreign.key, token=mine.token)
    with pytest.raises(HUNG_UP):
        ask(cluster, agent, shown)


@pytest.mark.parametrize(("agent", "other"), [(CONSUL, NOMAD), (NOMAD, CONSUL)], ids=["consul", "nomad"])
def test_the_tools_refuse_a_server_of_the_other_authority(cluster: Cluster, agent: Agent, other: Agent) -> None:
    mine, foreign = identity_of(cluster, agent[0]), identity_of(cluster, other[0])
    shown = ClientIdentity(ca=foreign.ca, certificate=mine.certificate, key=mine.key, token=mine.token)
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        ask(cluster, agent, shown)


def test_no_api_answers_without_tls(cluster: Cluster) -> None:
    """Consul's 8500 is off on every node; the same look finds 8501."""
    for droplet in cluster.droplets("bakery:demo"):
        listening = cluster.inside(droplet.name, "ss -Hltn | awk '{print $4}'").stdout
        assert ":8500\n" not in listening
        assert ":8501\n" in listening


def test_status_exits_with_0(cluster: Cluster) -> None:
    assert cluster.bakery("status", "--local", check=False).returncode == 0


def test_doctor_names_the_vulnerabilities_of_the_agents_that_run(cluster: Cluster) -> None:
    checks = json.loads(cluster.bakery("doctor", "--local", "--json", check=False).stdout)["checks"]
    warned = {check["name"]: check["message"] for check in checks if check["state"] == "warn"}
    assert warned["HCSEC-2026-21"].startswith("Nomad 1.11.3 on 6 nodes: docker tasks may mount any folder")
    assert warned["HCSEC-2026-25"].startswith("Consul 1.22.5 on 9 nodes: ")
    assert [check["name"] for check in checks if check["state"] == "fail"] == []


def test_bootstrap_again_changes_nothing(cluster: Cluster) -> None:
    done = cluster.bakery("bootstrap", "--local")
    assert "all policies and tokens exist already" in done.stderr


def test_consul_elects_another_leader_when_its_leader_stops(cluster: Cluster) -> None:
    """The leader's agent is stopped for a while: the others elect, and it comes back as one of them."""

    def leader() -> str | Pending:
        lines = cluster.tool("consul", "operator", "raft", "list-peers", check=False).stdout.splitlines()[1:]
        found = [line.split()[0] for line in lines if line.split()[3] == "leader"]
        return found[0] if found else Pending("there is no leader")

    first = wait_until(leader, what="a leader", seconds=PATIENCE)
    if first == "demo-consul-server-1":  # bakery env points at it
        cluster.tool("consul", "operator", "raft", "transfer-leader")
        first = wait_until(
            lambda: found if (found := leader()) != first else Pending("the old one still leads"),
            what="another leader",
            seconds=PATIENCE,
        )
    cluster.inside(first, "systemctl stop consul")
    try:
        second = wait_until(
            lambda: found if (found := leader()) != first else Pending("the stopped one still leads"),
            what="the others to elect a leader",
            seconds=PATIENCE,
        )
        assert second != first
    finally:
        cluster.inside(first, "systemctl start --no-block consul")
    cluster.wait_healthy()
