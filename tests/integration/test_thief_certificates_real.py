"""Which certificate opens which door of real agents, wrong gossip keys, and the race for the ACL bootstrap.

The ACLs are not bootstrapped until the last tests, so that nothing but TLS decides. Expected values are written by
hand, from crypto/x509, hashicorp/nomad nomad/rpc.go (validateRaftTLS) and nomad/auth/auth.go (verifyTLS), and
hashicorp/consul agent/consul/rpc.go (handleRaftRPC).
"""

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from bakery.config.model import Kind
from bakery.credentials.authority import create_authority, issue_leaf
from bakery.credentials.model import Authority, Leaf
from bakery.credentials.store import create_bundle
from bakery.errors import CredentialsError
from bakery.wait import Pending
from tests.helpers.nomad_rpc import RpcError, call_consul_without_certificate
from tests.helpers.real_agents import (
    LOOPBACK,
    RealCluster,
    free_ports,
    running_cluster,
    stop,
    write_tls,
)
from tests.helpers.real_client import ConsulClient, start_consul_client
from tests.helpers.real_jobs import ensure, eventually
from tests.helpers.thief import Thief, operator_of, robbed, thief_of
from tests.helpers.tls import forge_leaf

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    bundle = create_bundle("demo", now=NOW - 10 * DAY)
    more = (robbed(Kind.NOMAD_CLIENT),)
    with running_cluster(tmp_path_factory.mktemp("certificates"), bundle=bundle, more=more) as running:
        clients = running.clients
        eventually(lambda: clients.consul(LOOPBACK).leader() or Pending("no leader"), "Consul's leader")
        eventually(lambda: clients.nomad(LOOPBACK).leader() or Pending("no leader"), "Nomad's leader")
        yield running


def _issued(ca: Authority, *names: str, server: bool = True) -> Leaf:
    return issue_leaf(ca, names=names, client=True, server=server, now=NOW, days=1)


def _forged(ca: Authority, *names: str, age: int) -> Leaf:
    """Valid for two days, which began ``age`` days ago."""
    begin = NOW - age * DAY
    return forge_leaf(ca, list(names), not_before=begin, not_after=begin + 2 * DAY)


Pair = tuple[Leaf, Leaf]
LEAVES: dict[str, Callable[[Authority, Authority], Pair]] = {
    "server": lambda consul, nomad: (
        _issued(consul, "server.demo.consul"),
        _issued(nomad, "server.global.nomad"),
    ),
    "client": lambda consul, nomad: (
        _issued(consul, "client.demo.consul"),
        _issued(nomad, "client.global.nomad"),
    ),
    "operator": lambda consul, nomad: (
        _issued(consul, "cli.demo.consul", server=False),
        _issued(nomad, "cli.global.nomad", server=False),
    ),
    "the other product's": lambda consul, nomad: (
        _issued(nomad, "server.global.nomad"),
        _issued(consul, "server.demo.consul"),
    ),
    "another cluster's": lambda consul, nomad: (
        _issued(create_authority("consul", "demo", now=NOW), "server.demo.consul"),
        _issued(create_authority("nomad", "demo", now=NOW), "server.global.nomad"),
    ),
    # The control of the next one.
    "made with the CA's key": lambda consul, nomad: (
        _forged(consul, "server.demo.consul", age=1),
        _forged(nomad, "server.global.nomad", age=1),
    ),
    "expired": lambda consul, nomad: (
        _forged(consul, "server.demo.consul", age=3),
        _forged(nomad, "server.global.nomad", age=3),
    ),
}


def registers(who: Thief) -> bool:
    """Whether the server reads a registration. This one lacks a node, so that none is registered."""
    try:
        who.rpc("Node.Register", {"AuthToken": ""})
    except RpcError as error:
        return "missing node" in str(error)
    except OSError:
        return False
    return False


def reads_the_keyring(who: Thief) -> bool:
    """Whether the server looks for a key. Only servers may ask for one; there is none with this id."""
    try:
        who.rpc("Keyring.Get", {"KeyID": str(uuid4())})
    except RpcError as error:
        return "Permission denied" not in str(error)
    except OSError:
        return False
    return True


def calls_consul(who: Thief) -> bool:
    """Whether a Consul server answers a call. This one needs no token."""
    try:
        who.consul_rpc("Status.Ping", {})
    except OSError:
        return False
    return True


DOORS: dict[str, Callable[[Thief], bool]] = {
    "Consul's API": lambda who: who.consul("GET", "/v1/status/leader"),
    "Consul's Raft": Thief.joins_consuls_raft,
    "Consul's RPC": calls_consul,
    "Nomad's API": lambda who: who.nomad("GET", "/v1/status/leader"),
    "Nomad's Raft": Thief.joins_nomads_raft,
    "Nomad's RPC for clients": registers,
    "Nomad's RPC for servers": reads_the_keyring,
}
ANY = {"Consul's API", "Consul's RPC", "Nomad's API"}
"""Open to each certificate of the product."""
OPEN = {
    "server": set(DOORS),
    "client": ANY | {"Nomad's RPC for clients"},
    "operator": ANY,
    "the other product's": set(),
    "another cluster's": set(),
    "made with the CA's key": set(DOORS),
    "expired": set(),
}


