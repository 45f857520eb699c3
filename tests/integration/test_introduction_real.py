"""Introductions of new clients with real agents: the image's program fetches one; Nomad registers no others.

The control, a cluster that only warns, is in ``test_thief_real.py``: there the thief's client is registered.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bakery.agents.model import NomadNode
from bakery.agents.transport import AgentHttp
from bakery.assets import PACKER
from bakery.config.defaults import NOMAD_VERSION
from bakery.config.model import Kind
from bakery.credentials.issue import issue_for_node
from bakery.credentials.tokens import introduction_token, random_token
from bakery.launch.acl.introduction import list_introductions
from bakery.proc import start
from bakery.wait import Pending
from tests.helpers.nomad_rpc import RpcError
from tests.helpers.real_agents import (
    LOOPBACK,
    RealCluster,
    free_ports,
    running_cluster,
    stop,
    write_json,
    write_tls,
)
from tests.helpers.real_client import nomad_client_config, paths_of, start_consul_client
from tests.helpers.real_jobs import consul, ensure, eventually, nomad
from tests.helpers.thief import robbed, thief_of
from tests.helpers.tools import require_tool

pytestmark = pytest.mark.integration

NAME = robbed(Kind.NOMAD_CLIENT).name
KEY = f"/v1/kv/bakery/introduction/{NAME}"
SCRIPT = PACKER / "files/usr/local/lib/bakery/fetch-introduction"


@dataclass(frozen=True, kw_only=True)
class Client:
    """The folders of a new client, as user-data and the image leave them."""

    cluster: RealCluster
    folder: Path
    script: ModuleType

    @property
    def token(self) -> Path:
        """Nomad's introduction token, where Nomad reads it."""
        return self.folder / "nomad-client-data" / "client" / "intro_token.jwt"

    @property
    def nomads_token(self) -> Path:
        """The part of Nomad's configuration that comes with it."""
        return self.folder / "nomad.d" / "introduced.json"

    @contextmanager
    def running(self) -> Iterator[Path]:
        """Run Nomad; yield its log."""
        log = self.folder / "nomad.log"
        process = start([require_tool("nomad"), "agent", f"-config={self.folder / 'nomad.d'}"], output=log)
        try:
            yield log
        finally:
            stop(process)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    more = (robbed(Kind.NOMAD_CLIENT),)
    folder = tmp_path_factory.mktemp("introduction")
    with running_cluster(folder, more=more, introduces_clients=True) as running:
        clients = running.clients
        eventually(lambda: clients.consul(LOOPBACK).leader() or Pending("no leader"), "Consul's leader")
        eventually(lambda: clients.nomad(LOOPBACK).leader() or Pending("no leader"), "Nomad's leader")
        yield running


