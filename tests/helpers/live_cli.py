"""Bakery's commands on droplets in memory, with a real Consul and a real Nomad server behind their addresses.

Nobody answers at the address of a droplet in memory. Here its ports 8501 and 4646 lead to real servers with the
cluster's own credentials, so that commands of bakery work against agents that really check them.
"""

import json
import os
import shlex
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import pytest

from bakery.agents.forward import serve
from bakery.config.defaults import TESTED_NOMAD_VERSION
from bakery.config.model import Kind
from bakery.credentials.issue import issue_for_node
from bakery.credentials.store import find_bundle
from bakery.emulator.account.settings import EmulatorSettings
from bakery.errors import AgentError
from bakery.launch.acl.ensure import AclRequest, ensure_acls
from bakery.plan.ports import CONSUL_HTTPS, NOMAD_HTTPS
from bakery.proc import Completed, run, start
from bakery.wait import Pending, wait_until
from tests.helpers.cli import BAKERY, CliHarness, cli_harness
from tests.helpers.emulated import LOOPBACK as LOOPBACK_DROPLETS
from tests.helpers.real_agents import (
    LOOPBACK,
    SERVER,
    RealCluster,
    free_ports,
    running_cluster,
    stop,
    write_json,
    write_tls,
)
from tests.helpers.snapshot import bake
from tests.helpers.state import paths_in
from tests.helpers.tools import require_tool

SECONDS = 60.0
SERVERS = f"""\
version: 1
cluster: demo
image: {{nomad: {TESTED_NOMAD_VERSION}}}
roles:
  consul-server: {{count: 1, size: s-1vcpu-1gb}}
  nomad-server: {{count: 1, size: s-1vcpu-1gb}}
  nomad-client: {{count: 1, size: s-1vcpu-1gb}}
"""


@dataclass(frozen=True, kw_only=True)
class LiveCli:
    """A launched cluster whose servers answer."""

    at: CliHarness
    agents: RealCluster

    def process(self, *words: str, check: bool = True, env: dict[str, str] | None = None) -> Completed:
        """Run bakery as a process, as a user's shell does."""
        return run([BAKERY, *words], env={**os.environ, **(env or {})}, cwd=self.at.folder, check=check)

    def variables(self, *options: str) -> dict[str, str]:
        """The variables that ``bakery env`` prints."""
        ran = self.at("env", *options)
        assert ran.code == 0, ran.err
        lines = [line.removeprefix("export ") for line in ran.out.splitlines() if line.startswith("export ")]
        pairs = (line.partition("=") for line in lines if "PATH" not in line.partition("=")[0])
        return {name: shlex.split(value)[0] for name, _, value in pairs}


@contextmanager
def live_cli(folder: Path, *, mesh: bool = False) -> Iterator[LiveCli]:
    """Yield the cluster; the agents' logs are in ``folder``."""
    programs = [require_tool(name).parent for name in ("consul", "nomad")]  # before the cache is another
    with pytest.MonkeyPatch.context() as patch, cli_harness(folder, patch, settings=_own_addresses()) as at:
        patch.setenv("PATH", os.pathsep.join([*map(str, programs), os.environ["PATH"]]))
        at.write(SERVERS)
        bake(at.api, nomad=TESTED_NOMAD_VERSION)
        ran = at("launch", "--yes", "--wait", "active")
        assert ran.code == 0, ran.err
        bundle = find_bundle(paths_in(at.folder))
        assert bundle is not None
        agents_folder = folder / "agents"
        agents_folder.mkdir()
        with running_cluster(agents_folder, bundle=bundle, mesh=mesh) as agents:
            ports = {
                "consul-server": (CONSUL_HTTPS, agents.consul_port),
                "nomad-server": (NOMAD_HTTPS, agents.nomad_port),
            }
            with _forwarded(at, ports):
                _close(agents)
                yield LiveCli(at=at, agents=agents)


