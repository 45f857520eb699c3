"""Real Consul and Nomad servers on loopback, one of each, with TLS, gossip keys and default deny."""

import json
import socket
import subprocess  # noqa: TID251 - only the type of what bakery.proc.start returns, and its time-out
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bakery.agents.connect import agent_clients
from bakery.agents.interface import AgentClients
from bakery.agents.model import TlsFiles
from bakery.cloud.model import Droplet
from bakery.config.model import Kind, Role
from bakery.credentials.issue import issue_for_node
from bakery.credentials.model import Bundle, Leaf, NodeCredentials
from bakery.credentials.store import create_bundle
from bakery.files import write_secret
from bakery.plan.model import ClusterPlan, Node, Wave
from bakery.proc import start
from bakery.render.nomad_config import CLIENT_INTRODUCTION, SERVICE_IDENTITY, TASK_IDENTITY
from tests.helpers.clusters import make_node, make_plan
from tests.helpers.fake_agents import make_droplet
from tests.helpers.tools import require_tool

LOOPBACK = "127.0.0.1"
STOP_SECONDS = 20.0
SERVER = Role(name="server", kind=Kind.SERVER, count=1, size="s-1vcpu-1gb", node_pool="default")
CLIENT = Role(name="nomad-client", kind=Kind.NOMAD_CLIENT, count=0, size="s-2vcpu-2gb", node_pool="default")
BOTH = Role(name="all-in-one", kind=Kind.ALL_IN_ONE, count=0, size="s-2vcpu-2gb", node_pool="default")


@dataclass(frozen=True, kw_only=True)
class RealCluster:
    """One node of kind ``server`` and how to reach its two agents."""

    bundle: Bundle
    credentials: NodeCredentials
    consul_tls: TlsFiles
    nomad_tls: TlsFiles
    consul_port: int
    grpc_port: int
    nomad_port: int
    folder: Path
    mesh: bool = False
    ports: dict[str, int]
    more: tuple[Node, ...] = ()
    """Further nodes of the plan, which have tokens and need not run."""
    introduces_clients: bool = False

    @property
    def consul_socket(self) -> Path:
        """Where Consul answers without a certificate, as it does to Traefik on an ingress node."""
        return self.folder / "consul.sock"

    @property
    def plan(self) -> ClusterPlan:
        node = make_node(Kind.SERVER, wave=Wave.FIRST_SERVER)
        return replace(
            make_plan(),
            nodes=(node, *self.more),
            consul_expect=1,
            nomad_expect=1,
            mesh=self.mesh,
            introduces_clients=self.introduces_clients,
        )

    @property
    def droplets(self) -> tuple[Droplet, ...]:
        droplet = make_droplet(1, self.plan.nodes[0].name)
        return (replace(droplet, public_ipv4=LOOPBACK, private_ipv4=LOOPBACK),)

    @property
    def clients(self) -> AgentClients:
        """As the operator, with the management tokens."""
        return self.clients_with(
            consul_token=self.bundle.consul_management.secret, nomad_token=self.bundle.nomad_management.secret
        )

    def clients_with(
        self, *, consul_token: str, nomad_token: str = "", datacenter: str = "demo", tls: TlsFiles | None = None
    ) -> AgentClients:
        return agent_clients(
            consul_server_name=f"server.{datacenter}.consul",
            nomad_server_name="server.global.nomad",
            nomad_client_name="client.global.nomad",
            nomad_region="global",
            consul_tls=tls or self.consul_tls,
            consul_token=consul_token,
            nomad_tls=self.nomad_tls,
            nomad_token=nomad_token,
            consul_gossip_key=self.bundle.consul_gossip_key,
            nomad_gossip_key=self.bundle.nomad_gossip_key,
            consul_port=self.consul_port,
            nomad_port=self.nomad_port,
        )


