"""Several real servers, each Consul and Nomad on a loopback address of its own, that join, vote, leave and die.

Every machine is a droplet of the plan or a stranger; the ports are the same on all of them, as on droplets.
"""

import subprocess  # noqa: TID251 - only the type of what bakery.proc.start returns, and its time-out
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, TypeVar

from bakery.agents.connect import agent_clients
from bakery.agents.interface import AgentClients, ConsulApi, NomadApi
from bakery.agents.model import Target, TlsFiles
from bakery.agents.transport import AgentHttp
from bakery.cloud.model import Droplet
from bakery.config.model import Kind, Role
from bakery.credentials.issue import issue_for_node
from bakery.credentials.model import Bundle
from bakery.credentials.store import create_bundle
from bakery.errors import AgentError
from bakery.launch.acl.ensure import AclRequest, ensure_acls
from bakery.observe.health import observe_cluster, wait_until_healthy
from bakery.observe.model import ClusterReport
from bakery.plan.model import ClusterPlan, Node
from bakery.proc import start
from bakery.wait import Pending, wait_until
from tests.helpers.clusters import make_node, make_plan
from tests.helpers.fake_agents import make_droplet
from tests.helpers.real_agents import free_ports, stop, write_json, write_tls
from tests.helpers.tools import require_tool

T = TypeVar("T")
SECONDS = 90.0
FOURTH = "demo-server-4"
FIRST = IPv4Address("127.77.0.1")


