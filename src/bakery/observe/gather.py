"""Query the agents for all facts that the conditions need. A failed query is recorded as a fact."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import partial
from threading import BoundedSemaphore
from typing import Generic, TypeVar

from bakery.agents.interface import AclApi, AgentClients, ConsulApi, NomadApi
from bakery.agents.model import Autopilot, CatalogNode, GossipKeys, Member, NomadNode, RaftPeer, SigningKey
from bakery.cloud.model import Droplet
from bakery.cloud.together import start_read
from bakery.errors import AgentError
from bakery.plan.ingress import SERVICE
from bakery.plan.model import ClusterPlan, Node

T = TypeVar("T")
Api = TypeVar("Api", bound=AclApi)

_PARALLEL = 8
GRACE_SECONDS = 0.2
"""Seconds for which all servers may answer. Of those that did, the first of the plan is asked for the rest."""
AUTH_METHOD = "nomad-workloads"
"""Consul's auth method for Nomad. The name is Nomad's default (hashicorp/nomad nomad/structs/config/consul.go,
ConsulWorkloadsDefaultAuthMethodName)."""


@dataclass(frozen=True, kw_only=True)
class Answer(Generic[T]):
    """The result of a query, or why there is none."""

    value: T | None = None
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class ServerFacts:
    """Facts that Consul and Nomad have in common."""

    leader: Answer[str]
    """Address of the leader; an empty string if there is none."""
    members: Answer[tuple[Member, ...]]
    peers: Answer[tuple[RaftPeer, ...]]
    autopilot: Answer[Autopilot]
    keys: Answer[GossipKeys]
    token_works: Answer[bool]
    denies_anonymous: Answer[bool]


@dataclass(frozen=True, kw_only=True)
class ConsulFacts(ServerFacts):
    """Facts about Consul."""

    catalog: Answer[tuple[CatalogNode, ...]]
    passing: Answer[tuple[str, ...]]
    jwt_keys: Answer[tuple[str, ...]]
    """The keys whose signatures Consul's auth method for Nomad accepts, as PEM."""
    ingress: Answer[tuple[str, ...]]
    """Names of the nodes whose Traefik takes requests."""
    tags: Answer[Mapping[str, tuple[str, ...]]]
    """Tags of the services, by name."""


@dataclass(frozen=True, kw_only=True)
class NomadFacts(ServerFacts):
    """Facts about Nomad."""

    nodes: Answer[tuple[NomadNode, ...]]
    signing_keys: Answer[tuple[SigningKey, ...]]


AnswerKeys = Callable[[Callable[[], Answer[GossipKeys]]], Answer[GossipKeys]]
"""Is called with the query for the gossip keys, and may answer without sending it."""


@dataclass(frozen=True, kw_only=True)
class Keys:
    """How each product is asked for its gossip keys. The query may take eight seconds."""

    consul: AnswerKeys
    nomad: AnswerKeys


ASK_FOR_KEYS = Keys(consul=lambda query: query(), nomad=lambda query: query())
_NOT_WANTED: Answer[GossipKeys] = Answer(error="not asked")
WITHOUT_KEYS = Keys(consul=lambda _: _NOT_WANTED, nomad=lambda _: _NOT_WANTED)
"""For callers that do not judge the gossip keys."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All facts of one observation."""

    droplets: tuple[Droplet, ...]
    consul: ConsulFacts
    nomad: NomadFacts

    def droplet(self, name: str) -> Droplet | None:
        """Return the droplet with that name; of several, preferably an active one."""
        named = [droplet for droplet in self.droplets if droplet.name == name]
        return min(named, key=lambda droplet: (droplet.status != "active", droplet.id), default=None)

    def address(self, name: str) -> str | None:
        """Return the VPC address of the droplet with that name."""
        droplet = self.droplet(name)
        return droplet.private_ipv4 if droplet else None

    def droplet_at(self, address: str) -> Droplet | None:
        """Return the droplet with that VPC address."""
        return next((droplet for droplet in self.droplets if droplet.private_ipv4 == address), None)


def gather(plan: ClusterPlan, droplets: Sequence[Droplet], clients: AgentClients, *, keys: Keys) -> Facts:
    """Query one Consul server and one Nomad server that see a leader.

    ``keys`` says how to ask for the gossip keys. Reads only, raises no AgentError.
    """

    def ask_consul() -> ConsulFacts:
        reached = reach("Consul", plan.consul_servers, droplets, clients.consul)
        return _ask_consul(reached, keys.consul, has_ingress=bool(plan.ingress_nodes))

    def ask_nomad() -> NomadFacts:
        return _ask_nomad(reach("Nomad", plan.nomad_servers, droplets, clients.nomad), keys.nomad)

    consul, nomad = start_read(ask_consul), start_read(ask_nomad)
    return Facts(droplets=tuple(droplets), consul=consul.result(), nomad=nomad.result())


@dataclass(frozen=True, kw_only=True)
class Reached(Generic[Api]):
    """The server to query, if one sees a leader, and the answer about the leader."""

    api: Api | None
    leader: Answer[str]


