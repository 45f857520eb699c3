"""Bootstraps the ACLs of Consul and Nomad with our own secrets, then writes policies and pre-made tokens.

Then it makes Consul accept the identities that Nomad signs (:mod:`bakery.launch.acl.identity`), and introduces
new clients if Nomad demands it (:mod:`bakery.launch.acl.introduction`). While it waits, it makes Nomad's servers
join each other (:mod:`bakery.launch.acl.nomad_join`).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from bakery.agents.interface import AclApi, AgentClients, ConsulApi, NomadApi
from bakery.agents.model import AclPolicy, AclToken
from bakery.cloud.model import Droplet
from bakery.config.model import Role
from bakery.console import SILENT, Reporter
from bakery.credentials.model import Bundle
from bakery.errors import AgentError, CredentialsError, DeadlineError
from bakery.hints import Command, Hint
from bakery.launch.acl.identity import keys_to_accept, write_identity
from bakery.launch.acl.introduction import (
    begin_introductions,
    create_introductions,
    deliver_introductions,
    list_introductions,
)
from bakery.launch.acl.nomad_join import NomadJoin
from bakery.launch.acl.policies import consul_policies, consul_tokens, role_tokens
from bakery.plan.model import ClusterPlan
from bakery.plan.tags import launches_of
from bakery.wait import Clock, Pending, Tell, wait_until

T = TypeVar("T")
Api = TypeVar("Api", bound=AclApi)

OWN_TOKEN_SECONDS = 15.0
"""Deadline for a follower to know a new token, which it learns a moment after the leader."""
WRITE_SECONDS = 60.0
POLL_SECONDS = 0.5
"""Pause between two tries. Until it has its token, no agent registers, so the user waits for these writes."""
_PARALLEL = 8


@dataclass(frozen=True, kw_only=True)
class AclOutcome:
    """What :func:`ensure_acls` wrote; a second call writes nothing."""

    policies_written: int
    tokens_written: int
    identity_written: int = 0
    """How many of these changed in Consul: the role of tasks, the auth method for Nomad, its binding rules."""
    roles_removed: tuple[str, ...] = ()
    """Roles whose tokens were deleted, because no node can have them."""
    roles_kept: tuple[str, ...] = ()
    """Roles that were not rendered here, but whose tokens may be in use."""
    others: tuple[str, ...] = ()
    """Nodes that may use these tokens."""

    @property
    def changed(self) -> bool:
        """Whether anything was written or deleted."""
        return bool(self.policies_written or self.tokens_written or self.identity_written or self.roles_removed)


@dataclass(frozen=True, kw_only=True)
class AclRequest:
    """Which tokens are to exist, and the servers that take them."""

    plan: ClusterPlan
    """The nodes that get tokens, by the names of their droplets."""
    roles: tuple[Role, ...]
    """The roles of the cluster file."""
    rendered: frozenset[str] = frozenset()
    """Names of the roles that were rendered for nodes made by hand: only these roles get tokens."""
    bundle: Bundle
    droplets: tuple[Droplet, ...]
    """The droplets of the cluster."""
    consul_servers: tuple[str, ...]
    """Addresses; one server that answers is enough."""
    nomad_servers: tuple[str, ...]
    """Addresses; without one only Consul is changed."""


def ensure_acls(
    request: AclRequest,
    clients: AgentClients,
    *,
    seconds: float = 300.0,
    reporter: Reporter = SILENT,
    clock: Clock | None = None,
) -> AclOutcome:
    """Bootstrap the ACLs of both products, with :func:`ensure_consul_acls`, then :func:`ensure_nomad_acls`.

    Raises:
        CredentialsError, DeadlineError, AgentError: as these two.
    """
    outcome = ensure_consul_acls(request, clients, seconds=seconds, reporter=reporter, clock=clock)
    if not request.nomad_servers:
        return outcome
    written = ensure_nomad_acls(request, clients, seconds=seconds, reporter=reporter, clock=clock)
    return replace(outcome, identity_written=written)


def ensure_consul_acls(
    request: AclRequest,
    clients: AgentClients,
    *,
    seconds: float = 300.0,
    reporter: Reporter = SILENT,
    clock: Clock | None = None,
) -> AclOutcome:
    """Bootstrap Consul's ACLs, and write the policies and tokens that are missing or differ. Safe to repeat.

    ``seconds`` is the deadline of each wait for a leader.

    Earlier versions made tokens for every role. The tokens of a role that was not rendered are deleted, but only
    if every node in Consul is one of ``request.droplets`` and has the tag of a launch, so a token of its own. Any
    other node may have been rendered on another machine, and would lose its rights. A deleted token is derived
    from the bundle: once its role is rendered, it is written again, unchanged.

    Raises:
        CredentialsError: the ACLs were bootstrapped with a secret that is not the bundle's, or another CA made
            the certificates of all servers.
        DeadlineError: there was no leader in time; the details say what each server answered.
        AgentError: an agent refused for good (ACLs are off, or a token has another secret).
    """
    consuls = [clients.consul(address) for address in request.consul_servers]
    waiter = _waiter(request, clients, reporter, clock)
    with reporter.step("Consul's ACLs"):
        _bootstrap(waiter, "Consul", consuls, request.bundle.consul_management.secret, seconds=seconds)
        wanted = _wanted(request)
        outcome = waiter.persist(
            "Consul to take policies and tokens",
            consuls,
            lambda consul: _write(consul, wanted),
            seconds=WRITE_SECONDS,
        )
        _report(reporter, outcome)
    return outcome


def ensure_nomad_acls(
    request: AclRequest,
    clients: AgentClients,
    *,
    seconds: float = 300.0,
    reporter: Reporter = SILENT,
    clock: Clock | None = None,
) -> int:
    """Bootstrap Nomad's ACLs, and give Consul an auth method with Nomad's public keys. Safe to repeat.

    With the auth method a job's tasks get tokens of their own. New clients are introduced, if Nomad demands it.
    ``seconds`` is the deadline of the wait for a leader. Return how much of the auth method was written.

    Raises:
        CredentialsError, DeadlineError, AgentError: as :func:`ensure_consul_acls`.
    """
    consuls = [clients.consul(address) for address in request.consul_servers]
    nomads = [clients.nomad(address) for address in request.nomad_servers]
    waiter = _waiter(request, clients, reporter, clock)
    with reporter.step("Nomad's ACLs"):
        _bootstrap(waiter, "Nomad", nomads, request.bundle.nomad_management.secret, seconds=seconds)
    with reporter.step("Consul's trust in Nomad's keys"):
        written = _ensure_identity(waiter, consuls, nomads)
    if request.plan.introduces_clients:
        with reporter.step("New clients' introductions"):
            _introduce(waiter, consuls, nomads, request)
    return written


def _waiter(request: AclRequest, clients: AgentClients, reporter: Reporter, clock: Clock | None) -> "_Waiter":
    """Return the waits of this request; at each poll Nomad's servers are made to join each other."""
    private = {droplet.public_ipv4: droplet.private_ipv4 for droplet in request.droplets}
    servers = [(address, private.get(address)) for address in request.nomad_servers]
    join = NomadJoin((clients.nomad(public), address) for public, address in servers if address)
    return _Waiter(clock=clock, tell=reporter.waiting, beside=join.attempt)