@pytest.mark.parametrize("leaf", LEAVES)
def test_which_certificate_opens_which_door(cluster: RealCluster, tmp_path: Path, leaf: str) -> None:
    of_consul, of_nomad = LEAVES[leaf](cluster.bundle.consul_ca, cluster.bundle.nomad_ca)
    who = Thief(
        cluster=cluster,
        consul_tls=write_tls(tmp_path / "consul", cluster.bundle.consul_ca.certificate, of_consul),
        nomad_tls=write_tls(tmp_path / "nomad", cluster.bundle.nomad_ca.certificate, of_nomad),
        consul_tokens=(),
    )
    assert {door for door, opens in DOORS.items() if opens(who)} == OPEN[leaf]


@pytest.mark.parametrize(
    ("method", "body", "answer"),
    [
        ("AutoEncrypt.Sign", {"Datacenter": "demo"}, "must be enabled in order to use this endpoint"),
        ("AutoConfig.InitialConfiguration", b"", "Auto Config is disabled"),
        ("Status.Ping", {}, "can't find service"),
        ("Catalog.ListNodes", {"Datacenter": "demo"}, "can't find service"),
    ],
)
def test_behind_consuls_door_without_a_certificate_everything_is_turned_off(
    cluster: RealCluster, method: str, body: dict[str, str] | bytes, answer: str
) -> None:
    """The methods of insecureRPCServer (hashicorp/consul agent/consul/server.go), and two of the other doors."""
    address = (LOOPBACK, cluster.ports["consul_rpc"])
    with pytest.raises(RpcError, match=answer):
        call_consul_without_certificate(address, cluster.consul_tls.ca, method, body)


@pytest.fixture
def joining(cluster: RealCluster, tmp_path: Path) -> Iterator[Callable[[str, str], ConsulClient]]:
    """Start a Consul agent with a client's certificate, by name and with that gossip key."""
    agents: list[ConsulClient] = []

    def begin(name: str, key: str) -> ConsulClient:
        agents.append(start_consul_client(cluster, tmp_path, name, free_ports(), gossip_key=key))
        return agents[-1]

    yield begin
    for agent in agents:
        stop(agent.process)


ANOTHER_KEY = base64.b64encode(b"another key of thirty-two bytes.").decode()


@pytest.mark.parametrize(
    ("name", "key", "reason"),
    [
        ("wrong", ANOTHER_KEY, "No installed keys could decrypt"),
        ("without", "", "but remote state is not encrypted"),
    ],
)
def test_an_agent_with_another_gossip_key_joins_nothing(
    cluster: RealCluster, joining: Callable[[str, str], ConsulClient], name: str, key: str, reason: str
) -> None:
    """Its certificate is good. Control: with the cluster's key it is a member."""
    wrong = joining(f"{name}-key", key)

    def refused() -> bool | Pending:
        text = wrong.log.read_text(encoding="utf-8")
        return "Failed to join" in text or Pending(text[-500:])

    eventually(refused, "the agent to be refused")
    right = joining(f"right-beside-{name}", cluster.bundle.consul_gossip_key)
    log = cluster.folder / "consul.log"
    joined = f"EventMemberJoin: {right.name}"
    eventually(lambda: joined in log.read_text(encoding="utf-8") or Pending("no member"), "the control to join")
    text = log.read_text(encoding="utf-8")
    assert f"EventMemberJoin: {wrong.name}" not in text
    assert reason in text


def test_the_race_for_the_acl_bootstrap_is_open_to_certificates_only_and_its_loss_is_noticed(
    cluster: RealCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/security.md says that this window exists. The last test of this cluster, which is lost then."""
    thief = thief_of(cluster, Kind.NOMAD_CLIENT)
    secret = {"BootstrapSecret": str(uuid4())}
    stranger = create_bundle("demo", now=NOW)
    outside = Thief(
        cluster=cluster,
        consul_tls=write_tls(tmp_path / "c", cluster.bundle.consul_ca.certificate, stranger.consul_operator),
        nomad_tls=write_tls(tmp_path / "n", cluster.bundle.nomad_ca.certificate, stranger.nomad_operator),
        consul_tokens=(),
    )
    assert not outside.consul("PUT", "/v1/acl/bootstrap", secret)
    assert not outside.nomad("POST", "/v1/acl/bootstrap", secret)
    assert thief.nomad("POST", "/v1/acl/bootstrap", secret)
    monkeypatch.setenv("BAKERY_DEADLINE_FACTOR", "0.1")
    with pytest.raises(CredentialsError, match="Nomad's ACLs were bootstrapped with other credentials"):
        ensure(cluster)
    assert not thief.consul("PUT", "/v1/acl/bootstrap", secret), "control: bakery was first in Consul"
    assert operator_of(cluster).consul("GET", "/v1/acl/tokens")
