"""The adapters, the ACL bootstrap and the conditions against real Consul and Nomad servers on loopback."""

import logging
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from requests import Session

from bakery.agents import transport
from bakery.agents.consul import Consul
from bakery.agents.interface import ConsulApi
from bakery.agents.model import AclToken, CatalogNode, Target, TokenGrant
from bakery.config.model import Kind
from bakery.credentials.model import Token
from bakery.credentials.store import create_bundle
from bakery.credentials.tokens import consul_agent_token, consul_nomad_token, random_token
from bakery.errors import AgentError, CredentialsError, NotHealthyError
from bakery.launch.acl.ensure import AclOutcome, AclRequest, ensure_acls
from bakery.launch.acl.policies import token_accessors
from bakery.observe.health import observe_cluster, wait_until_healthy
from bakery.observe.model import ConditionState
from bakery.wait import Pending, wait_until
from tests.helpers.clusters import make_node
from tests.helpers.ingress import serving
from tests.helpers.real_agents import BOTH, CLIENT, LOOPBACK, SERVER, RealCluster, running_cluster, write_tls

pytestmark = pytest.mark.integration

FOREIGN_CA = "its certificate is of another CA than the credentials here"

SECONDS = 60.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    with running_cluster(tmp_path_factory.mktemp("agents")) as running:
        yield running


def _ensure(cluster: RealCluster) -> AclOutcome:
    request = AclRequest(
        plan=cluster.plan,
        roles=(SERVER, CLIENT, BOTH),
        rendered=frozenset({SERVER.name, CLIENT.name, BOTH.name}),
        bundle=cluster.bundle,
        droplets=cluster.droplets,
        consul_servers=(LOOPBACK,),
        nomad_servers=(LOOPBACK,),
    )
    return ensure_acls(request, cluster.clients, seconds=SECONDS)


@pytest.fixture(scope="module")
def closed(cluster: RealCluster) -> AclOutcome:
    """The cluster, once its ACLs are in place."""
    _wait_for_leaders(cluster)
    before = observe_cluster(cluster.plan, cluster.droplets, cluster.clients)
    assert {c.name: c.state for c in before.conditions}["consul-acls"] is ConditionState.MISSING  # control
    return _ensure(cluster)


def _wait_for_leaders(cluster: RealCluster) -> None:
    def check() -> bool | Pending:
        try:
            found = cluster.clients.consul(LOOPBACK).leader() and cluster.clients.nomad(LOOPBACK).leader()
        except AgentError as error:
            return Pending(f"{error.message}: {error.details}")
        return bool(found) or Pending("no leader")

    wait_until(check, what="the leaders", seconds=SECONDS, every=0.3)


def test_the_first_time_everything_is_made(closed: AclOutcome) -> None:
    # The node and the three roles, each with an agent's token and Nomad's.
    assert closed == AclOutcome(policies_written=8, tokens_written=8, identity_written=5)


@pytest.mark.usefixtures("closed")
def test_the_second_time_nothing_is(cluster: RealCluster) -> None:
    """Consul gives back every policy, rule and identity as it was written, or this would write again."""
    assert _ensure(cluster) == AclOutcome(policies_written=0, tokens_written=0)


@pytest.mark.usefixtures("closed")
def test_the_cluster_becomes_healthy_by_its_own_tokens(cluster: RealCluster) -> None:
    report = wait_until_healthy(
        cluster.plan, lambda: cluster.droplets, cluster.clients, seconds=SECONDS, every=0.5
    )
    assert report.healthy
    assert (report.nodes[0].consul, report.nodes[0].nomad) == ("alive", "alive")


