"""Find the servers that see a leader: for API calls, and for ``bakery env``."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bakery.agents.interface import AclApi, AgentClients
from bakery.cloud.model import Droplet
from bakery.errors import AgentError
from bakery.observe.gather import api_address
from bakery.plan.model import ClusterPlan, Node

_PARALLEL = 8


@dataclass(frozen=True, kw_only=True)
class ServerAddress:
    """A server and the address of its API."""

    name: str
    address: str
    """Public address; without one the VPC address."""
    sees_leader: bool


@dataclass(frozen=True, kw_only=True)
class Servers:
    """The active servers of both products. Servers that see a leader come first; then plan order."""

    consul: tuple[ServerAddress, ...]
    nomad: tuple[ServerAddress, ...]


def servers_with_leader(plan: ClusterPlan, droplets: Sequence[Droplet], clients: AgentClients) -> Servers:
    """Query every active server for the leader, in parallel. Reads only, raises no AgentError.

    A server that does not answer is listed as seeing no leader.
    """
    with ThreadPoolExecutor(max_workers=2) as pool:
        consul = pool.submit(_asked, plan.consul_servers, droplets, clients.consul)
        nomad = pool.submit(_asked, plan.nomad_servers, droplets, clients.nomad)
        return Servers(consul=consul.result(), nomad=nomad.result())


def _asked(
    nodes: Sequence[Node], droplets: Sequence[Droplet], connect: Callable[[str], AclApi]
) -> tuple[ServerAddress, ...]:
    active = {d.name: api_address(d) for d in droplets if d.status == "active" and api_address(d)}
    names = [node.name for node in nodes if node.name in active]

    def look(name: str) -> ServerAddress:
        return ServerAddress(name=name, address=active[name], sees_leader=sees_leader(connect(active[name])))

    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        seen = list(pool.map(look, names))
    return tuple(sorted(seen, key=lambda server: not server.sees_leader))


def sees_leader(api: AclApi) -> bool:
    """Return whether the server sees a leader; False if it does not answer."""
    try:
        return bool(api.leader())
    except AgentError:
        return False
