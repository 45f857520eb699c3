"""Consul and Nomad that live in memory, and a whole healthy cluster of them to break one thing of."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bakery.agents.interface import AgentClients
from bakery.agents.model import AclPolicy, AclToken, ListedToken, Member, NomadNode
from bakery.cloud.model import Droplet
from bakery.config.model import Kind
from bakery.errors import AgentError, DeadlineError
from bakery.plan.model import ClusterPlan
from tests.helpers.clusters import make_node, make_plan


@dataclass
class FakeAgent:
    """What both have in common. ``failures`` maps a call's name to the error it raises."""

    leader_address: str = "10.100.0.2:8300"
    knows_our_token: bool = True
    anonymous_denied: bool = True
    bootstrapped_with: str | None = None
    failures: dict[str, AgentError] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.failures:
            raise self.failures[name]

    def leader(self) -> str:
        self._called("leader")
        return self.leader_address

    def bootstrap_acl(self, secret: str) -> bool:
        self._called("bootstrap_acl")
        if self.bootstrapped_with is not None:
            return False
        self.bootstrapped_with = secret
        return True

    def has_management_token(self) -> bool:
        self._called("has_management_token")
        return self.knows_our_token

    def denies_anonymous(self) -> bool:
        self._called("denies_anonymous")
        return self.anonymous_denied


@dataclass
class FakeConsul(FakeAgent):
    raft: tuple[str, ...] = ()
    pool: tuple[Member, ...] = ()
    catalog: tuple[str, ...] = ()
    passing: tuple[str, ...] = ()
    policies: dict[str, AclPolicy] = field(default_factory=dict)
    tokens: dict[str, AclToken] = field(default_factory=dict)

    def peers(self) -> tuple[str, ...]:
        self._called("peers")
        return self.raft

    def members(self) -> tuple[Member, ...]:
        self._called("members")
        return self.pool

    def catalog_nodes(self) -> tuple[str, ...]:
        self._called("catalog_nodes")
        return self.catalog

    def passing_nodes(self) -> tuple[str, ...]:
        self._called("passing_nodes")
        return self.passing

    def put_policy(self, policy: AclPolicy) -> bool:
        self._called("put_policy")
        changed = self.policies.get(policy.name) != policy
        self.policies[policy.name] = policy
        return changed

    def list_tokens(self) -> tuple[ListedToken, ...]:
        self._called("list_tokens")
        return tuple(ListedToken(accessor=token.accessor, grant=token.grant) for token in self.tokens.values())

    def put_token(self, token: AclToken) -> None:
        self._called("put_token")
        self.tokens[token.accessor] = token


@dataclass
class FakeNomad(FakeAgent):
    pool: tuple[Member, ...] = ()
    clients: tuple[NomadNode, ...] = ()

    def members(self) -> tuple[Member, ...]:
        self._called("members")
        return self.pool

    def nodes(self) -> tuple[NomadNode, ...]:
        self._called("nodes")
        return self.clients

    def drain(self, node_id: str, *, seconds: int) -> None:
        self._called(f"drain {node_id}")
        self.clients = tuple(
            replace(node, draining=True, eligible=False) if node.id == node_id else node for node in self.clients
        )


class FakeClock:
    """Time passes only by sleeping; ``on_sleep`` lets the world change meanwhile."""

    def __init__(self, on_sleep: Callable[[float], None] = lambda now: None) -> None:
        self.time = 0.0
        self._on_sleep = on_sleep

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        self._on_sleep(self.time)
        if self.time > 100_000:
            message = "the test waits for ever"
            raise DeadlineError(message)


@dataclass
class FakeCluster:
    """A plan, its droplets, and one Consul and one Nomad that every server's address leads to."""

    plan: ClusterPlan
    droplets: list[Droplet]
    consul: FakeConsul
    nomad: FakeNomad
    unreachable: set[str] = field(default_factory=set)
    """Addresses where nobody answers."""

    @property
    def clients(self) -> AgentClients:
        return AgentClients(consul=self._consul_at, nomad=self._nomad_at)

    def _consul_at(self, address: str) -> FakeConsul:
        return FakeConsul(failures={"leader": _silence(address)}) if address in self.unreachable else self.consul

    def _nomad_at(self, address: str) -> FakeNomad:
        return FakeNomad(failures={"leader": _silence(address)}) if address in self.unreachable else self.nomad


def healthy_cluster() -> FakeCluster:
    """Three Consul servers, one Nomad server and two Nomad clients, with nothing to complain of."""
    kinds = [Kind.CONSUL_SERVER] * 3 + [Kind.NOMAD_SERVER] + [Kind.NOMAD_CLIENT] * 2
    nodes = tuple(make_node(kind, kinds[: i + 1].count(kind)) for i, kind in enumerate(kinds))
    plan = replace(make_plan(), nodes=nodes, consul_expect=3, nomad_expect=1)
    droplets = [make_droplet(i, node.name, node.tags) for i, node in enumerate(nodes, start=1)]
    names = tuple(node.name for node in nodes)
    alive = {d.name: Member(name=d.name, address=str(d.private_ipv4), status="alive") for d in droplets}
    consul = FakeConsul(
        raft=tuple(f"{droplet.private_ipv4}:8300" for droplet in droplets[: len(plan.consul_servers)]),
        pool=tuple(alive.values()),
        catalog=names,
        passing=names,
    )
    nomad = FakeNomad(
        leader_address="10.100.0.4:4647",
        pool=tuple(alive[node.name] for node in plan.nomad_servers),
        clients=tuple(make_client(node.name) for node in plan.nomad_clients),
    )
    return FakeCluster(plan=plan, droplets=droplets, consul=consul, nomad=nomad)


def make_droplet(number: int, name: str, tags: tuple[str, ...] = ()) -> Droplet:
    return Droplet(
        id=number,
        name=name,
        status="active",
        created_at="2026-01-01T00:00:00Z",
        region="fra1",
        size="s-1vcpu-1gb",
        image_id=7,
        tags=tags,
        vpc_id="vpc",
        public_ipv4=f"198.18.0.{number}",
        private_ipv4=f"10.100.0.{number}",
    )


def make_client(name: str) -> NomadNode:
    return NomadNode(
        id=f"id-{name}",
        name=name,
        address="10.100.0.9",
        status="ready",
        eligible=True,
        consul_version="1.22.5",
        drivers={"docker": True, "exec": True},
    )


def _silence(address: str) -> AgentError:
    return AgentError(
        f"Consul at {address}:8501 cannot be reached", details="[Errno 113] No route to host", status=0
    )
