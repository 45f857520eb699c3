"""The service mesh with real agents and Envoy: certificates, intentions, two sidecars; and a gateway's entry."""

import json
import socket
import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from bakery.agents.transport import AgentHttp
from bakery.launch.acl.ensure import AclOutcome
from bakery.proc import run, start
from bakery.wait import Pending
from tests.helpers.envoy import envoy_program
from tests.helpers.file_server import served
from tests.helpers.real_agents import LOOPBACK, RealCluster, free_ports, running_cluster, stop, write_json
from tests.helpers.real_client import running_client
from tests.helpers.real_jobs import (
    allocation_of,
    consul,
    ensure,
    eventually,
    file_of,
    nomad,
    run_job,
    stop_jobs,
    wait_ready,
)
from tests.helpers.tools import require_tool

pytestmark = pytest.mark.integration

REFUSED = frozenset({403})
LEAF = "/v1/agent/connect/ca/leaf"
REGISTER = "/v1/agent/service/register"
INTENTION = "/v1/connect/intentions/exact?source=web&destination=api"
NATIVE = """
job "NAME" {
  group "g" {
    network {
      port "http" {}
    }
    service {
      name = "NAME"
      port = "http"
      connect {
        native = true
      }
    }
    task "t" {
      driver = "exec"
      consul {}
      config {
        command = "/bin/sleep"
        args    = ["600"]
      }
    }
  }
}
"""
# Nothing runs it: docker is not here. The server writes its entry when it takes the job.
GATEWAY = """
job "NAME" {
  group "g" {
    network {
      mode = "bridge"
    }
    service {
      name = "NAME"
      port = "8080"
      connect {
        gateway {
          ingress {
            listener {
              port     = 8080
              protocol = "tcp"
              service {
                name = "web"
              }
            }
          }
        }
      }
    }
  }
}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    with running_cluster(tmp_path_factory.mktemp("mesh"), mesh=True) as running, ExitStack() as stack:
        eventually(lambda: running.clients.nomad(LOOPBACK).leader() or Pending("no leader"), "Nomad's leader")
        ensure(running)
        stack.enter_context(running_client(running))
        wait_ready(running)
        try:
            yield running
        finally:
            stop_jobs(running)


@pytest.fixture(scope="module")
def tokens(cluster: RealCluster) -> dict[str, str]:
    """The tokens that Nomad gives the native services web and api, and one that every task may have."""
    for name in ("web", "api"):
        run_job(cluster, NATIVE.replace("NAME", name))
    running = {name: allocation_of(cluster, name, "running")["ID"] for name in ("web", "api")}
    found = {name: file_of(cluster, identifier, "t/secrets/si_token") for name, identifier in running.items()}
    return found | {"task": file_of(cluster, running["web"], "t/secrets/consul_token")}


def leaf(api: AgentHttp, service: str) -> dict[str, Any]:
    found: dict[str, Any] = api.call("GET", f"{LEAF}/{service}").value
    return found


def test_nomad_sees_that_sidecars_may_come(cluster: RealCluster) -> None:
    """The constraints that Nomad adds to a job with a sidecar: consul.grpc above 0."""

    def attributes() -> dict[str, str] | Pending:
        (node,) = nomad(cluster).call("GET", "/v1/nodes").value
        found: dict[str, str] = nomad(cluster).call("GET", f"/v1/node/{node['ID']}").value["Attributes"]
        return found if "consul.grpc" in found else Pending("Consul's port is not known")

    found = eventually(attributes, "the attributes of the mesh")
    assert (found["consul.grpc"], found["consul.connect"]) == (str(cluster.grpc_port), "true")


def test_a_service_gets_a_certificate_of_the_clusters_own_authority(
    cluster: RealCluster, tokens: dict[str, str], tmp_path: Path
) -> None:
    api = consul(cluster, tokens["web"])
    mine = leaf(api, "web")
    roots = api.call("GET", "/v1/agent/connect/ca/roots").value
    (root,) = [each["RootCert"] for each in roots["Roots"] if each["Active"]]
    certificate = x509.load_pem_x509_certificate(mine["CertPEM"].encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uri = f"spiffe://{roots['TrustDomain']}/ns/default/dc/demo/svc/web"
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [uri]
    for name, content in (("root", root), ("leaf", mine["CertPEM"]), ("other", cluster.credentials.consul_ca)):
        (tmp_path / name).write_text(content)

    def verified(ca: str) -> int:
        argv = ["openssl", "verify", "-CAfile", str(tmp_path / ca), "-untrusted", str(tmp_path / "leaf")]
        return run([*argv, str(tmp_path / "leaf")], check=False).returncode

    assert verified("root") == 0
    assert verified("other") != 0, "control: the agents' own CA did not sign it"


def test_nothing_gets_a_certificate_for_another_service(cluster: RealCluster, tokens: dict[str, str]) -> None:
    """Control: the operator."""
    for token in (*tokens.values(), ""):
        assert consul(cluster, token).call("GET", f"{LEAF}/other", accept=REFUSED).status == 403
    assert consul(cluster).call("GET", f"{LEAF}/other").status == 200


def test_what_the_agent_has_it_gives_to_everyone_with_a_certificate(
    cluster: RealCluster, tokens: dict[str, str]
) -> None:
    """Consul keeps leaves without the token that asked for them (agent/leafcert/structs.go, Key, in 1.22.5).

    So no task may have a certificate for Consul's API: docs/weaknesses.md says it, and a native task gets none.
    """
    private = leaf(consul(cluster, tokens["web"]), "web")["PrivateKeyPEM"]
    assert leaf(consul(cluster, ""), "web")["PrivateKeyPEM"] == private


def test_services_meet_only_where_an_intention_allows_it(cluster: RealCluster, tokens: dict[str, str]) -> None:
    """The default is to deny, as that of the ACLs. Services write no intention."""
    source = leaf(consul(cluster, tokens["web"]), "web")
    question = {"Target": "api", "ClientCertURI": source["ServiceURI"], "ClientCertSerial": source["SerialNumber"]}
    check = "/v1/connect/intentions/check?source=web&destination=api"

    def reason(*, authorized: bool) -> str:
        def ask() -> str | Pending:
            said = consul(cluster, tokens["api"]).call("POST", "/v1/agent/connect/authorize", question).value
            return str(said["Reason"]) if said["Authorized"] is authorized else Pending(said["Reason"])

        return eventually(ask, f"the answer {authorized}")

    assert reason(authorized=False) == "Default behavior configured by ACLs"
    for name in ("web", "api", "task"):
        refused = consul(cluster, tokens[name]).call("PUT", INTENTION, {"Action": "allow"}, accept=REFUSED)
        assert refused.status == 403
    for action, allowed in (("allow", True), ("deny", False)):
        assert consul(cluster).call("PUT", INTENTION, {"Action": action}).status == 200
        assert consul(cluster).call("GET", check).value == {"Allowed": allowed}
        if allowed:
            assert "web => default/api" in reason(authorized=True)
    assert consul(cluster).call("DELETE", INTENTION).status == 200
    assert consul(cluster).call("GET", check).value == {"Allowed": False}


@dataclass(frozen=True, kw_only=True)
class Sidecars:
    """A service api with a sidecar, and the ports of the sidecar of the service web."""

    upstream: int
    """Leads to api."""
    admin: int
    """Envoy's own."""
    logs: tuple[Path, Path]

    def ask(self) -> str | Pending:
        """What api says to web; nothing while their sidecars refuse."""
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.upstream}/", timeout=10) as answer:
                return str(answer.read().decode())
        except OSError as error:
            return Pending(f"{error}\n" + "\n".join(log.read_text()[-1000:] for log in self.logs))


