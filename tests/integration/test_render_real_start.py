"""Real agents start from rendered configuration, elect leaders and find each other, on two hosts of a VPC."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bakery.assets import PACKER
from bakery.config.model import ContainerLogs, Docker, HostVolume, Kind, OpenPort, Registry, RoleSettings
from bakery.credentials.issue import issue_for_node
from bakery.credentials.store import create_bundle
from bakery.plan.model import Wave
from bakery.render.model import Join
from bakery.render.user_data import render_node
from bakery.wait import Pending, wait_until
from tests.helpers.clusters import REGISTRY_LOGIN, make_node, make_plan
from tests.helpers.lan import Lan
from tests.helpers.rendered import write_below
from tests.helpers.tools import require_tool

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

PEERS_PROGRAM = PACKER / "files/usr/local/lib/bakery/consul-peers"
REGISTRY = Registry(host=REGISTRY_LOGIN.host, username="", username_env="", password_env="", password_file="")
SERVER = make_node(Kind.SERVER, 1, wave=Wave.FIRST_SERVER)
CLIENT = replace(
    make_node(Kind.NOMAD_CLIENT, 1),
    settings=RoleSettings(
        ports=(OpenPort(number=80, protocol="tcp", vpc=False, networks=("0.0.0.0/0", "::/0")),),
        meta=(("rack", "a1"),),
        node_class="fast",
        host_volumes=(HostVolume(name="journal", path="/var/log", read_only=True),),
        nomad={"client": {"gc_max_allocs": 7}},
    ),
)
# Runs consul-peers as the timer does, with the node's folders moved.
RUN_PEERS = """
import pathlib, runpy, sys
program = runpy.run_path(sys.argv[1])
root = pathlib.Path(sys.argv[2])
program["main"].__globals__.update(TLS=root / "etc/consul.d/tls", PEERS=root / "peers/consul.json")
sys.exit(program["main"]())
"""

# The task ends at once: the addresses of its ports are decided when it is placed.
PUBLIC_JOB = """
job "public" {
  type = "batch"
  group "g" {
    network {
      port "http" {
        static       = 80
        host_network = "public"
      }
      port "inside" {
        static = 8080
      }
    }
    constraint {
      attribute = "${meta.rack}"
      value     = "a1"
    }
    task "t" {
      driver = "exec"
      config {
        command = "/bin/true"
      }
    }
  }
}
"""

HANDSHAKE = """
import socket, ssl, sys
port, ca, *own = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
if own:
    context.load_cert_chain(*own)
try:
    with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            if own:
                secure.sendall(b"GET /v1/status/leader HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n")
            print("answered" if secure.recv(1) else "closed")
except ssl.SSLError as error:
    print(error.reason)
