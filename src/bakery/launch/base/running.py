"""Access to Consul and Nomad of a running cluster, through a server that sees a leader."""

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
    """Clients for the agents of one cluster."""

    clients: AgentClients
    tokens_of: Callable[[str], tuple[str, ...]]
    """Returns the accessor ids of a node's Consul tokens; the argument is the node's name."""


@dataclass(frozen=True, kw_only=True)
class Reached:
    """One server of each product that sees a leader; None if no server does."""

    consul: ConsulApi | None = None
    nomad: NomadApi | None = None


def reach(running: Running, plan: ClusterPlan, droplets: Iterable[Droplet]) -> Reached:
    """Find a server of each product. Both products are asked at once, so that silent servers cost one time-out."""
    asked = tuple(droplets)
    with ThreadPoolExecutor(max_workers=2) as pool:
        consul = pool.submit(consul_api, running, plan, asked)
        nomad = pool.submit(nomad_api, running, plan, asked)
        return Reached(consul=consul.result(), nomad=nomad.result())


def servers_among(plan: ClusterPlan, servers: Iterable[Node], droplets: Iterable[Droplet]) -> tuple[Droplet, ...]:
    """Return the droplets that run one of ``servers``, in their order.

    They are found by slot, or by role if their slot is not in the plan.
    """
    nodes = tuple(servers)
    slots, roles = {node.slot for node in nodes}, {node.role for node in nodes}
    return tuple(
        droplet
        for droplet in droplets
        if slot_of(droplet, plan.cluster) in slots or role_of_tag(droplet.tags, plan.cluster) in roles
    )


def consul_api(running: Running, plan: ClusterPlan, droplets: Iterable[Droplet]) -> ConsulApi | None:
    """Return the first Consul server among ``droplets`` that sees a leader; None if no server does."""
    return _with_leader(running.clients.consul, servers_among(plan, plan.consul_servers, droplets))


def nomad_api(running: Running, plan: ClusterPlan, droplets: Iterable[Droplet]) -> NomadApi | None:
    """Return the first Nomad server among ``droplets`` that sees a leader; None if no server does."""
    return _with_leader(running.clients.nomad, servers_among(plan, plan.nomad_servers, droplets))


def _with_leader(connect: Callable[[str], Api], droplets: Sequence[Droplet]) -> Api | None:
    """Return the first API that sees a leader. Ask all at once: a silent server must not delay the others."""
    apis = [connect(api_address(d)) for d in droplets if d.status == "active" and api_address(d)]
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        leaders = list(pool.map(sees_leader, apis))
    return next((api for api, sees in zip(apis, leaders, strict=True) if sees), None)