@contextmanager
def running_cluster(
    folder: Path,
    *,
    default_policy: str = "deny",
    nomad: bool = True,
    mesh: bool = False,
    bundle: Bundle | None = None,
    more: tuple[Node, ...] = (),
    introduces_clients: bool = False,
) -> Iterator[RealCluster]:
    """The agents, started and not yet bootstrapped; stopped by their ids at the end. Logs lie in ``folder``.

    With ``mesh`` both agents have what a node has with ``mesh: true``. With ``introduces_clients`` Nomad refuses
    new clients without a token. ``more`` are further nodes of the plan.
    """
    consul = require_tool("consul")
    cluster, ports = _prepare(folder, bundle or create_bundle("demo", now=datetime.now(UTC)), mesh=mesh)
    cluster = replace(cluster, more=more, introduces_clients=introduces_clients)
    write_json(folder / "consul.json", _consul_config(cluster, ports, default_policy))
    write_json(folder / "nomad.json", _nomad_config(cluster, ports))
    argvs: dict[str, list[str | Path]] = {"consul": [consul, "agent", f"-config-file={folder / 'consul.json'}"]}
    if nomad:
        argvs["nomad"] = [require_tool("nomad"), "agent", f"-config={folder / 'nomad.json'}"]
    processes = [start(argv, output=folder / f"{name}.log") for name, argv in argvs.items()]
    try:
        yield cluster
    finally:
        for process in reversed(processes):
            stop(process)


def write_tls(folder: Path, ca: str, leaf: Leaf) -> TlsFiles:
    """The three files of one client or server."""
    files = TlsFiles(ca=folder / "ca.pem", certificate=folder / "cert.pem", key=folder / "key.pem")
    for file, content in [(files.ca, ca), (files.certificate, leaf.certificate), (files.key, leaf.key)]:
        write_secret(file, content.encode())
    return files


PORTS = ("consul_https", "consul_rpc", "consul_serf", "consul_grpc", "nomad_http", "nomad_rpc", "nomad_serf")


def _prepare(folder: Path, bundle: Bundle, *, mesh: bool) -> tuple[RealCluster, dict[str, int]]:
    now = datetime.now(UTC)
    node = make_node(Kind.SERVER)
    ports = free_ports()
    cluster = RealCluster(
        bundle=bundle,
        credentials=issue_for_node(
            bundle, name=node.name, kind=Kind.ALL_IN_ONE if mesh else node.kind, now=now, mesh=mesh
        ),
        consul_tls=write_tls(folder / "operator-consul", bundle.consul_ca.certificate, bundle.consul_operator),
        nomad_tls=write_tls(folder / "operator-nomad", bundle.nomad_ca.certificate, bundle.nomad_operator),
        consul_port=ports["consul_https"],
        grpc_port=ports["consul_grpc"],
        nomad_port=ports["nomad_http"],
        folder=folder,
        mesh=mesh,
        ports=ports,
    )
    return cluster, ports


def _consul_config(cluster: RealCluster, ports: dict[str, int], default_policy: str) -> dict[str, Any]:
    mine = cluster.credentials
    files = write_tls(cluster.folder / "consul-tls", mine.consul_ca, mine.consul)
    return {
        "datacenter": "demo",
        "primary_datacenter": "demo",
        "node_name": mine.subject,
        "server": True,
        "bootstrap_expect": 1,
        "data_dir": str(cluster.folder / "consul-data"),
        "bind_addr": LOOPBACK,
        "client_addr": LOOPBACK,
        "encrypt": mine.consul_gossip_key,
        "disable_update_check": True,
        "ui_config": {"enabled": True},
        "performance": {"raft_multiplier": 1},
        "telemetry": {"prometheus_retention_time": "60s", "disable_hostname": True},
        "ports": {
            "https": ports["consul_https"],
            "server": ports["consul_rpc"],
            "serf_lan": ports["consul_serf"],
            "serf_wan": -1,
            "http": 8500,
            "dns": -1,
            "grpc": -1,
            "grpc_tls": ports["consul_grpc"] if cluster.mesh else -1,
        },
        "addresses": {"http": f"unix://{cluster.consul_socket}"},
        "connect": {"enabled": cluster.mesh},
        "tls": {
            **({"grpc": _grpc(cluster)} if cluster.mesh else {}),
            "defaults": {
                "ca_file": str(files.ca),
                "cert_file": str(files.certificate),
                "key_file": str(files.key),
                "verify_incoming": True,
                "verify_outgoing": True,
                "verify_server_hostname": True,
            },
        },
        "acl": {
            "enabled": True,
            "default_policy": default_policy,
            "tokens": {"agent": mine.consul_agent_token.secret, "dns": mine.consul_agent_token.secret},
        },
    }