@dataclass(frozen=True, kw_only=True)
class _Waiter:
    """The clock of the waits, and the function that reports what they wait for."""

    clock: Clock | None
    tell: Tell
    beside: Callable[[], None]
    """Called at each poll, at the same time."""

    def persist(self, what: str, apis: Sequence[Api], work: Callable[[Api], T | Pending], *, seconds: float) -> T:
        """Call ``work`` with a server that sees a leader. Retry while there is none, or while it is overloaded."""

        def attempt() -> T | Pending:
            with ThreadPoolExecutor(max_workers=1) as pool:
                beside = pool.submit(self.beside)
                answer = _attempt(apis, work)
                beside.result()
                return answer

        return wait_until(
            attempt,
            what=what,
            seconds=seconds,
            every=POLL_SECONDS,
            clock=self.clock,
            hint=_LOOK_FURTHER,
            tell=self.tell,
        )


def _bootstrap(waiter: _Waiter, product: str, apis: Sequence[Api], secret: str, *, seconds: float) -> None:
    what = f"{product} to elect a leader and take the ACL bootstrap"
    waiter.persist(what, apis, lambda api: api.bootstrap_acl(secret), seconds=seconds)
    _require_own_token(waiter, product, apis)


def _ensure_identity(waiter: _Waiter, consuls: Sequence[ConsulApi], nomads: Sequence[NomadApi]) -> int:
    """Make Consul accept the identities that Nomad signs; return how much of that was written."""
    keys = waiter.persist("Nomad to have a signing key", nomads, keys_to_accept, seconds=WRITE_SECONDS)
    return waiter.persist(
        "Consul to take Nomad's keys", consuls, lambda consul: write_identity(consul, keys), seconds=WRITE_SECONDS
    )


def _introduce(
    waiter: _Waiter, consuls: Sequence[ConsulApi], nomads: Sequence[NomadApi], request: AclRequest
) -> None:
    plan, bundle = request.plan, request.bundle
    waiting = waiter.persist(
        "Consul to list its tokens",
        consuls,
        lambda consul: list_introductions(consul, plan, bundle),
        seconds=WRITE_SECONDS,
    )
    if not waiting:
        return
    introductions = waiter.persist(
        "Nomad to introduce new clients",
        nomads,
        lambda nomad: create_introductions(nomad, waiting, request.droplets),
        seconds=WRITE_SECONDS,
    )
    waiter.persist(
        "Consul to take introductions",
        consuls,
        lambda consul: deliver_introductions(consul, bundle, waiting, introductions),
        seconds=WRITE_SECONDS,
    )


_LOOK_FURTHER = Hint(Command("status"), " says more; if your address has changed: ", Command("access refresh"))
_NOT_OURS = "the management token is not known there"