@pytest.fixture(scope="module")
def client(cluster: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("client")
    mine = issue_for_node(cluster.bundle, name=NAME, kind=Kind.NOMAD_CLIENT, now=datetime.now(UTC))
    assert mine.introduction_token is not None
    ports = free_ports()
    (folder / "nomad.d").mkdir()
    introduction = {"key": f"bakery/introduction/{NAME}", "token": mine.introduction_token.secret}
    write_json(folder / "introduction.json", introduction)
    agent = {
        "address": f"{LOOPBACK}:{ports['consul_https']}",
        "ssl": True,
        "client_auto_join": False,
        **paths_of(write_tls(folder / "consul-tls", mine.consul_ca, mine.consul)),
    }
    config = nomad_client_config(cluster, folder, NAME, ports, agent)
    write_json(folder / "nomad.d" / "client.json", config)
    (folder / "nomad-client-data").mkdir()
    running = start_consul_client(cluster, folder, NAME, ports)
    try:
        yield Client(cluster=cluster, folder=folder, script=_script(folder))
    finally:
        stop(running.process)


def _script(folder: Path) -> ModuleType:
    """The image's program, with paths below ``folder``."""
    loader = SourceFileLoader("fetch_introduction", str(SCRIPT))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.dont_write_bytecode", True)
        loader.exec_module(module)
    for name, path in {
        "INTRODUCTION": folder / "introduction.json",
        "CLIENT": folder / "nomad.d" / "client.json",
        "NOMADS_TOKEN": folder / "nomad.d" / "introduced.json",
        "INTRO_TOKEN": folder / "nomad-client-data" / "client" / "intro_token.jwt",
    }.items():
        setattr(module, name, path)
    return module


def fetch(client: Client) -> bool:
    """One look, as the program's loop takes it."""
    introduction = json.loads(client.script.INTRODUCTION.read_text())
    return bool(client.script.fetch(introduction, json.loads(client.script.CLIENT.read_text())["consul"]))


def has_key(cluster: RealCluster) -> bool:
    """Whether the introduction is in Consul still; that of another client does not count."""
    api = cluster.clients.consul(LOOPBACK)
    assert not api.has_key(f"bakery/introduction/{NAME[:-1]}"), "a key that others begin with"
    return api.has_key(f"bakery/introduction/{NAME}")


def registered(cluster: RealCluster) -> NomadNode | Pending:
    """The client, once it is ready and has registered itself in Consul, for which it needs the other token."""
    if not consul(cluster).call("GET", "/v1/catalog/service/nomad-client").value:
        return Pending("Consul has no service nomad-client")
    for node in cluster.clients.nomad(LOOPBACK).nodes():
        if node.name == NAME and node.status == "ready" and node.consul_version:
            return node
    return Pending("Nomad lists no such client")


@pytest.fixture(scope="module")
def introduced(cluster: RealCluster, client: Client) -> dict[str, str]:
    """The claims of the client's introduction, once the launch has made it and the client has fetched it."""
    assert not fetch(client), "there is nothing before the launch"
    ensure(cluster)
    assert has_key(cluster)
    assert client.script.main() == 0
    assert not has_key(cluster)
    return claims_of(client.token.read_text())


def claims_of(token: str) -> dict[str, str]:
    """What Nomad has signed."""
    _, claims, _ = token.split(".")
    found: dict[str, str] = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    return found


def unnamed_node() -> dict[str, Any]:
    """A client that exists nowhere, for Node.Register. Nomad gives an identity to one whose version has them."""
    made = random_token()
    return {
        "ID": made.accessor,
        "SecretID": made.secret,
        "Datacenter": "demo",
        "Attributes": {"kernel.name": "linux", "nomad.version": NOMAD_VERSION},
        "Status": "initializing",
    }


def test_the_introduction_is_for_this_client_and_for_half_an_hour(introduced: dict[str, str]) -> None:
    assert (introduced["nomad_node_name"], introduced["nomad_node_pool"]) == (NAME, "default")
    assert int(introduced["exp"]) - int(introduced["iat"]) == 30 * 60


@pytest.mark.usefixtures("introduced")
def test_the_client_has_deleted_it_in_consul_and_only_root_reads_its_files(
    cluster: RealCluster, client: Client
) -> None:
    assert consul(cluster).call("GET", KEY, accept=frozenset({404})).status == 404
    assert {oct(file.stat().st_mode)[-3:] for file in (client.token, client.nomads_token)} == {"600"}
    assert not fetch(client)
    assert client.script.main() == 0, "a later start does not wait"


@pytest.mark.usefixtures("introduced")
def test_the_servers_register_a_client_with_it_and_under_that_name_only(
    cluster: RealCluster, client: Client
) -> None:
    thief, token = thief_of(cluster, Kind.NOMAD_CLIENT), client.token.read_text()
    node = unnamed_node()
    for name, auth in (("demo-nomad-client-9", ""), (NAME, ""), ("demo-nomad-client-9", token)):
        with pytest.raises(RpcError, match="Permission denied"):
            thief.rpc("Node.Register", {"Node": {**node, "Name": name}, "AuthToken": auth})
    assert cluster.clients.nomad(LOOPBACK).nodes() == ()
    assert thief.rpc("Node.Register", {"Node": {**node, "Name": NAME}, "AuthToken": token})["HeartbeatTTL"]
    cluster.clients.nomad(LOOPBACK).purge(node["ID"])


@pytest.mark.usefixtures("introduced")
def test_a_thief_who_fetched_it_first_comes_back_after_a_purge_under_any_name(
    cluster: RealCluster, client: Client
) -> None:
    """docs/weaknesses.md says it. Nomad gives a registered client an identity for a day, with no name in it."""
    thief, api = thief_of(cluster, Kind.NOMAD_CLIENT), cluster.clients.nomad(LOOPBACK)
    node = unnamed_node()
    request = {"Node": {**node, "Name": NAME}, "AuthToken": client.token.read_text()}
    identity = thief.rpc("Node.Register", request)["SignedIdentity"]
    lasts = claims_of(identity)
    assert int(lasts["exp"]) - int(lasts["iat"]) == 24 * 60 * 60
    api.purge(node["ID"])
    with pytest.raises(RpcError, match="Permission denied"):
        thief.rpc("Node.Register", {"Node": {**unnamed_node(), "Name": NAME}, "AuthToken": identity})
    thief.rpc("Node.Register", {"Node": {**node, "Name": "other"}, "AuthToken": identity})
    assert [one.name for one in api.nodes()] == ["other"]
    api.purge(node["ID"])


@pytest.mark.usefixtures("introduced")
def test_the_client_registers_registers_again_after_a_restart_and_its_user_data_is_worth_nothing(
    cluster: RealCluster, client: Client
) -> None:
    with client.running():
        first = eventually(lambda: registered(cluster), "the client")
    client.token.unlink()
    with client.running() as log:
        eventually(
            lambda: "node registration complete" in log.read_text() or Pending(log.read_text()[-300:]),
            "the client to register again",
        )
        again = eventually(lambda: registered(cluster), "the client")
    assert again.id == first.id
    ensure(cluster)
    assert list_introductions(cluster.clients.consul(LOOPBACK), cluster.plan, cluster.bundle) == ()
    secret = introduction_token(cluster.bundle, NAME).secret
    for method in ("GET", "PUT", "DELETE"):
        reply = consul(cluster, secret).call(method, KEY, {} if method == "PUT" else None, accept=frozenset({403}))
        assert reply.status == 403


@pytest.mark.usefixtures("introduced")
def test_the_thief_of_its_user_data_touches_no_service(cluster: RealCluster) -> None:
    """Control: with the token that user-data holds in a cluster that only warns (``test_thief_real.py``)."""
    body = {
        "Node": "demo-server-1",
        "SkipNodeUpdate": True,
        "Service": {"Service": "web", "ID": "web-1", "Port": 6666},
    }
    register, deregister = "/v1/catalog/register", "/v1/catalog/deregister"
    thief = thief_of(cluster, Kind.NOMAD_CLIENT, introduced=True)
    assert not thief.consul("PUT", register, body)
    consul(cluster).call("PUT", register, body)
    assert not thief.consul("PUT", deregister, {"Node": "demo-server-1", "ServiceID": "web-1"})
    control = thief_of(cluster, Kind.NOMAD_CLIENT)
    assert control.consul("PUT", register, body)
    assert control.consul("PUT", deregister, {"Node": "demo-server-1", "ServiceID": "web-1"})


def test_an_operator_introduces_a_client_by_hand(cluster: RealCluster) -> None:
    """What bakery tells those who make clients by hand: the same call, by ``nomad node intro create``."""
    api: AgentHttp = nomad(cluster)
    made = api.call("PUT", "/v1/acl/identity/client-introduction-token", {"NodeName": "by-hand"}).value["JWT"]
    assert made.count(".") == 2