@dataclass
class RealServers:
    """A cluster of servers of both products; ``droplets`` are those that count as the cluster's."""

    bundle: Bundle
    folder: Path
    ports: dict[str, int]
    clients: AgentClients
    tls: dict[str, TlsFiles]
    """The operator's files, by product."""
    droplets: list[Droplet] = field(default_factory=list)
    processes: dict[tuple[str, str], "subprocess.Popen[bytes]"] = field(default_factory=dict)
    """By product and node."""
    join: int = 1
    """The number of the server that new ones join."""
    joins_too: tuple[int, ...] = ()
    """Further servers whose Consul new ones join."""
    nomad_joins: bool = True
    """Whether new Nomad servers have that address; without it they know no other server."""

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(make_node(Kind.SERVER, number) for number, _ in enumerate(self.droplets, 1))

    @property
    def plan(self) -> ClusterPlan:
        count = len(self.droplets)
        return replace(make_plan(), nodes=self.nodes, consul_expect=count, nomad_expect=count)

    def observe(self) -> ClusterReport:
        return observe_cluster(self.plan, self.droplets, self.clients)

    def unmet(self) -> dict[str, str]:
        """The messages of the unmet conditions, by their names."""
        return {condition.name: condition.message for condition in self.observe().missing}

    def address(self, number: int) -> str:
        return str(FIRST + number - 1)

    def consul(self, number: int) -> ConsulApi:
        return self.clients.consul(self.address(number))

    def nomad(self, number: int) -> NomadApi:
        return self.clients.nomad(self.address(number))

    def http(self, product: str, number: int) -> AgentHttp:
        """A client with the management token, for what bakery has no call for."""
        consul = product == "consul"
        bundle = self.bundle
        target = Target(
            address=self.address(number),
            port=self.ports[f"{product}_https" if consul else f"{product}_http"],
            server_name="server.demo.consul" if consul else "server.global.nomad",
            tls=self.tls[product],
            token=(bundle.consul_management if consul else bundle.nomad_management).secret,
            gossip_key=bundle.consul_gossip_key if consul else bundle.nomad_gossip_key,
        )
        return AgentHttp(target, product=product, token_header=f"X-{product.capitalize()}-Token")

    def add_server(self, number: int, *, expect: int | None = None) -> None:
        """Start server ``number`` and make it a droplet; without ``expect`` it can only join."""
        node = make_node(Kind.SERVER, number)
        address = self.address(number)
        self.droplets.append(replace(make_droplet(number, node.name), public_ipv4=address, private_ipv4=address))
        self.start_consul(node.name, address, server=True, expect=expect)
        self.start_nomad(node.name, address, {"server": self._nomad_server(expect)})

    def start_consul(self, name: str, address: str, *, server: bool, expect: int | None = None) -> None:
        kind = Kind.SERVER if server else Kind.NOMAD_CLIENT
        config = self._consul_config(name, address, kind)
        if server:
            config |= {"server": True} | ({"bootstrap_expect": expect} if expect else {})
        write_json(self.folder / f"consul-{name}.json", config)
        self._start("consul", name, f"-config-file={self.folder / f'consul-{name}.json'}")

    def start_nomad(self, name: str, address: str, role: dict[str, Any]) -> None:
        kind = Kind.SERVER if "server" in role else Kind.NOMAD_CLIENT
        write_json(self.folder / f"nomad-{name}.json", self._nomad_config(name, address, kind) | role)
        self._start("nomad", name, f"-config={self.folder / f'nomad-{name}.json'}")

    def nomad_client(self) -> dict[str, Any]:
        """Of a client that runs nothing and asks no cloud where it is."""
        servers = [f"{self.address(number)}:{self.ports['nomad_rpc']}" for number in (1, 2, 3)]
        clouds = "env_aws,env_gce,env_azure,env_digitalocean"
        return {"client": {"enabled": True, "servers": servers, "options": {"fingerprint.denylist": clouds}}}

    def end(self, product: str, name: str) -> None:
        """Kill the agent: no leave, no goodbye."""
        process = self.processes.pop((product, name))
        process.kill()
        process.wait(SECONDS)

    def close(self) -> None:
        for process in reversed(self.processes.values()):
            stop(process)

    def _start(self, product: str, name: str, config: str) -> None:
        log = self.folder / f"{product}-{name}.log"
        self.processes[product, name] = start([require_tool(product), "agent", config], output=log)

    def _consul_config(self, name: str, address: str, kind: Kind) -> dict[str, Any]:
        mine = issue_for_node(self.bundle, name=name, kind=kind, now=datetime.now(UTC))
        files = write_tls(self.folder / f"consul-tls-{name}", mine.consul_ca, mine.consul)
        ports = self.ports
        return {
            "datacenter": "demo",
            "primary_datacenter": "demo",
            "node_name": name,
            "data_dir": str(self.folder / f"consul-data-{name}"),
            "bind_addr": address,
            "client_addr": address,
            "encrypt": mine.consul_gossip_key,
            "retry_join": [
                f"{self.address(each)}:{ports['consul_serf']}" for each in (self.join, *self.joins_too)
            ],
            "retry_interval": "1s",
            "disable_update_check": True,
            "performance": {"raft_multiplier": 1},
            "ports": {
                "https": ports["consul_https"],
                "server": ports["consul_rpc"],
                "serf_lan": ports["consul_serf"],
                **dict.fromkeys(("serf_wan", "http", "dns", "grpc", "grpc_tls"), -1),
            },
            "connect": {"enabled": False},
            "tls": {
                "defaults": {
                    **_paths(files),
                    "verify_incoming": True,
                    "verify_outgoing": True,
                    "verify_server_hostname": True,
                }
            },
            "acl": {
                "enabled": True,
                "default_policy": "deny",
                "tokens": {"agent": mine.consul_agent_token.secret, "dns": mine.consul_agent_token.secret},
            },
        }

    def _nomad_config(self, name: str, address: str, kind: Kind) -> dict[str, Any]:
        """Without Consul: these machines' certificates hold 127.0.0.1 alone, which is not where Consul listens."""
        mine = issue_for_node(self.bundle, name=name, kind=kind, now=datetime.now(UTC))
        assert mine.nomad is not None
        files = write_tls(self.folder / f"nomad-tls-{name}", mine.nomad_ca, mine.nomad)
        addresses = {each: f"{address}:{self.ports[f'nomad_{each}']}" for each in ("http", "rpc", "serf")}
        return {
            "name": name,
            "datacenter": "demo",
            "data_dir": str(self.folder / f"nomad-data-{name}"),
            "bind_addr": address,
            "advertise": addresses,
            "ports": {each: self.ports[f"nomad_{each}"] for each in addresses},
            "disable_update_check": True,
            "acl": {"enabled": True},
            "tls": {
                **_paths(files),
                "http": True,
                "rpc": True,
                "verify_server_hostname": True,
                "verify_https_client": True,
            },
            "consul": {"auto_advertise": False, "server_auto_join": False, "client_auto_join": False},
        }

    def _nomad_server(self, expect: int | None) -> dict[str, Any]:
        join = {"retry_join": [f"{self.address(self.join)}:{self.ports['nomad_serf']}"], "retry_interval": "1s"}
        server = {
            "enabled": True,
            "encrypt": self.bundle.nomad_gossip_key,
            "raft_multiplier": 1,
            **({"server_join": join} if self.nomad_joins else {}),
        }
        return server | ({"bootstrap_expect": expect} if expect else {})


