"""Consul and Nomad that live in memory, and a whole healthy cluster of them to break one thing of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from bakery.agents.interface import AgentClients, ConsulApi
from bakery.agents.model import (
    AclPolicy,
    AclRole,
    AclToken,
    Allocation,
    Autopilot,
    BindingRule,
    CatalogNode,
    CertificateDates,
    Evaluation,
    GossipKeys,
    JobStatus,
    JwtAuthMethod,
    ListedToken,
    LockHolder,
    Member,
    NomadNode,
    RaftPeer,
    Resources,
    ServerHealth,
    SigningKey,
    TokenGrant,
)
from bakery.cloud.model import Droplet
from bakery.config.model import Kind
from bakery.errors import AgentError, DeadlineError
from bakery.plan.model import ClusterPlan
from tests.helpers.clusters import make_node, make_plan

KNOWS_THE_KEY = JwtAuthMethod(
    name="nomad-workloads", description="", audience="", claims=(), public_keys=("PEM 1",)
)
"""With the key of :class:`FakeNomad`, and nothing else as bakery writes it."""
TEN_YEARS = CertificateDates(begins=datetime(2026, 1, 1, tzinfo=UTC), ends=datetime(2035, 12, 30, tzinfo=UTC))


@dataclass
class FakeAgent:
    """What both have in common. ``failures`` maps a call's name to the error it raises."""

    leader_address: str = "10.100.0.2:8300"
    knows_our_token: bool = True
    anonymous_denied: bool = True
    bootstrapped_with: str | None = None
    pool: tuple[Member, ...] = ()
    raft: tuple[RaftPeer, ...] = ()
    lagging: set[str] = field(default_factory=set)
    """Names of servers that autopilot finds unhealthy though their members are alive."""
    other_keys: int = 0
    """Gossip keys beside ours."""
    without_our_key: int = 0
    """How many members lack ours."""
    silent: int = 0
    """How many members do not tell their keys."""
    autopilot_min_quorum: int = 0
    dates: CertificateDates = TEN_YEARS
    failures: dict[str, AgentError] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    on_call: Callable[[], None] = lambda: None
    """Lets the world change before each answer."""

    def _called(self, name: str, *details: str) -> None:
        self.on_call()
        self.calls.append(" ".join([name, *details]))
        if name in self.failures:
            raise self.failures[name]

    def certificate(self) -> CertificateDates:
        self._called("certificate")
        return self.dates

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

    def accepts_token(self) -> bool:
        self._called("accepts_token")
        return self.knows_our_token

    def denies_anonymous(self) -> bool:
        self._called("denies_anonymous")
        return self.anonymous_denied

    def members(self) -> tuple[Member, ...]:
        self._called("members")
        return self.pool

    def raft_peers(self, *, stale: bool = False) -> tuple[RaftPeer, ...]:
        self._called("raft_peers", *(["stale"] if stale else []))
        if not stale:
            self._need_leader()
        return self.raft

    def autopilot(self) -> Autopilot:
        self._called("autopilot")
        self._need_leader()
        servers = tuple(sorted((self._health(peer) for peer in self.raft), key=lambda server: server.name))
        voters = [server for server in servers if server.voter]
        spare = sum(server.healthy for server in voters) - (len(voters) // 2 + 1)
        return Autopilot(
            healthy=all(server.healthy for server in servers), failure_tolerance=max(0, spare), servers=servers
        )

    def min_quorum(self) -> int:
        self._called("min_quorum")
        self._need_leader()
        return self.autopilot_min_quorum

    def set_min_quorum(self, voters: int) -> bool:
        self._called("set_min_quorum", str(voters))
        self._need_leader()
        changed = self.autopilot_min_quorum != voters
        self.autopilot_min_quorum = voters
        return changed

    def transfer_leadership(self, peer_id: str) -> None:
        self._called("transfer_leadership", peer_id)
        if peer_id not in {peer.id for peer in self.raft if peer.voter}:
            message = "no such voter"
            raise AgentError(message=message, status=500)
        self._lead(peer_id)

    def remove_peer(self, peer_id: str) -> None:
        self._called("remove_peer", peer_id)
        self._drop_peer(peer_id)

    def force_leave(self, name: str) -> None:
        self._called("force_leave", name)
        self.pool = tuple(member for member in self.pool if member.name != name or member.status == "alive")

    def join(self, addresses: Sequence[str]) -> int:
        self._called("join", *addresses)
        return len(addresses)

    def gossip_keys(self) -> GossipKeys:
        self._called("gossip_keys")
        members = sum(member.status == "alive" for member in self.pool)
        if self.silent:
            return GossipKeys(members=members + self.silent, with_ours=0, others=0, silent=self.silent)
        return GossipKeys(members=members, with_ours=members - self.without_our_key, others=self.other_keys)

    def fail(self, address: str, status: str = "failed") -> None:
        """The member at that address stops; Raft keeps it, and without a majority of voters nobody leads."""
        self.pool = tuple(replace(m, status=status) if m.address == address else m for m in self.pool)
        voters = [peer for peer in self.raft if peer.voter]
        alive = [peer for peer in voters if self._is_alive(peer)]
        if 2 * len(alive) <= len(voters):
            self._lead("")
        elif not any(peer.leader for peer in alive):
            self._lead(alive[0].id)

    def _need_leader(self) -> None:
        if not self.leader_address:
            message = "the agent has no leader"
            raise AgentError(message=message, details="No cluster leader", status=500)

    def _health(self, peer: RaftPeer) -> ServerHealth:
        alive = self._is_alive(peer)
        healthy = alive and peer.name not in self.lagging
        return ServerHealth(
            id=peer.id,
            name=peer.name,
            address=peer.address,
            alive=alive,
            healthy=healthy,
            voter=peer.voter,
            leader=peer.leader,
        )

    def _is_alive(self, peer: RaftPeer) -> bool:
        return any(
            member.status == "alive" and (member.name, member.address) == (peer.name, peer.address)
            for member in self.pool
        )

    def _lead(self, peer_id: str) -> None:
        self.raft = tuple(replace(peer, leader=peer.id == peer_id) for peer in self.raft)
        leaders = [peer.address for peer in self.raft if peer.leader]
        self.leader_address = f"{leaders[0]}:8300" if leaders else ""

    def _drop_peer(self, peer_id: str) -> None:
        led = any(peer.id == peer_id and peer.leader for peer in self.raft)
        self.raft = tuple(peer for peer in self.raft if peer.id != peer_id)
        if led:
            self._lead(next((peer.id for peer in self.raft if peer.voter and self._is_alive(peer)), ""))


@dataclass
class FakeConsul(FakeAgent):
    catalog: tuple[CatalogNode, ...] = ()
    passing: tuple[str, ...] = ()
    instances: dict[str, tuple[str, ...]] | None = None
    """Services whose checks pass, by node; None: each on the nodes of the role with its name."""
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Tags by service."""
    policies: dict[str, AclPolicy] = field(default_factory=dict)
    tokens: dict[str, AclToken] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    """Names of the nodes that they belong to, by id."""
    locks: dict[str, LockHolder] = field(default_factory=dict)
    keys: dict[str, dict[str, str]] = field(default_factory=dict)
    """Values by key."""
    roles: dict[str, AclRole] = field(default_factory=dict)
    auth_methods: dict[str, JwtAuthMethod] = field(default_factory=dict)
    binding_rules: dict[tuple[str, str], BindingRule] = field(default_factory=dict)
    """By auth method and description."""

    def catalog_nodes(self) -> tuple[CatalogNode, ...]:
        self._called("catalog_nodes")
        return self.catalog

    def passing_instances(self, service: str) -> tuple[str, ...]:
        self._called(f"passing_instances {service}")
        if self.instances is None:
            return tuple(node for node in self.passing if f"-{service}-" in node)
        return tuple(node for node, names in self.instances.items() if service in names)

    def service_tags(self) -> dict[str, tuple[str, ...]]:
        self._called("service_tags")
        return self.tags

    def passing_nodes(self) -> tuple[str, ...]:
        self._called("passing_nodes")
        return self.passing

    def put_policy(self, policy: AclPolicy) -> bool:
        self._called("put_policy")
        changed = self.policies.get(policy.name) != policy
        self.policies[policy.name] = policy
        return changed

    def delete_policy(self, name: str) -> None:
        self._called("delete_policy", name)
        self.policies.pop(name, None)

    def list_tokens(self) -> tuple[ListedToken, ...]:
        self._called("list_tokens")
        return tuple(ListedToken(accessor=token.accessor, grant=token.grant) for token in self.tokens.values())

    def put_token(self, token: AclToken) -> None:
        self._called("put_token")
        self.tokens[token.accessor] = token

    def delete_token(self, accessor: str) -> None:
        self._called("delete_token", accessor)
        self.tokens.pop(accessor, None)

    def put_role(self, role: AclRole) -> bool:
        self._called("put_role", role.name)
        if unknown := set(role.policies) - set(self.policies):
            raise AgentError(message="Consul refused the role", details=f"no policies {unknown}", status=500)
        changed = self.roles.get(role.name) != role
        self.roles[role.name] = role
        return changed

    def put_auth_method(self, method: JwtAuthMethod) -> bool:
        self._called("put_auth_method", method.name)
        changed = self.auth_methods.get(method.name) != method
        self.auth_methods[method.name] = method
        return changed

    def put_binding_rules(self, method: str, rules: Sequence[BindingRule]) -> int:
        self._called("put_binding_rules", method)
        if method not in self.auth_methods:
            raise AgentError(message="Consul refused the rule", details="no such auth method", status=500)
        wanted = {(method, rule.description): rule for rule in rules}
        changed = sum(self.binding_rules.get(key) != rule for key, rule in wanted.items())
        self.binding_rules |= wanted
        return changed

    def jwt_keys(self, method: str) -> tuple[str, ...]:
        self._called("jwt_keys", method)
        return self.auth_methods[method].public_keys if method in self.auth_methods else ()

    def deregister_node(self, name: str) -> None:
        self._called("deregister_node", name)
        self._forget(name)

    def force_leave(self, name: str) -> None:
        """The leader strikes whoever has left from the catalog too."""
        super().force_leave(name)
        if name not in {member.name for member in self.pool}:
            self._forget(name)

    def put_key(self, key: str, value: Mapping[str, str]) -> None:
        self._called("put_key", key)
        self.keys[key] = dict(value)

    def has_key(self, key: str) -> bool:
        self._called("has_key", key)
        return key in self.keys

    def delete_key(self, key: str) -> None:
        self._called("delete_key", key)
        self.keys.pop(key, None)

    def create_session(self, name: str, *, node: str, ttl_seconds: int) -> str:
        self._called("create_session", name, node, str(ttl_seconds))
        session = f"session-{len(self.calls)}"
        self.sessions[session] = node
        return session

    def renew_session(self, session: str) -> bool:
        self._called("renew_session", session)
        return session in self.sessions

    def destroy_session(self, session: str) -> None:
        self._called("destroy_session", session)
        self.end_session(session)

    def end_session(self, session: str) -> None:
        """As when nobody has renewed it in time."""
        self.sessions.pop(session, None)
        self.locks = {key: lock for key, lock in self.locks.items() if lock.session != session}

    def acquire_lock(self, key: str, session: str, holder: str) -> bool:
        self._called("acquire_lock", key, session)
        if session not in self.sessions:
            raise AgentError(message="no such session", details=f'invalid session "{session}"', status=500)
        if key in self.locks and self.locks[key].session != session:
            return False
        self.locks[key] = LockHolder(session=session, holder=holder)
        return True

    def release_lock(self, key: str, session: str) -> bool:
        self._called("release_lock", key, session)
        if key not in self.locks or self.locks[key].session != session:
            return False
        del self.locks[key]
        return True

    def lock_holder(self, key: str) -> LockHolder | None:
        self._called("lock_holder", key)
        return self.locks.get(key)

    def follow_log(self, level: str, *, seconds: float | None) -> Iterator[str]:
        self._called("follow_log", level)
        yield f"{level} for {seconds}"

    def leave(self) -> None:
        """Of one machine's agent only: see :class:`_ConsulAt`."""
        self._called("leave")
        raise NotImplementedError

    def leave_from(self, address: str) -> None:
        """As a server leaves: out of Raft, then stopped, with a member that says "left"."""
        self._called("leave", address)
        for member in self.pool:
            if (member.address, member.status) == (address, "alive"):
                self._forget(member.name)
        for peer in self.raft:
            if peer.address == address and len(self.raft) > 1:
                self._drop_peer(peer.id)
        self.fail(address, "left")

    def _forget(self, name: str) -> None:
        self.catalog = tuple(node for node in self.catalog if node.name != name)
        self.passing = tuple(node for node in self.passing if node != name)
        for session in [session for session, node in self.sessions.items() if node == name]:
            self.end_session(session)


@dataclass
class FakeNomad(FakeAgent):
    clients: tuple[NomadNode, ...] = ()
    running: dict[str, tuple[Allocation, ...]] = field(default_factory=dict)
    """Allocations by the id of the client."""
    jobs: tuple[JobStatus, ...] = ()
    evaluated: dict[str, tuple[Evaluation, ...]] = field(default_factory=dict)
    """Evaluations by job."""
    free: dict[str, Resources] = field(default_factory=dict)
    """What a client has left, by its id; plenty if it is not named."""
    volumes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Dynamic host volumes by the id of the client."""
    namespaces: set[str] = field(default_factory=lambda: {"default"})
    policies: dict[str, AclPolicy] = field(default_factory=dict)
    tokens: list[ListedToken] = field(default_factory=list)
    keys: tuple[SigningKey, ...] = (SigningKey(id="key-1", pem="PEM 1", active=True),)
    journal: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Lines of journalctl by unit."""

    def signing_keys(self) -> tuple[SigningKey, ...]:
        self._called("signing_keys")
        return self.keys

    def rotate(self) -> None:
        """Sign with a new key from now on; the old one is published still."""
        number = len(self.keys) + 1
        new = SigningKey(id=f"key-{number}", pem=f"PEM {number}", active=True)
        self.keys = (*(replace(key, active=False) for key in self.keys), new)

    def force_leave(self, name: str) -> None:
        """A server that is only taken for alive is removed; one that lives, and votes, refutes it."""
        super().force_leave(name)
        voters = {peer.address for peer in self.raft if peer.voter}
        self.pool = tuple(m for m in self.pool if m.name != name or m.address in voters)

    def nodes(self) -> tuple[NomadNode, ...]:
        self._called("nodes")
        return self.clients

    def create_introduction(self, *, name: str, pool: str) -> str:
        self._called("create_introduction", name, pool)
        return f"introduction {len(self.calls)} of {name}"

    def drain(self, node_id: str, *, seconds: int) -> None:
        self._called("drain", node_id)
        self._change(node_id, draining=True, eligible=False, last_drain="draining")

    def set_ineligible(self, node_id: str) -> None:
        self._called("set_ineligible", node_id)
        self.clients = tuple(
            replace(node, eligible=False) if node.id == node_id else node for node in self.clients
        )

    def set_eligible(self, node_id: str) -> None:
        self._called("set_eligible", node_id)
        self._cancel(node_id, eligible=True)

    def cancel_drain(self, node_id: str) -> None:
        self._called("cancel_drain", node_id)
        self._cancel(node_id, eligible=False)

    def _cancel(self, node_id: str, *, eligible: bool) -> None:
        (last,) = {node.last_drain for node in self.clients if node.id == node_id} or {""}
        last = "canceled" if last == "draining" else last
        self._change(node_id, draining=False, eligible=eligible, last_drain=last)

    def purge(self, node_id: str) -> None:
        self._called("purge", node_id)
        self.clients = tuple(node for node in self.clients if node.id != node_id)

    def follow_log(self, level: str, *, seconds: float | None, client: str | None = None) -> Iterator[str]:
        self._called("follow_log", level, *([client] if client else []))
        yield f"{level} of {client or 'the server'} for {seconds}"

    def read_journal(self, unit: str, *, seconds: int, follow: bool, client: str | None = None) -> Iterator[str]:
        self._called("read_journal", unit, *([client] if client else []))
        yield from self.journal.get(unit, ())

    def has_namespace(self, name: str) -> bool:
        self._called("has_namespace", name)
        return name in self.namespaces

    def longest_token_seconds(self) -> int:
        self._called("longest_token_seconds")
        return 24 * 3600

    def put_policy(self, policy: AclPolicy) -> None:
        self._called("put_policy", policy.name)
        self.policies[policy.name] = policy

    def list_tokens(self) -> tuple[ListedToken, ...]:
        self._called("list_tokens")
        return tuple(self.tokens)

    def create_token(self, grant: TokenGrant, *, seconds: int) -> str:
        self._called("create_token", grant.description, str(seconds))
        self.tokens.append(ListedToken(accessor=f"accessor-{len(self.calls)}", grant=grant))
        return f"secret-{len(self.calls)}"

    def delete_token(self, accessor: str) -> None:
        self._called("delete_token", accessor)
        self.tokens = [token for token in self.tokens if token.accessor != accessor]

    def allocations(self, node_id: str) -> tuple[Allocation, ...]:
        self._called("allocations", node_id)
        return self.running.get(node_id, ())

    def job_allocations(self, job: str, namespace: str) -> tuple[Allocation, ...]:
        self._called("job_allocations", job, namespace)
        return tuple(
            replace(each, group=None) for found in self.running.values() for each in found if each.job == job
        )

    def evaluations(self, job: str, namespace: str) -> tuple[Evaluation, ...]:
        self._called("evaluations", job, namespace)
        return self.evaluated.get(job, ())

    def job_statuses(self) -> tuple[JobStatus, ...]:
        self._called("job_statuses")
        return self.jobs

    def free_resources(self) -> dict[str, Resources]:
        self._called("free_resources")
        return {node.id: Resources(cpu_mhz=9999, memory_mb=9999) for node in self.clients} | self.free

    def host_volumes(self, node_id: str) -> tuple[str, ...]:
        self._called("host_volumes", node_id)
        return self.volumes.get(node_id, ())

    def end_drains(self) -> None:
        """As at the end of a drain without a deadline: services run elsewhere, the rest has come to its end."""
        for node in [node for node in self.clients if node.draining]:
            for each in self.running.get(node.id, ()):
                if each.is_live:
                    self._move(node, each)
            self._change(node.id, draining=False, eligible=False, last_drain="complete")

    def _move(self, node: NomadNode, allocation: Allocation) -> None:
        ended = replace(allocation, status="complete")
        other = next((each for each in self.clients if each.eligible and each.id != node.id), None)
        if allocation.job_type == "service":
            ended = replace(ended, desired="stop", migrates=True, next_id=f"{ended.id}+" if other else "")
            if other is None:
                group = allocation.group_name
                blocked = Evaluation(status="blocked", unplaced={group: "memory exhausted on 1 client"})
                self.evaluated[allocation.job] = (blocked,)
            else:
                moved = replace(allocation, id=f"{ended.id}+", healthy=True, node_name=other.name)
                self.running[other.id] = (*self.running.get(other.id, ()), moved)
        self.running[node.id] = tuple(ended if each == allocation else each for each in self.running[node.id])

    def _change(self, node_id: str, *, draining: bool, eligible: bool, last_drain: str) -> None:
        self.clients = tuple(
            replace(node, draining=draining, eligible=eligible, last_drain=last_drain)
            if node.id == node_id
            else node
            for node in self.clients
        )


class _ConsulAt:
    """The agent of one machine: told to leave, it leaves under that machine's address and answers no more."""

    def __init__(self, consul: FakeConsul, cluster: "FakeCluster", address: str) -> None:
        self._consul, self._cluster, self._address = consul, cluster, address

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the shared one has
        return getattr(self._consul, name)

    def leave(self) -> None:
        self._consul.leave_from(self._cluster.private(self._address))
        self._cluster.without_consul.add(self._address)


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
            raise DeadlineError(message=message)


@dataclass
class FakeCluster:
    """A plan, its droplets, and one Consul and one Nomad that every server's address leads to."""

    plan: ClusterPlan
    droplets: list[Droplet]
    consul: FakeConsul
    nomad: FakeNomad
    unreachable: set[str] = field(default_factory=set)
    """Addresses where nobody answers."""
    leaderless: set[str] = field(default_factory=set)
    """Addresses whose agents answer and see no leader."""
    client_agents: dict[str, FakeAgent] = field(default_factory=dict)
    """Nomad clients that can be reached, by address: by default none, since only the VPC may."""
    without_consul: set[str] = field(default_factory=set)
    """Addresses whose Consul agent has left and ended."""

    @property
    def clients(self) -> AgentClients:
        return AgentClients(consul=self._consul_at, nomad=self._nomad_at, nomad_client=self._client_at)

    def private(self, address: str) -> str:
        """The VPC address of the machine that is asked there."""
        found = [d.private_ipv4 for d in self.droplets if address in (d.public_ipv4, d.private_ipv4)]
        return found[0] or ""

    def _consul_at(self, address: str) -> ConsulApi:
        if address in self.unreachable | self.without_consul:
            return FakeConsul(failures=dict.fromkeys(["leader", "leave", "certificate"], _silence(address)))
        if address in self.leaderless:
            return FakeConsul(leader_address="")
        return cast("ConsulApi", _ConsulAt(self.consul, self, address))

    def _client_at(self, address: str) -> FakeAgent:
        return self.client_agents.get(address, FakeAgent(failures={"certificate": _silence(address)}))

    def _nomad_at(self, address: str) -> FakeNomad:
        if address in self.unreachable:
            return FakeNomad(failures=dict.fromkeys(["leader", "certificate"], _silence(address)))
        return FakeNomad(leader_address="") if address in self.leaderless else self.nomad


def healthy_cluster() -> FakeCluster:
    """Three Consul servers, one Nomad server and two Nomad clients, with nothing to complain of."""
    kinds = [Kind.CONSUL_SERVER] * 3 + [Kind.NOMAD_SERVER] + [Kind.NOMAD_CLIENT] * 2
    nodes = tuple(make_node(kind, kinds[: i + 1].count(kind)) for i, kind in enumerate(kinds))
    plan = replace(make_plan(), nodes=nodes, consul_expect=3, nomad_expect=1)
    droplets = [make_droplet(i, node.name, node.tags) for i, node in enumerate(nodes, start=1)]
    names = tuple(node.name for node in nodes)
    alive = {d.name: Member(name=d.name, address=str(d.private_ipv4), status="alive") for d in droplets}
    consul = FakeConsul(
        raft=tuple(
            make_peer(alive[node.name], leader=number == 2) for number, node in enumerate(plan.consul_servers, 1)
        ),
        pool=tuple(alive.values()),
        catalog=tuple(CatalogNode(name=d.name, address=str(d.private_ipv4)) for d in droplets),
        passing=names,
        auth_methods={"nomad-workloads": KNOWS_THE_KEY},
    )
    nomad = FakeNomad(
        leader_address="10.100.0.4:4647",
        pool=tuple(alive[node.name] for node in plan.nomad_servers),
        raft=tuple(make_peer(alive[node.name], leader=True) for node in plan.nomad_servers),
        clients=tuple(make_client(node.name, alive[node.name].address) for node in plan.nomad_clients),
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


def make_peer(member: Member, *, voter: bool = True, leader: bool = False) -> RaftPeer:
    """A peer's id is made from its address: a successor of the same name has another one."""
    peer_id = f"id-{member.address}"
    return RaftPeer(id=peer_id, name=member.name, address=member.address, voter=voter, leader=leader)


def make_client(name: str, address: str) -> NomadNode:
    return NomadNode(
        id=f"id-{name}",
        name=name,
        address=address,
        status="ready",
        eligible=True,
        consul_version="1.22.5",
        drivers={"docker": True, "exec": True},
    )


def _silence(address: str) -> AgentError:
    return AgentError(
        message=f"Consul at {address}:8501 cannot be reached", details="[Errno 113] No route to host", status=0
    )