def _own_addresses() -> EmulatorSettings:
    """Return settings with public addresses that no test in another process uses: servers listen on them."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return replace(LOOPBACK_DROPLETS, first_public_address=f"127.{100 + worker}.0.10")


@contextmanager
def nomad_client(live: LiveCli, name: str) -> Iterator[int]:
    """Run a real Nomad client of that name beside the server. Yield its process id once Nomad says it is ready."""
    agents = live.agents
    mine = issue_for_node(agents.bundle, name=name, kind=Kind.NOMAD_CLIENT, now=datetime.now(UTC))
    assert mine.nomad is not None
    files = write_tls(agents.folder / name, mine.nomad_ca, mine.nomad)
    found = free_ports()
    ports = {each: found[f"nomad_{each}"] for each in ("http", "rpc", "serf")}
    server = json.loads((agents.folder / "nomad.json").read_text())
    config = {
        "name": name,
        "datacenter": "demo",
        "data_dir": str(agents.folder / f"{name}-data"),
        "bind_addr": LOOPBACK,
        "ports": ports,
        "advertise": {each: f"{LOOPBACK}:{port}" for each, port in ports.items()},
        "disable_update_check": True,
        "log_level": "DEBUG",
        "acl": {"enabled": True},
        "client": {
            "enabled": True,
            "servers": [server["advertise"]["rpc"]],
            "options": {"fingerprint.denylist": "env_aws,env_gce,env_azure,env_digitalocean"},
        },
        "tls": server["tls"]
        | {"ca_file": str(files.ca), "cert_file": str(files.certificate), "key_file": str(files.key)},
        "consul": {"auto_advertise": False, "server_auto_join": False, "client_auto_join": False},
    }
    write_json(agents.folder / f"{name}.json", config)
    argv: list[str | Path] = [require_tool("nomad"), "agent", f"-config={agents.folder / f'{name}.json'}"]
    process = start(argv, output=agents.folder / f"{name}.log")

    def ready() -> bool | Pending:
        found = {node.name: node.status for node in agents.clients.nomad(LOOPBACK).nodes()}
        return True if found.get(name) == "ready" else Pending(str(found))

    try:
        wait_until(ready, what=f"{name} to be ready", seconds=SECONDS, every=0.3)
        yield process.pid
    finally:
        stop(process)


@contextmanager
def _forwarded(at: CliHarness, ports: dict[str, tuple[int, int]]) -> Iterator[None]:
    found = at.api.get("/v2/droplets?per_page=200").json()["droplets"]
    public = {
        droplet["name"]: each["ip_address"]
        for droplet in found
        for each in droplet["networks"]["v4"]
        if each["type"] == "public"
    }
    ended, threads = Event(), []
    with ExitStack() as held:
        for role, (port, to) in ports.items():
            listener = held.enter_context(socket.create_server((public[f"demo-{role}-1"], port)))
            threads.append(Thread(target=serve, args=(listener, LOOPBACK, to, lambda: not ended.is_set())))
            threads[-1].start()
        try:
            yield
        finally:
            ended.set()
            for thread in threads:
                thread.join()


def _close(agents: RealCluster) -> None:
    """Bootstrap the ACLs, once both have a leader."""

    def led() -> bool | Pending:
        clients = agents.clients
        try:
            both = clients.consul(LOOPBACK).leader(), clients.nomad(LOOPBACK).leader()
        except AgentError as error:
            return Pending(error.full_message)
        return True if all(both) else Pending(json.dumps(both))

    wait_until(led, what="both to elect a leader", seconds=SECONDS, every=0.3)
    request = AclRequest(
        plan=agents.plan,
        roles=(SERVER,),
        bundle=agents.bundle,
        droplets=(),
        consul_servers=(LOOPBACK,),
        nomad_servers=(LOOPBACK,),
    )
    ensure_acls(request, agents.clients, seconds=SECONDS)
