"""Access to Consul and Nomad of a running cluster, through a server that sees a leader."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from bakery.agents.interface import AclApi, AgentClients, ConsulApi, NomadApi
from bakery.cloud.model import Droplet
from bakery.errors import AgentError
from bakery.observe.gather import api_address
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
    nomad_servers: tuple[NomadApi, ...] = ()
    """Every server of Nomad that answers."""
    electing: frozenset[str] = frozenset()
    """Products whose servers answer and see no leader: "Consul", "Nomad"."""


@dataclass(frozen=True, kw_only=True)
class _Led(Generic[Api]):
    api: Api | None = None
    """A server that sees a leader."""
    answering: tuple[Api, ...] = ()
    """Every server that answers."""

    @property
    def is_electing(self) -> bool:
        """Whether servers answer, and see no leader."""
        return bool(self.answering) and self.api is None


def reach(running: Running, plan: ClusterPlan, droplets: Iterable[Droplet]) -> Reached:
    """Find a server of each product. Both products are asked at once, so that silent servers cost one time-out."""
    asked = tuple(droplets)
    with ThreadPoolExecutor(max_workers=2) as pool:
        asked_consul = pool.submit(_find_led, running.clients.consul, plan, plan.consul_servers, asked)
        asked_nomad = pool.submit(_find_led, running.clients.nomad, plan, plan.nomad_servers, asked)
        consul, nomad = asked_consul.result(), asked_nomad.result()
    electing = {"Consul": consul.is_electing, "Nomad": nomad.is_electing}
    return Reached(
        consul=consul.api,
        nomad=nomad.api,
        nomad_servers=nomad.answering,
        electing=frozenset(name for name, holds in electing.items() if holds),
    )


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


def possible_servers(
    plan: ClusterPlan, servers: Iterable[Node], droplets: Iterable[Droplet]
) -> tuple[Droplet, ...]:
    """Return the droplets that run one of ``servers``, and those of roles that the plan does not contain.

    The kind of a role that was removed from the cluster file is not known: Raft knows whether it has servers.
    """
    asked = tuple(droplets)
    found = (*servers_among(plan, servers, asked), *_of_other_roles(plan, asked))
    return tuple(droplet for droplet in asked if droplet in found)


def _of_other_roles(plan: ClusterPlan, droplets: Iterable[Droplet]) -> tuple[Droplet, ...]:
    slots, roles = {node.slot for node in plan.nodes}, {node.role for node in plan.nodes}
    return tuple(
        droplet
        for droplet in droplets
        if slot_of(droplet, plan.cluster) not in slots and role_of_tag(droplet.tags, plan.cluster) not in roles
    )


def consul_api(running: Running, plan: ClusterPlan, droplets: Iterable[Droplet]) -> ConsulApi | None:
    """Return the first Consul server among ``droplets`` that sees a leader; None if no server does."""
    return _find_led(running.clients.consul, plan, plan.consul_servers, tuple(droplets)).api


def nomad_api(running: Running, plan: ClusterPlan, droplets: Iterable[Droplet]) -> NomadApi | None:
    """Return the first Nomad server among ``droplets`` that sees a leader; None if no server does."""
    return _find_led(running.clients.nomad, plan, plan.nomad_servers, tuple(droplets)).api


def _find_led(
    connect: Callable[[str], Api], plan: ClusterPlan, servers: Iterable[Node], droplets: tuple[Droplet, ...]
) -> _Led[Api]:
    """Find the first API that sees a leader. Ask droplets of other roles last: a client does not answer."""
    found = _ask_all(connect, servers_among(plan, servers, droplets))
    if found.api is None:
        others = _ask_all(connect, _of_other_roles(plan, droplets))
        return _Led(api=others.api, answering=(*found.answering, *others.answering))
    return found


def _ask_all(connect: Callable[[str], Api], droplets: Sequence[Droplet]) -> _Led[Api]:
    """Find the first API that sees a leader. Ask all at once: a silent server must not delay the others."""
    apis = [connect(api_address(d)) for d in droplets if d.status == "active" and api_address(d)]
    if not apis:
        return _Led()
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        leaders = list(pool.map(_leader, apis))
    api = next((api for api, leader in zip(apis, leaders, strict=True) if leader), None)
    answering = (api for api, leader in zip(apis, leaders, strict=True) if leader is not None)
    return _Led(api=api, answering=tuple(answering))


def _leader(api: AclApi) -> str | None:
    """Return the leader; an empty string if the server sees none, None if it does not answer."""
    try:
        return api.leader()
    except AgentError as error:
        return "" if error.status else None