@pytest.mark.usefixtures("closed")
def test_a_planned_node_that_is_not_there_keeps_it_unhealthy(cluster: RealCluster) -> None:
    absent = replace(cluster.plan.nodes[0], slot="demo-server-2", name="demo-server-2")
    plan = replace(cluster.plan, nodes=(*cluster.plan.nodes, absent))
    with pytest.raises(NotHealthyError) as caught:
        wait_until_healthy(plan, lambda: cluster.droplets, cluster.clients, seconds=1, every=0.5)
    assert str(caught.value.details).splitlines() == [
        "droplets: demo-server-2: no droplet",
        "consul-members: demo-server-2: not a member",
        "consul-peers: demo-server-2: no Raft peer of Consul",
        "nomad-servers: demo-server-2: not a member",
        "nomad-peers: demo-server-2: no Raft peer of Nomad",
        "consul-catalog: demo-server-2: not in Consul's catalog",
    ]


@pytest.mark.usefixtures("closed")
def test_another_bundle_is_told_that_the_cluster_is_not_its_own(
    cluster: RealCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKERY_DEADLINE_FACTOR", "0.1")
    foreign = replace(
        cluster.bundle, consul_management=random_token(), nomad_management=random_token(), token_seed="00" * 32
    )
    with pytest.raises(CredentialsError) as caught:
        _ensure(replace(cluster, bundle=foreign))
    assert "Consul's ACLs were bootstrapped with other credentials" in caught.value.message
    with pytest.raises(CredentialsError) as caught:
        _ensure(replace(cluster, bundle=replace(cluster.bundle, nomad_management=random_token())))
    assert "Nomad's ACLs were bootstrapped with other credentials" in caught.value.message


@pytest.mark.usefixtures("closed")
def test_our_tokens_are_management_tokens(cluster: RealCluster) -> None:
    for api in (cluster.clients.consul(LOOPBACK), cluster.clients.nomad(LOOPBACK)):
        assert api.has_management_token()
        assert api.denies_anonymous()


def _as(cluster: RealCluster, token: Token | None) -> ConsulApi:
    secret = token.secret if token else ""
    return cluster.clients_with(consul_token=secret).consul(LOOPBACK)


@pytest.mark.usefixtures("closed")
def test_no_token_reads_no_node(cluster: RealCluster) -> None:
    assert _as(cluster, None).catalog_nodes() == ()


@pytest.fixture
def another(cluster: RealCluster, closed: AclOutcome) -> Iterator[Token]:
    """The token of the agent of another planned node, with which that agent answers DNS queries."""
    node = make_node(Kind.NOMAD_CLIENT)
    _ensure(replace(cluster, more=(node,)))
    yield consul_agent_token(cluster.bundle, node.name)
    for accessor in token_accessors(cluster.bundle, node.name):
        cluster.clients.consul(LOOPBACK).delete_token(accessor)


def test_an_agents_token_reads_the_other_nodes(cluster: RealCluster, another: Token) -> None:
    dns = _as(cluster, another)
    assert dns.catalog_nodes() == (CatalogNode(name="demo-server-1", address=LOOPBACK),)
    assert [member.name for member in dns.members()] == ["demo-server-1"]
    with pytest.raises(AgentError) as caught:
        dns.list_tokens()
    assert caught.value.status == 403


def test_without_the_policy_for_dns_it_reads_its_own_node_only(cluster: RealCluster, another: Token) -> None:
    """Control."""
    consul = cluster.clients.consul(LOOPBACK)
    (grant,) = (each.grant for each in consul.list_tokens() if each.accessor == another.accessor)
    assert grant.policies == ("bakery-dns",)
    weak = AclToken(accessor=another.accessor, secret=another.secret, grant=replace(grant, policies=()))
    consul.put_token(weak)
    assert _as(cluster, another).catalog_nodes() == ()


def test_with_a_node_goes_its_right_to_ask(cluster: RealCluster, another: Token) -> None:
    assert _as(cluster, another).catalog_nodes()  # control
    for accessor in token_accessors(cluster.bundle, "demo-nomad-client-1"):
        cluster.clients.consul(LOOPBACK).delete_token(accessor)
    with pytest.raises(AgentError) as caught:
        _as(cluster, another).catalog_nodes()
    assert caught.value.status == 403


def _register(
    cluster: RealCluster, token: Token | None, *, node: str, address: str = LOOPBACK, service: str | None = None
) -> int:
    """The status of a registration made with ``token``; one that changes nothing is always 200."""
    body: dict[str, Any] = {"Node": node, "Address": address, "SkipNodeUpdate": service is not None}
    if service is not None:
        body["Service"] = {"Service": service, "ID": service}
    tls = cluster.consul_tls
    with Session() as session:
        session.trust_env = False
        reply = session.put(
            f"https://{LOOPBACK}:{cluster.consul_port}/v1/catalog/register",  # 127.0.0.1 is in the certificate
            json=body,
            headers={"X-Consul-Token": token.secret} if token else {},
            verify=str(tls.ca),
            cert=(str(tls.certificate), str(tls.key)),
            timeout=10,
        )
    return reply.status_code


@pytest.mark.usefixtures("closed")
def test_an_agents_token_writes_its_own_node_only(cluster: RealCluster) -> None:
    agent = consul_agent_token(cluster.bundle, "demo-server-1")
    assert _register(cluster, None, node="demo-server-1", address="10.100.0.9") == 403
    assert _register(cluster, agent, node="demo-server-2") == 403
    assert _register(cluster, agent, node="demo-server-1", address="10.100.0.9") == 200
    assert _register(cluster, agent, node="demo-server-1") == 200
    by_hand = consul_agent_token(cluster.bundle, "nomad-client")
    assert _register(cluster, by_hand, node="any-host-name") == 200


@pytest.mark.usefixtures("closed")
def test_a_nomad_server_registers_itself_and_a_client_every_service(cluster: RealCluster) -> None:
    server = consul_nomad_token(cluster.bundle, "demo-server-1")
    client = consul_nomad_token(cluster.bundle, "nomad-client")
    assert _register(cluster, server, node="demo-server-1", service="nomad-probe") == 200
    assert _register(cluster, server, node="demo-server-1", service="shop") == 403
    assert _register(cluster, client, node="demo-server-1", service="shop") == 200
    assert _register(cluster, client, node="demo-server-1", address="10.100.0.9") == 403


@pytest.mark.usefixtures("closed")
def test_consul_finds_a_service_in_any_spelling(cluster: RealCluster) -> None:
    """Why the test below has more names than two."""
    assert _register(cluster, cluster.bundle.consul_management, node="demo-server-1", service="CONSUL") == 200
    operator: Any = cluster.clients.consul(LOOPBACK)
    found = operator._http.call("GET", "/v1/catalog/service/consul").value
    assert "CONSUL" in {row["ServiceName"] for row in found}
    operator._http.call("PUT", "/v1/catalog/deregister", {"Node": "demo-server-1", "ServiceID": "CONSUL"})


@pytest.mark.usefixtures("closed")
def test_a_nomad_client_may_not_touch_the_servers_services(cluster: RealCluster) -> None:
    """With them agents find their servers. Control: the server's token may."""
    client = consul_nomad_token(cluster.bundle, "nomad-client")
    server = consul_nomad_token(cluster.bundle, "demo-server-1")
    for service in ("consul", "nomad", "Consul", "CONSUL", "Nomad", "nomaD"):
        assert _register(cluster, client, node="demo-server-1", service=service) == 403, service
    assert _register(cluster, client, node="demo-server-1", service="nomad-client") == 200
    assert _register(cluster, server, node="demo-server-1", service="nomad") == 200


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize(("ident", "status", "left"), [("consul", 403, ["consul"]), ("CONSUL", 200, [])])
def test_with_an_id_in_capitals_it_takes_them_away(
    cluster: RealCluster, ident: str, status: int, left: list[str]
) -> None:
    """Consul asks for the right to an instance that is overwritten only if the id has the same letters
    (v1.22.5, agent/consul/catalog_endpoint.go, vetRegisterWithACL), and finds it with others too.

    If a version of Consul refuses this, docs/weaknesses.md can promise more."""
    operator: Any = cluster.clients.consul(LOOPBACK)
    client: Any = _as(cluster, consul_nomad_token(cluster.bundle, "nomad-client"))

    def ids() -> list[str]:
        return [row["ServiceID"] for row in operator._http.call("GET", "/v1/catalog/service/consul").value]

    body = {"Node": "demo-server-1", "SkipNodeUpdate": True, "Service": {"Service": "consul", "ID": "consul"}}
    operator._http.call("PUT", "/v1/catalog/register", body)
    assert ids() == ["consul"]
    taking = body | {"Service": {"Service": "web", "ID": ident}}
    said = client._http.call("PUT", "/v1/catalog/register", taking, accept=frozenset({200, 403})).status
    assert (said, ids()) == (status, left)
    operator._http.call("PUT", "/v1/catalog/register", body)


@pytest.mark.usefixtures("closed")
def test_it_makes_a_consul_server_ask_an_address_and_reads_the_answer(cluster: RealCluster) -> None:
    """docs/weaknesses.md says so: a check by HTTP is no script (v1.22.5, agent/checks/check.go)."""
    operator: Any = cluster.clients.consul(LOOPBACK)
    client: Any = _as(cluster, consul_nomad_token(cluster.bundle, "nomad-client"))
    with serving("of the node only") as port:
        check = {"HTTP": f"http://{LOOPBACK}:{port}/", "Interval": "1s"}
        body = {"Name": "probe", "ID": "probe", "Check": check}
        client._http.call("PUT", "/v1/agent/service/register", body)
        try:
            wait_until(
                lambda: (
                    "of the node only" in str(client._http.call("GET", "/v1/health/checks/probe").value)
                    or Pending("the check has no answer")
                ),
                what="the server to ask",
                seconds=SECONDS,
                every=0.3,
            )
        finally:
            operator._http.call("PUT", "/v1/agent/service/deregister/probe")


@pytest.mark.usefixtures("closed")
def test_a_nomad_agent_that_is_server_and_client_registers_both_and_every_service(cluster: RealCluster) -> None:
    """Control: with the policies of a server and of a client together it could not register the server."""
    both = consul_nomad_token(cluster.bundle, "all-in-one")
    for service in ("nomad", "nomad-client", "shop"):
        assert _register(cluster, both, node="demo-server-1", service=service) == 200
    assert _register(cluster, both, node="demo-server-1", service="consul") == 403
    assert _register(cluster, both, node="demo-server-1", address="10.100.0.9") == 403
    made, consul = random_token(), cluster.clients.consul(LOOPBACK)
    grant = TokenGrant(description="control", policies=("bakery-nomad-server", "bakery-nomad-client"))
    consul.put_token(AclToken(accessor=made.accessor, secret=made.secret, grant=grant))
    assert _register(cluster, made, node="demo-server-1", service="nomad") == 403


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("node", ["demo-server-1", "nomad-client"])
def test_nomads_own_token_reads_no_key(cluster: RealCluster, node: str) -> None:
    """Nomad 2.0.4 uses it for the templates of tasks without an identity (its changelog, GH-28106)."""
    operator: Any = cluster.clients.consul(LOOPBACK)
    operator._http.call("PUT", "/v1/kv/apps/greeting", {})
    assert operator._http.call("GET", "/v1/kv/apps/greeting").status == 200  # control
    nomad: Any = _as(cluster, consul_nomad_token(cluster.bundle, node))
    assert nomad._http.call("GET", "/v1/kv/apps/greeting", accept=frozenset({403})).status == 403


@pytest.mark.usefixtures("closed")
def test_a_token_that_is_deleted_gives_no_rights_and_can_be_made_again(cluster: RealCluster) -> None:
    consul = cluster.clients.consul(LOOPBACK)
    made = random_token()
    token = AclToken(
        accessor=made.accessor, secret=made.secret, grant=TokenGrant(description="one", policies=("bakery-dns",))
    )
    consul.put_token(token)
    assert _as(cluster, made).catalog_nodes()  # control
    consul.delete_token(made.accessor)
    consul.delete_token(made.accessor)  # what is not there is no error
    assert made.accessor not in {row.accessor for row in consul.list_tokens()}
    consul.put_token(token)
    assert _as(cluster, made).catalog_nodes()


@pytest.mark.usefixtures("closed")
def test_nomad_registers_itself_in_consul_with_the_token_from_user_data(cluster: RealCluster) -> None:
    """At the far end: the least that we grant is enough for Nomad's own services and their checks."""

    def check() -> bool | Pending:
        return any(found.startswith("_nomad-server-") for found in _passing_ids(cluster)) or Pending(
            "no such service"
        )

    assert wait_until(check, what="Nomad's service in Consul", seconds=SECONDS, every=0.5)


def _passing_ids(cluster: RealCluster) -> list[str]:
    tls = cluster.consul_tls
    with Session() as session:
        session.trust_env = False
        reply = session.get(
            f"https://{LOOPBACK}:{cluster.consul_port}/v1/health/service/nomad?passing=true",
            headers={"X-Consul-Token": consul_agent_token(cluster.bundle, "demo-server-1").secret},
            verify=str(tls.ca),
            cert=(str(tls.certificate), str(tls.key)),
            timeout=10,
        )
    return [row["Service"]["ID"] for row in reply.json()]


@pytest.mark.usefixtures("closed")
def test_put_token_is_idempotent_by_accessor_and_refuses_another_secret(cluster: RealCluster) -> None:
    consul = cluster.clients.consul(LOOPBACK)
    made = random_token()
    token = AclToken(accessor=made.accessor, secret=made.secret, grant=TokenGrant(description="one"))
    consul.put_token(token)
    consul.put_token(replace(token, grant=TokenGrant(description="two", policies=("bakery-dns",))))
    listed = {row.accessor: row.grant for row in consul.list_tokens()}
    assert listed[made.accessor] == TokenGrant(description="two", policies=("bakery-dns",))
    other = random_token().secret
    with pytest.raises(AgentError) as caught:
        consul.put_token(replace(token, secret=other))
    assert "SecretID" in str(caught.value.details)
    assert other not in repr(caught.value)


@pytest.mark.usefixtures("closed")
def test_nomad_lists_its_clients(cluster: RealCluster) -> None:
    assert cluster.clients.nomad(LOOPBACK).nodes() == ()


@pytest.mark.usefixtures("closed")
def test_a_certificate_for_another_name_is_refused(cluster: RealCluster) -> None:
    right = cluster.clients_with(consul_token="").consul(LOOPBACK)
    assert right.leader()  # control
    wrong = cluster.clients_with(consul_token="", datacenter="other").consul(LOOPBACK)
    with pytest.raises(AgentError) as caught:
        wrong.leader()
    assert caught.value.status == 0
    assert "certificate verify failed" in str(caught.value.details)
    assert "server.other.consul" in str(caught.value.details)
    assert FOREIGN_CA not in str(caught.value.details)
    assert not caught.value.of_another_ca


@pytest.mark.usefixtures("closed")
def test_a_server_of_another_ca_is_refused(cluster: RealCluster, tmp_path: Path) -> None:
    other = create_bundle("demo", now=datetime.now(UTC))
    tls = write_tls(tmp_path / "tls", other.consul_ca.certificate, cluster.bundle.consul_operator)
    with pytest.raises(AgentError) as caught:
        cluster.clients_with(consul_token="", tls=tls).consul(LOOPBACK).leader()
    assert "certificate verify failed" in str(caught.value.details)
    assert caught.value.full_cause.startswith(f"Consul cannot be reached: {FOREIGN_CA}")
    assert caught.value.of_another_ca
    assert str(caught.value.hint).startswith("bring back the credentials bundle of this cluster")


@pytest.mark.usefixtures("closed")
def test_a_client_of_another_ca_is_refused(cluster: RealCluster, tmp_path: Path) -> None:
    other = create_bundle("demo", now=datetime.now(UTC))
    tls = write_tls(tmp_path / "tls", cluster.bundle.consul_ca.certificate, other.consul_operator)
    with pytest.raises(AgentError) as caught:
        cluster.clients_with(consul_token="", tls=tls).consul(LOOPBACK).leader()
    assert caught.value.status == 0


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("product", ["consul", "nomad"])
def test_without_a_client_certificate_no_agent_answers(cluster: RealCluster, product: str) -> None:
    tls = cluster.consul_tls if product == "consul" else cluster.nomad_tls
    port = cluster.consul_port if product == "consul" else cluster.nomad_port
    context = ssl.create_default_context(cafile=str(tls.ca))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _get_leader(port, context)
    context.load_cert_chain(tls.certificate, tls.key)
    assert _get_leader(port, context) == 200  # control: the certificate is what was missing


def _get_leader(port: int, context: ssl.SSLContext) -> int:
    connection = HTTPSConnection(LOOPBACK, port, timeout=10, context=context)
    try:
        connection.request("GET", "/v1/status/leader")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.usefixtures("closed")
def test_no_secret_shows_in_errors_or_logs(cluster: RealCluster, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    _ensure(cluster)
    said = [repr(cluster.clients), caplog.text]
    stranger = random_token()
    unknown = _as(cluster, stranger)
    for call in (unknown.list_tokens, unknown.catalog_nodes):
        with pytest.raises(AgentError) as caught:
            call()
        said.append(repr(caught.value))
    secrets = [
        cluster.bundle.consul_management.secret,
        cluster.bundle.nomad_management.secret,
        consul_agent_token(cluster.bundle, "demo-server-1").secret,
        stranger.secret,
    ]
    assert "/v1/acl/bootstrap" in caplog.text  # control: the requests were logged
    assert not [secret for secret in secrets if secret in "".join(said)]


@pytest.mark.usefixtures("closed")
def test_neither_a_proxy_nor_another_ca_bundle_of_the_environment_is_heeded(
    cluster: RealCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{LOOPBACK}:9")  # nobody listens there
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    assert cluster.clients.consul(LOOPBACK).leader()


def test_a_machine_that_takes_the_connection_and_says_nothing_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(transport, "READ_SECONDS", 0.2)
    bundle = create_bundle("demo", now=datetime.now(UTC))
    tls = write_tls(tmp_path / "tls", bundle.consul_ca.certificate, bundle.consul_operator)
    with socket.create_server((LOOPBACK, 0)) as silent:
        port = silent.getsockname()[1]
        target = Target(
            address=LOOPBACK, port=port, server_name="server.demo.consul", tls=tls, token="", gossip_key=""
        )
        with pytest.raises(AgentError) as caught:
            Consul(target).leader()
    assert (caught.value.status, caught.value.message) == (0, f"Consul at {LOOPBACK}:{port} cannot be reached")
    assert "timed out" in str(caught.value.details)


def test_where_nobody_listens_it_is_said_in_two_words(tmp_path: Path) -> None:
    bundle = create_bundle("demo", now=datetime.now(UTC))
    tls = write_tls(tmp_path / "tls", bundle.consul_ca.certificate, bundle.consul_operator)
    with socket.create_server((LOOPBACK, 0)) as closed:
        port = closed.getsockname()[1]
    target = Target(
        address=LOOPBACK, port=port, server_name="server.demo.consul", tls=tls, token="", gossip_key=""
    )
    with pytest.raises(AgentError) as caught:
        Consul(target).leader()
    assert caught.value.details == "Connection refused"


def test_an_open_consul_is_seen_as_open(tmp_path: Path) -> None:
    """Control: with default_policy "allow" the same question gives the other answer."""
    with running_cluster(tmp_path, default_policy="allow", nomad=False) as running:
        consul = running.clients.consul(LOOPBACK)

        def check() -> bool | Pending:
            try:
                return bool(consul.leader()) or Pending("no leader")
            except AgentError as error:
                return Pending(f"{error.message}: {error.details}")

        wait_until(check, what="a leader", seconds=SECONDS, every=0.3)
        assert not consul.denies_anonymous()