@pytest.fixture(scope="module")
def sidecars(
    cluster: RealCluster, tokens: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sidecars]:
    """Registered and started as Nomad does it (client/allocrunner/taskrunner/envoy_bootstrap_hook.go)."""
    folder = tmp_path_factory.mktemp("envoy")
    ports = free_ports()
    upstream, serving = ports["nomad_http"], ports["nomad_rpc"]
    leads = {"Upstreams": [{"DestinationName": "api", "LocalBindPort": upstream}]}
    registrations = {
        "web": {
            "Name": "web",
            "Port": 1,
            "Connect": {"SidecarService": {"Port": ports["consul_grpc"], "Proxy": leads}},
        },
        "api": {"Name": "api", "Port": serving, "Connect": {"SidecarService": {"Port": ports["consul_rpc"]}}},
    }
    admin = {"web": ports["nomad_serf"], "api": ports["consul_serf"]}
    logs = (folder / "web.log", folder / "api.log")
    with ExitStack() as stack:
        for name, log in zip(registrations, logs, strict=True):
            body = registrations[name] | {"ID": f"by-hand-{name}", "Address": LOOPBACK}
            assert consul(cluster, tokens[name]).call("PUT", REGISTER, body).status == 200
            stack.callback(consul(cluster).call, "PUT", f"/v1/agent/service/deregister/by-hand-{name}")
            configuration = folder / f"{name}.json"
            write_json(configuration, bootstrap(cluster, tokens[name], name, admin[name]))
            argv: list[str | Path] = [
                envoy_program(),
                "-c",
                configuration,
                "--concurrency",
                "1",
                "--disable-hot-restart",
            ]
            stack.callback(stop, start(argv, output=log))
        stack.enter_context(served(LOOPBACK, {"": b"hello from api"}, port=serving))
        yield Sidecars(upstream=upstream, logs=logs, admin=admin["web"])


