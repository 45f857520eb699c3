"""wait-for-servers, which lets a Nomad client start at the right moment, against real Consul and Nomad servers."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bakery.config.model import Kind
from bakery.credentials.issue import issue_for_node
from bakery.launch.acl.ensure import AclRequest, ensure_acls
from bakery.wait import Pending, wait_until
from tests.helpers.node_scripts import load_script
from tests.helpers.real_agents import CLIENT, LOOPBACK, SERVER, RealCluster, running_cluster, write_tls

pytestmark = pytest.mark.integration

SECONDS = 60.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    with running_cluster(tmp_path_factory.mktemp("wait")) as running:
        yield running


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModuleType]:
    module = load_script("wait-for-servers", monkeypatch)
    monkeypatch.setattr(module, "CONFIG", tmp_path / "client.json")
    monkeypatch.setattr(module, "STATE", tmp_path / "state.db")
    yield module
    for connection in module.CONNECTIONS.values():
        connection.close()


def client_config(cluster: RealCluster) -> dict[str, Any]:
    """What a client's configuration says of its servers, with a client's leaf."""
    mine = issue_for_node(
        cluster.bundle, name="demo-nomad-client-1", kind=Kind.NOMAD_CLIENT, now=datetime.now(UTC)
    )
    assert mine.nomad is not None
    tls = write_tls(cluster.folder / "client-tls", mine.nomad_ca, mine.nomad)
    server = json.loads((cluster.folder / "nomad.json").read_text())
    return {
        "region": "global",
        "client": {"server_join": {"retry_join": ["127.0.0.99", LOOPBACK]}},
        "tls": {"ca_file": str(tls.ca), "cert_file": str(tls.certificate), "key_file": str(tls.key)},
        "consul": server["consul"],
    }


def answers(ready: Any, config: dict[str, Any], script: ModuleType) -> bool:  # noqa: ANN401 - a script has no types
    """One look, as the script's own loop takes it."""
    return bool(script.wait(lambda: ready(config), end=0.0))


def wait_for_nomad(
    cluster: RealCluster, script: ModuleType, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the script finds the server ready, at the port that it has here."""
    monkeypatch.setattr(script, "NOMAD_PORT", cluster.nomad_port)
    wait_until(
        lambda: True if answers(script.nomad_ready, config, script) else Pending("no leader with keys"),
        what="the Nomad server",
        seconds=SECONDS,
        every=0.3,
    )


def test_each_is_ready_when_it_can_take_a_client(
    cluster: RealCluster, script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = client_config(cluster)
    wait_for_nomad(cluster, script, config, monkeypatch)
    assert not answers(script.consul_ready, config, script), "Consul does not know Nomad's token yet"
    request = AclRequest(
        plan=cluster.plan,
        roles=(SERVER, CLIENT),
        rendered=frozenset({CLIENT.name}),
        bundle=cluster.bundle,
        droplets=(),
        consul_servers=(LOOPBACK,),
        nomad_servers=(LOOPBACK,),
    )
    ensure_acls(request, cluster.clients, seconds=SECONDS)
    assert answers(script.consul_ready, config, script)


def test_a_consul_without_a_leader_is_not_asked_for_more(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its agent would hold that request for seconds, also when there is a leader again."""
    config = {"consul": {"address": "127.0.0.1:8501", "token": "t"}}
    asked: list[str] = []
    answered: dict[str, Any] = {"/v1/status/leader": "", "/v1/agent/self": {"Config": {}}}

    def get(host: str, port: int, path: str, **_: object) -> Any:  # noqa: ANN401 - JSON
        asked.append(path)
        return answered[path]

    monkeypatch.setattr(script, "get", get)
    assert not script.consul_ready(config)
    assert asked == ["/v1/status/leader"]
    answered["/v1/status/leader"] = "10.100.0.2:8300"
    assert script.consul_ready(config)


def test_a_server_without_keys_is_not_ready(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its election and its first key a leader refuses registrations (nomad/encrypter.go)."""
    config = {"region": "global", "client": {"server_join": {"retry_join": ["10.100.0.5"]}}, "tls": {}}
    for found, ready in (({"keys": []}, False), (None, False), ({"keys": [{"kid": "1"}]}, True)):
        monkeypatch.setattr(script, "get", lambda *_, found=found, **__: found)
        assert script.nomad_ready(config) is ready


def test_only_the_cluster_s_own_server_counts(
    cluster: RealCluster, script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = client_config(cluster)
    wait_for_nomad(cluster, script, config, monkeypatch)
    assert not answers(script.nomad_ready, config | {"region": "elsewhere"}, script)


def test_a_look_does_not_read_the_cas_of_the_system(
    cluster: RealCluster, script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take 50 ms of CPU, four times a second, while the other droplets boot."""

    def read(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(script.ssl.SSLContext, "load_default_certs", read)
    config = client_config(cluster)
    wait_for_nomad(cluster, script, config, monkeypatch)
    with pytest.raises(AssertionError):  # control: a context of its own reads them
        script.ssl.create_default_context()


def test_polls_share_a_connection_to_each_server(
    cluster: RealCluster, script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handshake takes several times the CPU of a request."""
    config = client_config(cluster)
    wait_for_nomad(cluster, script, config, monkeypatch)
    opened: list[object] = []
    connect = script.socket.create_connection

    def counted(address: object, **options: Any) -> object:  # noqa: ANN401 - of a script
        opened.append(address)
        return connect(address, **options)

    monkeypatch.setattr(script.socket, "create_connection", counted)
    for _ in range(4):
        assert answers(script.nomad_ready, config, script)
    assert (LOOPBACK, cluster.nomad_port) not in opened
    script.CONNECTIONS[LOOPBACK, cluster.nomad_port, "server.global.nomad"].close()
    assert answers(script.nomad_ready, config, script), "a connection that was closed is opened again"
    assert (LOOPBACK, cluster.nomad_port) in opened


def test_without_addresses_the_servers_are_found_in_consul(
    cluster: RealCluster, script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The servers of a first launch are created with the clients, whose configuration names none."""
    config = client_config(cluster) | {"client": {}}
    wait_for_nomad(cluster, script, config, monkeypatch)
    assert script.nomad_servers(config) == [LOOPBACK]


def test_servers_that_are_not_in_consul_yet_are_not_ready(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "get", lambda *_, **__: [])
    consul = {"address": "127.0.0.1:8501", "token": "t"}
    config = {"region": "global", "client": {}, "tls": {}, "consul": consul}
    assert not script.nomad_ready(config)
    assert script.nomad_ready(config | {"server": {"enabled": True}}), "it asks itself"


def test_nothing_keeps_nomad_from_starting(
    cluster: RealCluster, script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = client_config(cluster)
    config["consul"] |= {"address": "127.0.0.99:8501"}
    script.CONFIG.write_text(json.dumps(config))
    monkeypatch.setattr(script, "FIRST_LIMIT", 0.0)

    assert script.main() == 0
    assert capsys.readouterr().err == "Consul's agent is not ready; Nomad starts anyway\n"


def test_a_later_start_waits_less(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    script.CONFIG.write_text("{}")
    ends: list[float] = []

    def give_up(_: object, end: float) -> bool:
        ends.append(end)
        return False

    monkeypatch.setattr(script, "wait", give_up)
    monkeypatch.setattr(script.time, "monotonic", lambda: 1000.0)
    script.main()
    script.STATE.write_text("")
    script.main()
    assert ends == [1060.0, 1010.0]