@contextmanager
def running_servers(folder: Path, *, count: int = 3) -> Iterator[RealServers]:
    """Servers with a leader of each product and ACLs in place; everything is ended by its id at the end."""
    with no_servers(folder) as servers:
        for number in range(1, count + 1):
            servers.add_server(number, expect=count)
        close_acls(servers)
        yield servers


@contextmanager
def no_servers(folder: Path) -> Iterator[RealServers]:
    """A cluster whose servers the test starts; everything is ended by its id at the end."""
    bundle, ports = create_bundle("demo", now=datetime.now(UTC)), free_ports()
    tls = {
        "consul": write_tls(folder / "operator-consul", bundle.consul_ca.certificate, bundle.consul_operator),
        "nomad": write_tls(folder / "operator-nomad", bundle.nomad_ca.certificate, bundle.nomad_operator),
    }
    clients = agent_clients(
        consul_server_name="server.demo.consul",
        nomad_server_name="server.global.nomad",
        nomad_client_name="client.global.nomad",
        nomad_region="global",
        consul_tls=tls["consul"],
        consul_token=bundle.consul_management.secret,
        consul_gossip_key=bundle.consul_gossip_key,
        nomad_tls=tls["nomad"],
        nomad_token=bundle.nomad_management.secret,
        nomad_gossip_key=bundle.nomad_gossip_key,
        consul_port=ports["consul_https"],
        nomad_port=ports["nomad_http"],
    )
    servers = RealServers(bundle=bundle, folder=folder, ports=ports, clients=clients, tls=tls)
    try:
        yield servers
    finally:
        servers.close()


def close_acls(servers: RealServers, names: Sequence[str] = ()) -> None:
    """Bootstrap and make the tokens of every node, and of ``names`` that are no server."""
    nodes = (*servers.nodes, *(replace(make_node(Kind.NOMAD_CLIENT), name=name) for name in names))
    addresses = tuple(servers.address(number) for number, _ in enumerate(servers.droplets[:3], 1))
    request = AclRequest(
        plan=replace(servers.plan, nodes=nodes),
        roles=(Role(name="server", kind=Kind.SERVER, count=3, size="s-1vcpu-1gb", node_pool="default"),),
        rendered=frozenset({"server"}),
        bundle=servers.bundle,
        droplets=(),
        consul_servers=addresses,
        nomad_servers=addresses,
    )
    ensure_acls(request, servers.clients, seconds=SECONDS)


def eventually(check: Callable[[], T | Pending], what: str) -> T:
    """Wait; an agent that does not answer is asked again."""

    def ask() -> T | Pending:
        try:
            return check()
        except AgentError as error:
            return Pending(error.full_message)

    return wait_until(ask, what=what, seconds=SECONDS, every=0.5)


def _paths(files: TlsFiles) -> dict[str, str]:
    return {"ca_file": str(files.ca), "cert_file": str(files.certificate), "key_file": str(files.key)}


def healthy(servers: RealServers) -> int:
    """Wait for health; after how many looks it came."""
    looks = 0

    def droplets() -> list[Any]:
        nonlocal looks
        looks += 1
        return servers.droplets

    wait_until_healthy(servers.plan, droplets, servers.clients, seconds=SECONDS, every=0.5)
    return looks


def add_fourth(servers: RealServers) -> dict[str, str]:
    """A fourth server joins; what is unmet while it has no vote. Autopilot may give it one when this returns."""
    vote_after(servers, "10m")
    servers.add_server(4)
    close_acls(servers)

    def follows() -> dict[str, str] | Pending:
        unmet = servers.unmet()
        waiting = {
            name for name, message in unmet.items() if f"{FOURTH}: a Raft peer that does not vote yet" in message
        }
        return unmet if waiting == {"consul-peers", "nomad-peers"} else Pending(str(unmet))

    unmet = eventually(follows, "the fourth to follow")
    vote_after(servers, "1s")
    return unmet


def vote_after(servers: RealServers, stable: str) -> None:
    """Set how long a new server must be stable before it votes (by default 10 s); the rest are the defaults.

    Source: https://developer.hashicorp.com/consul/api-docs/operator/autopilot#update-configuration, and Nomad's.
    """
    body = {
        "CleanupDeadServers": True,
        "LastContactThreshold": "200ms",
        "MaxTrailingLogs": 250,
        "ServerStabilizationTime": stable,
    }
    for product in ("consul", "nomad"):
        servers.http(product, 1).call("PUT", "/v1/operator/autopilot/configuration", body)