def test_a_sidecar_is_registered_with_the_token_of_its_service_only(
    cluster: RealCluster, tokens: dict[str, str]
) -> None:
    """Control: the fixture ``sidecars`` registers both."""
    service = {"Name": "web", "ID": "by-hand", "Port": 4711, "Connect": {"SidecarService": {}}}
    for token in (tokens["api"], tokens["task"]):
        assert consul(cluster, token).call("PUT", REGISTER, service, accept=REFUSED).status == 403


def test_sidecars_lead_to_a_service_only_while_an_intention_allows_it(
    cluster: RealCluster, sidecars: Sidecars
) -> None:
    def refused() -> bool | Pending:
        said = sidecars.ask()
        return True if isinstance(said, Pending) else Pending(said)

    assert consul(cluster).call("PUT", INTENTION, {"Action": "allow"}).status == 200
    assert eventually(sidecars.ask, "an answer through both sidecars") == "hello from api"
    for change in (("PUT", {"Action": "deny"}), ("DELETE", None)):
        assert consul(cluster).call(change[0], INTENTION, change[1]).status == 200
        assert eventually(refused, "the sidecars to refuse")
        assert consul(cluster).call("PUT", INTENTION, {"Action": "allow"}).status == 200
        assert eventually(sidecars.ask, "an answer again") == "hello from api"
    assert consul(cluster).call("DELETE", INTENTION).status == 200


def test_what_a_sidecar_begins_with(cluster: RealCluster, sidecars: Sidecars, tokens: dict[str, str]) -> None:
    found = bootstrap(cluster, tokens["web"], "web", 1)
    (agent,) = [each for each in found["static_resources"]["clusters"] if each["name"] == "local_agent"]
    (endpoint,) = agent["loadAssignment"]["endpoints"][0]["lbEndpoints"]
    address = endpoint["endpoint"]["address"]["socket_address"]
    assert (address["address"], address["port_value"]) == (LOOPBACK, cluster.grpc_port)
    (ca,) = _values(agent["transport_socket"], "inline_string")
    assert ca.strip() == cluster.credentials.consul_ca.strip()
    assert tokens["web"] in json.dumps(found["dynamic_resources"])


