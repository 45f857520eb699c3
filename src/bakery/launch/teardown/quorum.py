"""Refuses to remove a server if a quorum would be lost. Raft and autopilot know the voters, not the cloud."""

from collections.abc import Iterable
from dataclasses import dataclass

from bakery.agents.interface import AclApi
from bakery.agents.model import RaftPeer
from bakery.cloud.model import Droplet
from bakery.errors import AgentError, DeadlineError, UsageError
from bakery.hints import Command, Hint
from bakery.launch.base.patience import reach_patiently
from bakery.launch.base.running import possible_servers
from bakery.launch.base.session import Session
from bakery.plan.model import ClusterPlan
from bakery.wait import Pending

HEALTHY_SECONDS = 20.0
"""How long to wait for servers that autopilot calls unhealthy. It checks them every two seconds, and after an
election it knows none for a moment (hashicorp/raft-autopilot, DefaultUpdateInterval)."""
QUORUM_LOSS_FLAG = "--accept-quorum-loss"


@dataclass(frozen=True, kw_only=True)
class _Group:
    """The servers of one product that are to be removed."""

    product: str
    going: tuple[Droplet, ...]
    api: AclApi | None
    """API of a server that sees a leader; preferably of a server that is not removed."""
    leaves: bool
    """Whether they leave Raft before their droplets are deleted."""

    def need(self, voters: int, staying: int) -> int:
        """Return how many of the ``staying`` voters must be healthy. ``voters`` are those that Raft has now."""
        return max(staying, 1) if self.leaves else voters // 2 + 1


def check_quorum(
    session: Session,
    plan: ClusterPlan,
    going: Iterable[Droplet],
    members: Iterable[Droplet],
    *,
    accept_quorum_loss: frozenset[str] = frozenset(),
    leaves: bool = False,
) -> tuple[str, ...]:
    """Check that without ``going`` the live voters are more than half of the voters that Raft has now.

    With ``leaves`` the servers of ``going`` are alive and leave Raft first, so that the voters that remain are all
    that Raft has then: each of them must be alive, and one suffices.

    Droplets named in ``accept_quorum_loss`` may be removed even so. Return the risks of these, as text.

    Raises:
        UsageError: the quorum would be lost, or the servers cannot be asked.
    """
    risks = []
    for group in _groups(session, plan, tuple(going), tuple(members), leaves=leaves):
        names = sorted(droplet.name for droplet in group.going)
        protected = [name for name in names if name not in accept_quorum_loss]
        try:
            _check_group(session, group, protected or names, asked=session.running is not None)
        except UsageError as refusal:
            if protected:
                raise
            risks.append(f"{refusal.message}; it is destroyed anyway, and {group.product}'s data may be lost")
    return tuple(risks)


def _groups(
    session: Session,
    plan: ClusterPlan,
    going: tuple[Droplet, ...],
    members: tuple[Droplet, ...],
    *,
    leaves: bool,
) -> list[_Group]:
    consul = possible_servers(plan, plan.consul_servers, going)
    nomad = possible_servers(plan, plan.nomad_servers, going)
    if not consul and not nomad:
        return []
    staying = [droplet for droplet in members if droplet not in going]
    reached = reach_patiently(session, plan, (*staying, *going))
    found = (("Consul", consul, reached.consul), ("Nomad", nomad, reached.nomad))
    return [
        _Group(product=product, going=servers, api=api, leaves=leaves)
        for product, servers, api in found
        if servers
    ]


def _check_group(session: Session, group: _Group, names: list[str], *, asked: bool) -> None:
    api = group.api
    if api is None:
        why = "no server of it sees a leader" if asked else "the cluster's credentials are not here"
        message = f"{_unasked(group, names)}: {why}"
        raise UsageError(message=message, hint=Hint(Command("status"), _quorum_loss_flags(names)))
    try:
        session.wait(
            lambda: _look_or_wait(group, api, names),
            what=f"the other {group.product} servers to be healthy",
            seconds=HEALTHY_SECONDS,
            every=2.0,
        )
    except AgentError as error:
        raise UsageError(
            message=_unasked(group, names),
            details=error.full_message,
            hint=Hint(Command("status"), _quorum_loss_flags(names)),
        ) from None
    except DeadlineError as error:
        message = str(error.details or error.message)
        hint = Hint("bring the other servers up first: ", Command("launch"), _quorum_loss_flags(names))
        raise UsageError(message=message, hint=hint) from None


def _look_or_wait(group: _Group, api: AclApi, names: list[str]) -> bool | Pending:
    try:
        return _look(group, api, names)
    except AgentError as error:
        if not error.may_pass:
            raise
        return Pending(f"{_unasked(group, names)}: {error.full_message}")


def _unasked(group: _Group, names: list[str]) -> str:
    return f"whether {group.product} would keep its quorum without {', '.join(names)} cannot be asked"


def _look(group: _Group, api: AclApi, names: list[str]) -> bool | Pending:
    """Return Pending if enough voters would be left, but too few of them are healthy now.

    Raises:
        UsageError: too few voters would be left, healthy or not.
    """
    addresses = {droplet.private_ipv4 for droplet in group.going}
    voters = [peer for peer in api.raft_peers() if peer.voter]
    if not any(peer.address in addresses for peer in voters):
        return True
    staying = [peer for peer in voters if peer.address not in addresses]
    need = group.need(len(voters), len(staying))
    if len(staying) < need:
        raise _refusal(group.product, names, voters, staying, need)
    healthy = {server.id for server in api.autopilot().servers if server.healthy and server.alive}
    live = [peer for peer in staying if peer.id in healthy]
    if len(live) >= need:
        return True
    dead = ", ".join(sorted(peer.name or peer.address for peer in staying if peer not in live))
    return Pending(
        f"without {', '.join(names)}, {group.product} would have {len(live)} healthy voters of {len(voters)}, and"
        f" {need} must be left ({dead} is not healthy)"
    )


def _refusal(
    product: str, names: list[str], voters: list[RaftPeer], staying: list[RaftPeer], need: int
) -> UsageError:
    if not staying:
        holds = "holds" if len(names) == 1 else "hold"
        message = f"{', '.join(names)} {holds} all of {product}'s data: there is no other voter"
    else:
        message = (
            f"without {', '.join(names)}, {product} would have {len(staying)} of {len(voters)} voters, and {need}"
            " must be left"
        )
    hint = Hint("bring more servers up first: ", Command("launch"), _quorum_loss_flags(names))
    return UsageError(message=message, hint=hint)


def _quorum_loss_flags(names: list[str]) -> str:
    return "; to destroy it all the same: " + " ".join(f"{QUORUM_LOSS_FLAG} {name}" for name in names)
