"""Asks the agents everything that the conditions need; whatever cannot be asked is an answer too."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from bakery.agents.interface import AclApi, AgentClients, ConsulApi, NomadApi
from bakery.agents.model import Member, NomadNode
from bakery.cloud.model import Droplet
from bakery.errors import AgentError
from bakery.plan.model import ClusterPlan, Node

T = TypeVar("T")
Api = TypeVar("Api", bound=AclApi)

_PARALLEL = 8


@dataclass(frozen=True, kw_only=True)
class Answer(Generic[T]):
    """What an agent said, or why it could not be asked."""

    value: T | None = None
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class ConsulFacts:
    leader: Answer[str]
    """Empty string: there is none."""
    members: Answer[tuple[Member, ...]]
    peers: Answer[tuple[str, ...]]
    token_works: Answer[bool]
    denies_anonymous: Answer[bool]
    catalog: Answer[tuple[str, ...]]
    passing: Answer[tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class NomadFacts:
    leader: Answer[str]
    members: Answer[tuple[Member, ...]]
    token_works: Answer[bool]
    denies_anonymous: Answer[bool]
    nodes: Answer[tuple[NomadNode, ...]]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that was seen at one moment."""

    droplets: tuple[Droplet, ...]
    consul: ConsulFacts
    nomad: NomadFacts

    def droplet(self, name: str) -> Droplet | None:
        """The droplet of that name; of several, an active one first."""
        named = [droplet for droplet in self.droplets if droplet.name == name]
        return min(named, key=lambda droplet: (droplet.status != "active", droplet.id), default=None)


def gather(plan: ClusterPlan, droplets: Sequence[Droplet], clients: AgentClients) -> Facts:
    """Ask one Consul server and one Nomad server; any that answers will do. Reads only, raises no AgentError."""
    return Facts(
        droplets=tuple(droplets),
        consul=_ask_consul(_reach("Consul", plan.consul_servers, droplets, clients.consul)),
        nomad=_ask_nomad(_reach("Nomad", plan.nomad_servers, droplets, clients.nomad)),
    )


@dataclass(frozen=True, kw_only=True)
class _Reached(Generic[Api]):
    """The server to ask, if one has a leader, and what was learned on the way."""

    api: Api | None
    leader: Answer[str]


def _reach(
    product: str, servers: Sequence[Node], droplets: Sequence[Droplet], connect: Callable[[str], Api]
) -> _Reached[Api]:
    """Ask every server for the leader, all at once: a droplet that swallows packets must not delay the others."""
    names = {node.name for node in servers}
    asked = [droplet for droplet in droplets if droplet.name in names and _address(droplet)]
    if not asked:
        return _Reached(api=None, leader=Answer(error=f"no {product} server has an address yet"))
    apis = [connect(_address(droplet)) for droplet in asked]
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        answers = list(pool.map(lambda api: _ask(api.leader), apis))
    for api, answer in zip(apis, answers, strict=True):
        if answer.value:
            return _Reached(api=api, leader=answer)
    if any(answer.value is not None for answer in answers):
        return _Reached(api=None, leader=Answer(value=""))
    errors = [f"{droplet.name}: {answer.error}" for droplet, answer in zip(asked, answers, strict=True)]
    return _Reached(api=None, leader=Answer(error="; ".join(errors)))


def _address(droplet: Droplet) -> str:
    """Public where there is one; a private droplet is asked on its VPC address (from within, or over a VPN)."""
    return droplet.public_ipv4 or droplet.private_ipv4 or ""


def _ask_consul(reached: _Reached[ConsulApi]) -> ConsulFacts:
    api = reached.api
    return ConsulFacts(
        leader=reached.leader,
        members=_ask_if(api, lambda consul: consul.members()),
        peers=_ask_if(api, lambda consul: consul.peers()),
        token_works=_ask_if(api, lambda consul: consul.has_management_token()),
        denies_anonymous=_ask_if(api, lambda consul: consul.denies_anonymous()),
        catalog=_ask_if(api, lambda consul: consul.catalog_nodes()),
        passing=_ask_if(api, lambda consul: consul.passing_nodes()),
    )


def _ask_nomad(reached: _Reached[NomadApi]) -> NomadFacts:
    api = reached.api
    return NomadFacts(
        leader=reached.leader,
        members=_ask_if(api, lambda nomad: nomad.members()),
        token_works=_ask_if(api, lambda nomad: nomad.has_management_token()),
        denies_anonymous=_ask_if(api, lambda nomad: nomad.denies_anonymous()),
        nodes=_ask_if(api, lambda nomad: nomad.nodes()),
    )


def _ask_if(api: Api | None, call: Callable[[Api], T]) -> Answer[T]:
    if api is None:
        return Answer(error="there is no leader")
    return _ask(lambda: call(api))


def _ask(call: Callable[[], T]) -> Answer[T]:
    try:
        return Answer(value=call())
    except AgentError as error:
        return Answer(error=error.summary)