"""

# One byte of an HTTP/2 server's settings, from Consul's gRPC, or the reason why there is none.
SETTINGS = """
import socket, ssl, sys
address, ca = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.set_alpn_protocols(["h2"])
try:
    with socket.create_connection((address, 8503), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            secure.sendall(b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n\\0\\0\\0\\4\\0\\0\\0\\0\\0")
            print("answered" if secure.recv(1) else "closed")
except ConnectionRefusedError:
    print("nobody listens")
except ssl.SSLError as error:
    print(error.reason)
"""


class Cluster:
    """Host 0 is a combined server, host 1 a Nomad client's Consul agent; ``tokens`` are bootstrapped."""

    def __init__(self, lan: Lan, root: Path) -> None:
        self.lan = lan
        self.roots = [root / "server", root / "client"]
        self.consul = require_tool("consul")
        self.nomad = require_tool("nomad")
        self._write()

    def _write(self) -> None:
        now = datetime.now(UTC)
        bundle = create_bundle("demo", now=now)
        plan = replace(
            make_plan(consul=1, nomad=1),
            docker=Docker(registries=(REGISTRY,), logs=ContainerLogs(max_size="10m", max_files=3)),
            mesh=True,
        )
        first = Join(consul=(), nomad=(), forms_consul=True, forms_nomad=True)
        joins = [first, Join(consul=self.lan.addresses[:1], nomad=self.lan.addresses[:1])]
        for root, node, join in zip(self.roots, [SERVER, CLIENT], joins, strict=True):
            credentials = issue_for_node(bundle, name=node.name, kind=node.kind, now=now, mesh=True)
            credentials = replace(credentials, registries=(REGISTRY_LOGIN,))
            write_below(root, render_node(plan, node, credentials, join))
            for folder in ("opt/consul", "opt/nomad", "peers"):
                (root / folder).mkdir(parents=True)

    def start_consul(self, host: int) -> None:
        root = self.roots[host]
        folders = [f"-config-dir={root}/etc/consul.d", f"-config-dir={root}/peers"]
        self.lan.start(host, f"consul-{host}", [self.consul, "agent", *folders])

    def start_nomad_server(self) -> None:
        self.lan.start(0, "nomad-0", [self.nomad, "agent", f"-config={self.roots[0]}/etc/nomad.d"])

    def start_nomad_client(self) -> None:
        self.lan.start(1, "nomad-1", [self.nomad, "agent", f"-config={self.roots[1]}/etc/nomad.d"])

    def consul_env(self, host: int) -> dict[str, str]:
        tls = self.roots[host] / "etc/consul.d/tls"
        return {
            "CONSUL_HTTP_ADDR": "https://127.0.0.1:8501",
            "CONSUL_CACERT": f"{tls}/ca.pem",
            "CONSUL_CLIENT_CERT": f"{tls}/agent.pem",
            "CONSUL_CLIENT_KEY": f"{tls}/agent-key.pem",
        }

    def nomad_env(self) -> dict[str, str]:
        tls = self.roots[0] / "etc/nomad.d/tls"
        return {
            "NOMAD_ADDR": "https://127.0.0.1:4646",
            "NOMAD_CACERT": f"{tls}/ca.pem",
            "NOMAD_CLIENT_CERT": f"{tls}/agent.pem",
            "NOMAD_CLIENT_KEY": f"{tls}/agent-key.pem",
        }

    def peers(self, host: int) -> tuple[int, dict[str, list[str]] | None]:
        """Run consul-peers there; its exit code and what it has written."""
        done = self.lan.run(host, [sys.executable, "-c", RUN_PEERS, str(PEERS_PROGRAM), str(self.roots[host])])
        file = self.roots[host] / "peers/consul.json"
        return done.returncode, json.loads(file.read_text()) if file.exists() else None


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("lan")
    lan = Lan(folder)
    try:
        cluster = Cluster(lan, folder)
        cluster.start_consul(0)
        cluster.start_nomad_server()
        yield cluster
    finally:
        lan.close()


@pytest.fixture(scope="module")
def consul_token(cluster: Cluster) -> str:
    """Consul's management token: to get it, the server must have elected itself."""

    def bootstrap() -> str | Pending:
        env = cluster.consul_env(0)
        done = cluster.lan.run(0, [cluster.consul, "acl", "bootstrap", "-format=json"], env=env)
        return str(json.loads(done.stdout)["SecretID"]) if done.returncode == 0 else Pending(done.stderr)

    return wait_until(bootstrap, what="Consul's leader", seconds=60, every=0.5)


def members(cluster: Cluster, token: str) -> dict[str, str]:
    env = cluster.consul_env(0) | {"CONSUL_HTTP_TOKEN": token}
    done = cluster.lan.run(0, [cluster.consul, "members"], env=env)
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    return {row[0]: f"{row[1]} {row[2]}" for row in rows}


@pytest.fixture(scope="module")
def consul_members(cluster: Cluster, consul_token: str) -> dict[str, str]:
    """What each of Consul's two members is, once the client's agent has joined."""
    cluster.start_consul(1)

    def both() -> dict[str, str] | Pending:
        found = members(cluster, consul_token)
        alive = [name for name, state in found.items() if state.endswith(" alive")]
        return found if len(alive) == 2 else Pending(f"{found}\n{cluster.lan.log('consul-1')[-2000:]}")

    return wait_until(both, what="two members", seconds=60, every=0.5)


def test_a_client_finds_its_server(consul_members: dict[str, str]) -> None:
    assert consul_members == {
        "demo-server-1": "10.100.0.5:8301 alive",
        "demo-nomad-client-1": "10.100.0.6:8301 alive",
    }


# What Consul answers to a PUT.
PUT = """
import json, ssl, sys, urllib.error, urllib.request
path, token, ca, *own = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(*own)
asked = urllib.request.Request(
    f"https://localhost:8501{path}", b"[]", {"X-Consul-Token": token}, method="PUT"
)
try:
    with urllib.request.urlopen(asked, context=context, timeout=20) as reply:
        print(reply.status)
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
"""


@pytest.mark.usefixtures("consul_members")
@pytest.mark.parametrize("host", [0, 1])
def test_no_agent_takes_transactions(cluster: Cluster, consul_token: str, host: int) -> None:
    """With a certificate alone they delete and register services: test_thief_real.py. Control: another path."""
    tls = cluster.roots[host] / "etc/consul.d/tls"
    files = [str(tls / name) for name in ("ca.pem", "agent.pem", "agent-key.pem")]

    def put(path: str) -> str:
        return cluster.lan.run(host, [sys.executable, "-c", PUT, path, consul_token, *files]).stdout.strip()

    for path in ("/v1/txn", "/v1/coordinate/update", "/v1/query"):
        assert put(path) == "403 Endpoint is blocked by agent configuration", path
    assert put("/v1/kv/apps/x") == "200"


@pytest.mark.usefixtures("consul_members")
def test_the_live_servers_are_noted_for_the_next_start(cluster: Cluster) -> None:
    def noted() -> dict[str, list[str]] | Pending:
        code, written = cluster.peers(1)
        assert code == 0
        return written or Pending("nothing is written")

    assert wait_until(noted, what="the client's list", seconds=60) == {"retry_join": ["10.100.0.5"]}


def test_a_server_does_not_note_itself(cluster: Cluster, consul_token: str) -> None:
    assert cluster.peers(0) == (0, None)


@pytest.fixture(scope="module")
def nomad_token(cluster: Cluster) -> str:
    """Nomad's management token."""

    def bootstrap() -> str | Pending:
        done = cluster.lan.run(0, [cluster.nomad, "acl", "bootstrap", "-json"], env=cluster.nomad_env())
        if done.returncode != 0:
            return Pending(f"{done.stderr}\n{cluster.lan.log('nomad-0')[-2000:]}")
        return str(json.loads(done.stdout)["SecretID"])

    return wait_until(bootstrap, what="Nomad's leader", seconds=60, every=0.5)


def test_nomad_elects_itself(cluster: Cluster, nomad_token: str) -> None:
    env = cluster.nomad_env() | {"NOMAD_TOKEN": nomad_token}
    done = cluster.lan.run(0, [cluster.nomad, "server", "members"], env=env)
    name, address, port, status, leader, *_ = done.stdout.splitlines()[1].split()
    assert (name, address, port, status, leader) == ("demo-server-1.global", "10.100.0.5", "4648", "alive", "true")


def collect(cluster: Cluster, env: dict[str, str]) -> None:
    """Remove the job and what its task has on the client: a client that is killed leaves mounts and executors."""
    for words in (["job", "stop", "-purge", "public"], ["system", "gc"]):
        cluster.lan.run(0, [cluster.nomad, *words], env=env)

    def gone() -> bool | Pending:
        mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
        left = [place for place in mounted if Path(place).is_relative_to(cluster.roots[1])]
        return Pending(f"mounted: {left}") if left else True

    wait_until(gone, what="the task to be collected", seconds=60, every=0.5)


@pytest.mark.skipif(os.geteuid() != 0, reason="a Nomad client runs tasks as root only")
@pytest.mark.usefixtures("consul_members")
def test_a_client_has_the_settings_of_its_role(cluster: Cluster, nomad_token: str) -> None:
    """Its public network is the public address alone: not the anchor on the same interface, nor the VPC's."""
    script = """
    ip link add eth0 type veth peer name internet0
    ip address add 164.90.1.7/20 dev eth0
    ip address add 10.19.0.5/16 dev eth0
    ip link set eth0 up
    ip link set internet0 up
    """
    assert cluster.lan.run(1, ["sh", "-ec", script]).returncode == 0
    cluster.start_nomad_client()
    env = cluster.nomad_env() | {"NOMAD_TOKEN": nomad_token}

    def ready() -> dict[str, Any] | Pending:
        done = cluster.lan.run(0, [cluster.nomad, "node", "status", "-json"], env=env)
        found = [node["ID"] for node in json.loads(done.stdout or "[]") if node["Status"] == "ready"]
        if not found:
            return Pending(f"{done.stderr}\n{cluster.lan.log('nomad-1')[-2000:]}")
        shown = cluster.lan.run(0, [cluster.nomad, "node", "status", "-json", found[0]], env=env)
        node: dict[str, Any] = json.loads(shown.stdout)
        return node

    node = wait_until(ready, what="the client", seconds=60, every=0.5)
    # Nomad takes the plugin's configuration, and does not read the credentials beside its own as configuration.
    assert "docker" in node["Drivers"]
    assert "failed to parse config" not in cluster.lan.log("nomad-1")
    assert (node["NodeClass"], node["Meta"]["rack"]) == ("fast", "a1")
    journal = node["HostVolumes"]["journal"]
    assert (journal["Path"], journal["ReadOnly"]) == ("/var/log", True)
    submitted = cluster.lan.run(0, [cluster.nomad, "job", "run", "-detach", "-"], env=env, stdin=PUBLIC_JOB)
    assert submitted.returncode == 0, submitted.stderr

    def placed() -> list[dict[str, Any]] | Pending:
        done = cluster.lan.run(0, [cluster.nomad, "job", "allocs", "-json", "public"], env=env)
        allocations = json.loads(done.stdout or "[]")
        if not allocations:
            return Pending(done.stderr)
        shown = cluster.lan.run(0, [cluster.nomad, "alloc", "status", "-json", allocations[0]["ID"]], env=env)
        ports: list[dict[str, Any]] = json.loads(shown.stdout)["AllocatedResources"]["Shared"]["Ports"]
        return ports

    try:
        ports = wait_until(placed, what="the job to be placed", seconds=60, every=0.5)
    finally:
        collect(cluster, env)
    assert {port["Label"]: (port["HostIP"], port["Value"]) for port in ports} == {
        "http": ("164.90.1.7", 80),
        "inside": ("10.100.0.6", 8080),
    }


@pytest.mark.parametrize(("port", "ca"), [("8501", "consul.d"), ("4646", "nomad.d")])
def test_without_a_certificate_nobody_is_answered(cluster: Cluster, consul_token: str, port: str, ca: str) -> None:
    """The API's CA is known, the server's name is right, and only the certificate of one's own is missing."""
    tls = cluster.roots[0] / "etc" / ca / "tls"
    done = cluster.lan.run(0, [sys.executable, "-c", HANDSHAKE, port, tls / "ca.pem"])
    assert done.stdout == "TLSV13_ALERT_CERTIFICATE_REQUIRED\n"
    both = [tls / "agent.pem", tls / "agent-key.pem"]
    done = cluster.lan.run(0, [sys.executable, "-c", HANDSHAKE, port, tls / "ca.pem", *both])
    assert done.stdout == "answered\n", "control: with it there is an answer"


@pytest.mark.parametrize(
    ("host", "address", "answer"),
    [(1, "127.0.0.1", "answered"), (1, "10.100.0.6", "nobody listens"), (0, "127.0.0.1", "nobody listens")],
    ids=["on the client itself", "at its address in the VPC", "on a server without jobs"],
)
@pytest.mark.usefixtures("consul_members")
def test_sidecars_reach_consuls_grpc_without_a_certificate_on_their_own_node_only(
    cluster: Cluster, host: int, address: str, answer: str
) -> None:
    """Control: the API of the same agent demands one."""
    ca = cluster.roots[host] / "etc/consul.d/tls/ca.pem"
    assert cluster.lan.run(host, [sys.executable, "-c", SETTINGS, address, ca]).stdout == f"{answer}\n"
    refused = cluster.lan.run(host, [sys.executable, "-c", HANDSHAKE, "8501", ca]).stdout
    assert refused == "TLSV13_ALERT_CERTIFICATE_REQUIRED\n"


def test_consul_shows_its_metrics_to_prometheus(cluster: Cluster, consul_token: str) -> None:
    tls = cluster.roots[0] / "etc/consul.d/tls"
    certificates: list[str | Path] = [
        "--cacert",
        tls / "ca.pem",
        "--cert",
        tls / "agent.pem",
        "--key",
        tls / "agent-key.pem",
    ]
    url = "https://localhost:8501/v1/agent/metrics?format=prometheus"
    header = f"X-Consul-Token: {consul_token}"
    done = cluster.lan.run(
        0, ["curl", "--silent", "--show-error", "--fail", *certificates, "--header", header, url]
    )
    # With telemetry's disable_hostname a metric's name is the same on every node.
    assert "\nconsul_raft_peers " in done.stdout
