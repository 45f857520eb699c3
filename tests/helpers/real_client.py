"""A Nomad client and its Consul agent beside the servers of a RealCluster."""

import json
import subprocess  # noqa: TID251 - only the type of what bakery.proc.start returns
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bakery.agents.model import TlsFiles
from bakery.config.model import Kind
from bakery.credentials.issue import issue_for_node
from bakery.proc import start
from tests.helpers.real_agents import LOOPBACK, RealCluster, free_ports, stop, write_json, write_tls
from tests.helpers.real_jobs import nomad
from tests.helpers.tools import require_tool


@dataclass(frozen=True, kw_only=True)
class ConsulClient:
    """A running agent."""

    name: str
    log: Path
    process: "subprocess.Popen[bytes]"


def start_consul_client(
    cluster: RealCluster,
    folder: Path,
    name: str,
    ports: Mapping[str, int],
    *,
    gossip_key: str | None = None,
    rogue: bool = False,
) -> ConsulClient:
    """Start the agent of the Nomad client ``name`` as its user-data does, or with another gossip key; "" is none.

    A ``rogue`` one is an attacker's own: it calls itself a server, and has no ACLs.
    """
    mine = issue_for_node(cluster.bundle, name=name, kind=Kind.NOMAD_CLIENT, now=datetime.now(UTC))
    files = write_tls(folder / f"consul-tls-{name}", mine.consul_ca, mine.consul)
    config = {
        "datacenter": "demo",
        "primary_datacenter": "demo",
        "node_name": name,
        "data_dir": str(folder / f"consul-data-{name}"),
        "bind_addr": LOOPBACK,
        "client_addr": LOOPBACK,
        "encrypt": mine.consul_gossip_key if gossip_key is None else gossip_key,
        "retry_join": [f"{LOOPBACK}:{cluster.ports['consul_serf']}"],
        "retry_interval": "1s",
        "disable_update_check": True,
        "leave_on_terminate": False,
        "server": rogue,
        "ports": {
            "https": ports["consul_https"],
            "serf_lan": ports["consul_serf"],
            "server": ports["consul_rpc"],
            **dict.fromkeys(("serf_wan", "http", "dns", "grpc", "grpc_tls"), -1),
        },
        "connect": {"enabled": False},
        "tls": {
            "defaults": {
                **paths_of(files),
                "verify_incoming": True,
                "verify_outgoing": True,
                "verify_server_hostname": True,
            }
        },
        "acl": {
            "enabled": not rogue,
            "default_policy": "deny",
            "tokens": {"agent": mine.consul_agent_token.secret, "dns": mine.consul_agent_token.secret},
        },
    }
    file, log = folder / f"consul-{name}.json", folder / f"consul-{name}.log"
    write_json(file, config)
    process = start([require_tool("consul"), "agent", f"-config-file={file}"], output=log)
    return ConsulClient(name=name, log=log, process=process)


@contextmanager
def running_client(cluster: RealCluster) -> Iterator[None]:
    """Run a Nomad client with the name and credentials of the cluster's node; it runs processes of its own user.

    It is an agent of its own. Start it when the servers have keys and Consul has tokens: a client that is refused
    for want of them tries again after 15 to 30 s.
    """
    server = json.loads((cluster.folder / "nomad.json").read_text(encoding="utf-8"))
    del server["server"]
    config = server | _runs_jobs(cluster, cluster.folder, free_ports())
    write_json(cluster.folder / "nomad-client.json", config)
    with _running(cluster.folder / "nomad-client.json"):
        yield


@contextmanager
def running_runner(cluster: RealCluster) -> Iterator[None]:
    """Run a Nomad client without Consul, for jobs that have no service."""
    name, folder = "demo-runner-1", cluster.folder / "runner"
    config = nomad_client_config(
        cluster, folder, name, free_ports(), {"auto_advertise": False, "client_auto_join": False}
    )
    write_json(folder / "nomad-client.json", config)
    with _running(folder / "nomad-client.json"):
        yield


@contextmanager
def running_second_client(cluster: RealCluster, consul: Mapping[str, Any]) -> Iterator[str]:
    """Run another Nomad client beside the cluster's Consul agent, with ``consul`` in its block of that name.

    Yields its name. Nomad forgets it at the end.
    """
    name, folder = "demo-second-1", cluster.folder / "second"
    of_server = json.loads((cluster.folder / "nomad.json").read_text(encoding="utf-8"))["consul"]
    config = nomad_client_config(cluster, folder, name, free_ports(), {**of_server, **consul})
    write_json(folder / "nomad-client.json", config)
    api = cluster.clients.nomad(LOOPBACK)
    with _running(folder / "nomad-client.json"):
        yield name
        for node in (each for each in api.nodes() if each.name == name):
            nomad(cluster).call("GET", f"/v1/client/gc?node_id={node.id}")  # unmounts what its tasks had
    for node in (each for each in api.nodes() if each.name == name):
        api.purge(node.id)


@contextmanager
def _running(config: Path) -> Iterator[None]:
    argv: list[str | Path] = [require_tool("nomad"), "agent", f"-config={config}"]
    process = start(argv, output=config.with_suffix(".log"))
    try:
        yield
    finally:
        stop(process)


def nomad_client_config(
    cluster: RealCluster, folder: Path, name: str, ports: Mapping[str, int], consul: Mapping[str, Any]
) -> dict[str, Any]:
    """Return Nomad's configuration of another client of the cluster; ``consul`` is its block of that name."""
    mine = issue_for_node(cluster.bundle, name=name, kind=Kind.NOMAD_CLIENT, now=datetime.now(UTC))
    assert mine.nomad is not None
    return {
        "name": name,
        "datacenter": "demo",
        "bind_addr": LOOPBACK,
        "disable_update_check": True,
        "acl": {"enabled": True},
        "tls": {
            "http": True,
            "rpc": True,
            "verify_server_hostname": True,
            "verify_https_client": True,
            **paths_of(write_tls(folder / "nomad-tls", mine.nomad_ca, mine.nomad)),
        },
        "consul": dict(consul),
        **_runs_jobs(cluster, folder, ports),
    }


def _runs_jobs(cluster: RealCluster, folder: Path, ports: Mapping[str, int]) -> dict[str, Any]:
    addresses = {each: f"{LOOPBACK}:{ports[f'nomad_{each}']}" for each in ("http", "rpc", "serf")}
    return {
        "data_dir": str(folder / "nomad-client-data"),
        "advertise": addresses,
        "ports": {each: ports[f"nomad_{each}"] for each in addresses},
        "client": {
            "enabled": True,
            "servers": [f"{LOOPBACK}:{cluster.ports['nomad_rpc']}"],
            "network_interface": "lo",
            "options": {"fingerprint.denylist": "env_aws,env_gce,env_azure,env_digitalocean"},
        },
        "plugin": [{"raw_exec": [{"config": [{"enabled": True}]}]}],
    }


def paths_of(files: TlsFiles) -> dict[str, str]:
    """Return the paths as Consul and Nomad call them."""
    return {"ca_file": str(files.ca), "cert_file": str(files.certificate), "key_file": str(files.key)}