def reach(
    product: str, servers: Sequence[Node], droplets: Sequence[Droplet], connect: Callable[[str], Api]
) -> Reached[Api]:
    """Return a server that sees a leader.

    All are asked in parallel, and a server that does not answer is not waited for if another sees a leader.
    """
    names = {node.name for node in servers}
    asked = [droplet for droplet in droplets if droplet.name in names and api_address(droplet)]
    if not asked:
        return Reached(api=None, leader=Answer(error=f"no {product} server has an address yet"))
    apis = [connect(api_address(droplet)) for droplet in asked]
    asking = [start_read(partial(_ask, api.leader)) for api in apis]
    done, left = wait(asking, timeout=GRACE_SECONDS)
    while left and not any(future.result().value for future in done):
        newly, left = wait(left, return_when=FIRST_COMPLETED)
        done |= newly
    for api, future in zip(apis, asking, strict=True):
        if future in done and future.result().value:
            return Reached(api=api, leader=future.result())
    answers = [future.result() for future in asking]
    if any(answer.value is not None for answer in answers):
        return Reached(api=None, leader=Answer(value=""))
    errors = [f"{droplet.name}: {answer.error}" for droplet, answer in zip(asked, answers, strict=True)]
    return Reached(api=None, leader=Answer(error="; ".join(errors)))


def api_address(droplet: Droplet) -> str:
    """Return the public address.

    Without one the VPC address, which is reachable from inside the VPC or over a VPN.
    """
    return droplet.public_ipv4 or droplet.private_ipv4 or ""


def _ask_consul(reached: Reached[ConsulApi], answer_keys: AnswerKeys, *, has_ingress: bool) -> ConsulFacts:
    no_names: Answer[tuple[str, ...]] | None = None if has_ingress else Answer(value=())
    no_tags: Answer[Mapping[str, tuple[str, ...]]] | None = None if has_ingress else Answer(value={})
    asker = _ParallelQueries(reached.api)
    keys = asker.ask_through(answer_keys, lambda consul: consul.gossip_keys())  # first: it takes the longest
    members = asker.ask(lambda consul: consul.members())
    peers = asker.ask(lambda consul: consul.raft_peers())
    autopilot = asker.ask(lambda consul: consul.autopilot())
    token_works = asker.ask(lambda consul: consul.has_management_token())
    denies_anonymous = asker.ask(lambda consul: consul.denies_anonymous())
    catalog = asker.ask(lambda consul: consul.catalog_nodes())
    passing = asker.ask(lambda consul: consul.passing_nodes())
    jwt_keys = asker.ask(lambda consul: consul.jwt_keys(AUTH_METHOD))
    ingress = asker.ask(lambda consul: consul.passing_instances(SERVICE), no_names)
    tags = asker.ask(lambda consul: consul.service_tags(), no_tags)
    return ConsulFacts(
        leader=reached.leader,
        members=members.result(),
        peers=peers.result(),
        autopilot=autopilot.result(),
        keys=keys.result(),
        token_works=token_works.result(),
        denies_anonymous=denies_anonymous.result(),
        catalog=catalog.result(),
        passing=passing.result(),
        jwt_keys=jwt_keys.result(),
        ingress=ingress.result(),
        tags=tags.result(),
    )


def _ask_nomad(reached: Reached[NomadApi], answer_keys: AnswerKeys) -> NomadFacts:
    asker = _ParallelQueries(reached.api)
    keys = asker.ask_through(answer_keys, lambda nomad: nomad.gossip_keys())  # first: it takes the longest
    members = asker.ask(lambda nomad: nomad.members())
    peers = asker.ask(lambda nomad: nomad.raft_peers())
    autopilot = asker.ask(lambda nomad: nomad.autopilot())
    token_works = asker.ask(lambda nomad: nomad.has_management_token())
    denies_anonymous = asker.ask(lambda nomad: nomad.denies_anonymous())
    nodes = asker.ask(lambda nomad: nomad.nodes())
    signing_keys = asker.ask(lambda nomad: nomad.signing_keys())
    return NomadFacts(
        leader=reached.leader,
        members=members.result(),
        peers=peers.result(),
        autopilot=autopilot.result(),
        keys=keys.result(),
        token_works=token_works.result(),
        denies_anonymous=denies_anonymous.result(),
        nodes=nodes.result(),
        signing_keys=signing_keys.result(),
    )


class _ParallelQueries(Generic[Api]):
    """Queries one agent in parallel: the gossip keys take one second, because every member is asked.

    The threads do not keep the process alive: after Ctrl-C it must not wait for an agent that has stopped.
    """

    def __init__(self, api: Api | None) -> None:
        self._api = api
        self._slots = BoundedSemaphore(_PARALLEL)

    def ask(self, call: Callable[[Api], T], known: Answer[T] | None = None) -> Future[Answer[T]]:
        return self._start(lambda: known or _ask_if(self._api, call))

    def ask_through(
        self, answer: Callable[[Callable[[], Answer[T]]], Answer[T]], call: Callable[[Api], T]
    ) -> Future[Answer[T]]:
        return self._start(lambda: answer(lambda: _ask_if(self._api, call)))

    def _start(self, query: Callable[[], Answer[T]]) -> Future[Answer[T]]:
        def run() -> Answer[T]:
            with self._slots:
                return query()

        return start_read(run)


def _ask_if(api: Api | None, call: Callable[[Api], T]) -> Answer[T]:
    if api is None:
        return Answer(error="there is no leader")
    return _ask(lambda: call(api))


def _ask(call: Callable[[], T]) -> Answer[T]:
    try:
        return Answer(value=call())
    except AgentError as error:
        return Answer(error=error.full_message)