def test_a_sidecars_admin_port_shows_its_token(sidecars: Sidecars, tokens: dict[str, str]) -> None:
    """docs/weaknesses.md says so. Nomad opens this port to every task of the group, at 127.0.0.2 (v1.11.3,
    client/allocrunner/taskrunner/envoy_bootstrap_hook.go)."""

    def dump() -> str | Pending:
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{sidecars.admin}/config_dump", timeout=5) as reply:
                text: str = reply.read().decode()
        except OSError as error:
            return Pending(str(error))
        return text

    text = eventually(dump, "Envoy's configuration")
    assert tokens["web"] in text
    assert tokens["api"] not in text, "control: another service's is not there"


def bootstrap(cluster: RealCluster, token: str, service: str, admin: int) -> dict[str, Any]:
    """What ``consul connect envoy`` prints. It asks the agent about the sidecar, with this token."""
    tls = cluster.consul_tls
    argv: list[str | Path] = [
        require_tool("consul"), "connect", "envoy", "-bootstrap", f"-proxy-id=by-hand-{service}-sidecar-proxy",
        f"-http-addr=https://{LOOPBACK}:{cluster.consul_port}", "-tls-server-name=server.demo.consul",
        f"-ca-file={tls.ca}", f"-client-cert={tls.certificate}", f"-client-key={tls.key}",
        f"-grpc-addr=https://{LOOPBACK}:{cluster.grpc_port}", f"-grpc-ca-file={tls.ca}",
        f"-admin-bind={LOOPBACK}:{admin}",
    ]  # fmt: skip
    done = run(argv, env={"CONSUL_HTTP_TOKEN": token}, secrets=(token,))
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _values(tree: Any, key: str) -> list[str]:  # noqa: ANN401 - JSON
    """Every value of ``key`` in a JSON document."""
    if isinstance(tree, list):
        return [found for each in tree for found in _values(each, key)]
    if not isinstance(tree, dict):
        return []
    return [found for name, value in tree.items() for found in ([value] if name == key else _values(value, key))]


def test_only_the_sidecars_port_wants_no_certificate(cluster: RealCluster) -> None:
    """Control: Consul's API wants one."""
    assert first_byte(cluster, cluster.grpc_port) == b"\0"  # of a SETTINGS frame (RFC 9113, 3.4 and 4.1)
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
        first_byte(cluster, cluster.consul_port)


def first_byte(cluster: RealCluster, port: int) -> bytes:
    context = ssl.create_default_context(cafile=cluster.consul_tls.ca)
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((LOOPBACK, port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="server.demo.consul") as secure,
    ):
        secure.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        return secure.recv(1)


def test_nomads_servers_write_the_entry_of_a_gateway_only_with_the_mesh(cluster: RealCluster) -> None:
    """The second half is the control, and the way back: a launch without mesh takes the right away."""
    assert submit_gateway(cluster, "gate") == ""
    assert consul(cluster).call("GET", "/v1/config/ingress-gateway/gate").value["Name"] == "gate"
    assert ensure(replace(cluster, mesh=False)).tokens_written == 1
    try:
        assert "Permission denied" in submit_gateway(cluster, "gate-2")
    finally:
        assert ensure(cluster).tokens_written == 1
    assert submit_gateway(cluster, "gate-2") == ""


def submit_gateway(cluster: RealCluster, name: str) -> str:
    """Why Nomad refused the job; empty if it took it."""
    parsed = nomad(cluster).call("POST", "/v1/jobs/parse", {"JobHCL": GATEWAY.replace("NAME", name)}).value
    return nomad(cluster).call("POST", "/v1/jobs", {"Job": parsed}, accept=frozenset({500})).error_text


def test_the_second_time_nothing_is_written(cluster: RealCluster) -> None:
    assert ensure(cluster) == AclOutcome(policies_written=0, tokens_written=0)