def _grpc(cluster: RealCluster) -> dict[str, Any]:
    assert cluster.credentials.consul_grpc is not None
    file = cluster.folder / "consul-tls" / "grpc.pem"
    write_secret(file, cluster.credentials.consul_grpc.encode())
    return {"verify_incoming": False, "cert_file": str(file)}


def _nomad_config(cluster: RealCluster, ports: dict[str, int]) -> dict[str, Any]:
    mine = cluster.credentials
    assert mine.nomad is not None
    assert mine.consul_nomad_token is not None
    files = write_tls(cluster.folder / "nomad-tls", mine.nomad_ca, mine.nomad)
    consul = cluster.folder / "consul-tls"
    addresses = {name: f"{LOOPBACK}:{ports[f'nomad_{name}']}" for name in ("http", "rpc", "serf")}
    return {
        "name": mine.subject,
        "datacenter": "demo",
        "data_dir": str(cluster.folder / "nomad-data"),
        "bind_addr": LOOPBACK,
        "advertise": addresses,
        "ports": {name: ports[f"nomad_{name}"] for name in addresses},
        "disable_update_check": True,
        "server": {
            "enabled": True,
            "bootstrap_expect": 1,
            "encrypt": mine.nomad_gossip_key,
            **({"client_introduction": CLIENT_INTRODUCTION} if cluster.introduces_clients else {}),
        },
        "client": {"enabled": False},
        "acl": {"enabled": True},
        "tls": {
            "http": True,
            "rpc": True,
            "ca_file": str(files.ca),
            "cert_file": str(files.certificate),
            "key_file": str(files.key),
            "verify_server_hostname": True,
            "verify_https_client": True,
        },
        "consul": {
            "address": f"{LOOPBACK}:{cluster.consul_port}",
            "ssl": True,
            "ca_file": str(consul / "ca.pem"),
            "cert_file": str(consul / "cert.pem"),
            "key_file": str(consul / "key.pem"),
            "token": mine.consul_nomad_token.secret,
            "share_ssl": False,
            "task_identity": TASK_IDENTITY,
            **(_nomads_mesh(consul / "ca.pem", ports) if cluster.mesh else {}),
        },
    }


def _nomads_mesh(ca: Path, ports: dict[str, int]) -> dict[str, Any]:
    address = f"{LOOPBACK}:{ports['consul_grpc']}"
    return {"service_identity": SERVICE_IDENTITY, "grpc_address": address, "grpc_ca_file": str(ca)}


def free_ports() -> dict[str, int]:
    sockets = [socket.create_server((LOOPBACK, 0)) for _ in PORTS]
    try:
        return {name: held.getsockname()[1] for name, held in zip(PORTS, sockets, strict=True)}
    finally:
        for held in sockets:
            held.close()


def write_json(file: Path, value: dict[str, Any]) -> None:
    write_secret(file, json.dumps(value, indent=2).encode())


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)


def tasks_below(folder: Path) -> list[str]:
    """Return the tmpfs mounts of tasks: Nomad unmounts them, and ends the executor, when a task is garbage."""
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    return [place for place in mounted if Path(place).is_relative_to(folder)]
