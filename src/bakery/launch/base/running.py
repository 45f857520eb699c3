"""The running cluster as a launch and a destroy ask and change it: through a server that sees a leader."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from bakery.agents.interface import AclApi, AgentClients, ConsulApi, NomadApi
from bakery.cloud.model import Droplet
from bakery.observe.gather import api_address
from bakery.observe.leaders import sees_leader
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.slots import slot_of
from bakery.plan.tags import role_of_tag

Api = TypeVar("Api", bound=AclApi)
_PARALLEL = 8


@dataclass(frozen=True, kw_only=True)
class Running:
    """How the agents of one cluster are reached."""

    clients: AgentClients
    tokens_of: Callable[[str], tuple[str, ...]]
    """The accessors of a node's Consul tokens, by the node's name."""


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A server of each product that sees a leader; None if there is none."""

    consul: ConsulApi | None = None
    nomad: NomadApi | None = None


def reach(running: Running, plan: ClusterPlan, droplets: Iterable[Droplet]) -> Reached:
    """Both products at once: servers that do not answer cost one time-out, not two."""
    asked = tuple(droplets)
    with ThreadPoolExecutor(max_workers=2) as pool:
        consul = pool.submit(consul_api, running, plan, asked)
        nomad = pool.submit(nomad_api, running, plan, asked)
        return Reached(consul=consul.result(), nomad=nomad.result())


def servers_among(plan: ClusterPlan, servers: Iterable[Node], droplets: Iterable[Droplet]) -> tuple[Droplet, ...]:
    """The droplets that run one of ``servers``: by slot, or by role for one that the plan names no more."""
    nodes = tuple(servers)
    slots, roles = {node.slot for node in nodes}, {node.role for node in nodes}
    return tuple(
        droplet
        for droplet in droplets
        if slot_of(droplet, plan.cluster) in slots or role_of_tag(droplet.tags, plan.cluster) in roles
    )


def consul_api(running: Running, plan: ClusterPlan, droplets: Iterable[Droplet]) -> ConsulApi | None:
    """The first Consul server among ``droplets`` that sees a leader; None if none does."""
    return _with_leader(running.clients.consul, servers_among(plan, plan.consul_servers, droplets))


def nomad_api(running: Running, plan: ClusterPlan, droplets: Iterable[Droplet]) -> NomadApi | None:
    """The first Nomad server among ``droplets`` that sees a leader; None if none does."""
    return _with_leader(running.clients.nomad, servers_among(plan, plan.nomad_servers, droplets))


def _with_leader(connect: Callable[[str], Api], droplets: Sequence[Droplet]) -> Api | None:
    """All are asked at once: a server that does not answer must not delay the others."""
    apis = [connect(api_address(d)) for d in droplets if d.status == "active" and api_address(d)]
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        leaders = list(pool.map(sees_leader, apis))
    return next((api for api, sees in zip(apis, leaders, strict=True) if sees), None)