def _require_own_token(waiter: _Waiter, product: str, apis: Sequence[Api]) -> None:
    def check(api: Api) -> bool | Pending:
        return True if api.has_management_token() else Pending(_NOT_OURS)

    what = f"{product} to accept the management token"
    try:
        waiter.persist(what, apis, check, seconds=OWN_TOKEN_SECONDS)
    except DeadlineError as error:
        if error.details != _NOT_OURS:
            raise
        message = (
            f"{product}'s ACLs were bootstrapped with other credentials: it does not accept this cluster's token"
        )
        details = "Only the credentials bundle that bootstrapped the cluster can manage it."
        hint = Hint("restore that bundle, or destroy the cluster and launch it again: ", Command("destroy"))
        raise CredentialsError(message=message, details=details, hint=hint) from None


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """The policies and tokens that should exist, and the tokens of earlier versions that should not."""

    request: AclRequest
    policies: tuple[AclPolicy, ...]
    tokens: tuple[AclToken, ...]
    unrendered: dict[str, tuple[AclToken, ...]]
    """Tokens of roles that were not rendered, by role."""
    launched: frozenset[str]
    """Names of nodes that have tokens of their own."""


def _wanted(request: AclRequest) -> _Wanted:
    plan, bundle = request.plan, request.bundle
    rendered = [role for role in request.roles if role.name in request.rendered]
    return _Wanted(
        request=request,
        policies=consul_policies(plan),
        tokens=consul_tokens(plan, rendered, bundle),
        unrendered={
            role.name: role_tokens(role, bundle, mesh=plan.mesh) for role in request.roles if role not in rendered
        },
        launched=frozenset(d.name for d in request.droplets if launches_of([d], plan.cluster)),
    )


def _write(consul: ConsulApi, wanted: _Wanted) -> AclOutcome:
    policies = sum(consul.put_policy(policy) for policy in wanted.policies)
    existing = {listed.accessor: listed.grant for listed in consul.list_tokens()}
    # First: a client that has other tokens when this is interrupted would never be introduced.
    begin_introductions(consul, wanted.request.plan, wanted.request.bundle, existing)
    to_write = [token for token in wanted.tokens if existing.get(token.accessor) != token.grant]
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        list(pool.map(consul.put_token, to_write))
    outcome = AclOutcome(policies_written=policies, tokens_written=len(to_write))
    spare = {
        role: found
        for role, tokens in wanted.unrendered.items()
        if (found := [token.accessor for token in tokens if token.accessor in existing])
    }
    return _remove(consul, spare, wanted.launched, outcome) if spare else outcome


def _remove(
    consul: ConsulApi, spare: dict[str, list[str]], launched: frozenset[str], outcome: AclOutcome
) -> AclOutcome:
    """Delete the tokens in ``spare`` (accessors by role), unless a node in Consul may use them."""
    present = {member.name for member in consul.members() if member.status != "left"}
    if others := tuple(sorted(present - launched)):
        return replace(outcome, roles_kept=tuple(spare), others=others)
    for accessors in spare.values():
        for accessor in accessors:
            consul.delete_token(accessor)
    return replace(outcome, roles_removed=tuple(spare))


def _report(reporter: Reporter, outcome: AclOutcome) -> None:
    for role in outcome.roles_removed:
        text = (
            f"removed Consul's tokens for hand-made nodes of role {role}: it was not rendered on this machine,"
            " and bakery launched every node; "
        )
        again = Hint(Command("render", "--role", role), " and ", Command("bootstrap"), " bring them back")
        reporter.warn(Hint(text, again))
    for role in outcome.roles_kept:
        text = (
            f"kept Consul's tokens of role {role}: bakery did not render {role} on this machine, but these nodes"
            f" may be made by hand and use the tokens: {', '.join(outcome.others)}. If they do, run "
        )
        reporter.warn(Hint(text, Command("render", "--role", role), ", and this warning ends"))


def _attempt(apis: Sequence[Api], work: Callable[[Api], T | Pending]) -> T | Pending:
    reasons = []
    for api, obstacle in zip(apis, _obstacles(apis), strict=True):
        if obstacle is not None:
            reasons.append(obstacle if isinstance(obstacle, str) else obstacle.full_message)
            continue
        try:
            return work(api)
        except AgentError as error:
            reasons.append(_passing(error).full_message)
    return Pending("\n".join(dict.fromkeys(reasons)) or "no address is known")


def _obstacles(apis: Sequence[AclApi]) -> Sequence[str | AgentError | None]:
    """Return why each server cannot be used; None if it can. Ask all at once: a silent one must not delay.

    Raises:
        AgentError: a server refused for good.
        CredentialsError: all servers have certificates of another CA.
    """

    def obstacle(api: AclApi) -> str | AgentError | None:
        try:
            return None if api.leader() else "there is no leader yet"
        except AgentError as error:
            return _passing(error)

    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        found = list(pool.map(obstacle, apis))
    foreign = [each for each in found if isinstance(each, AgentError) and each.of_another_ca]
    if foreign and len(foreign) == len(found):
        message = "the credentials are not those of this cluster"
        raise CredentialsError(message=message, details=foreign[0].full_message, hint=foreign[0].hint)
    return found


def _passing(error: AgentError) -> AgentError:
    """Return an error that may go away by itself; raise any other."""
    if not error.may_pass:
        raise error
    return error
