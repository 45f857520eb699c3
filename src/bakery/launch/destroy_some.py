"""Destroy one node or one role: nothing else goes, and no server whose loss would end a quorum."""

from collections.abc import Callable, Iterable

from bakery.cloud.interface import Cloud
from bakery.cloud.model import Droplet
from bakery.config.paths import StatePaths
from bakery.console import SILENT, Reporter
from bakery.errors import UsageError
from bakery.launch.destroy import open_session, remove_droplets
from bakery.launch.drain import Drain, no_drain
from bakery.launch.droplets import list_members
from bakery.launch.lock import locked
from bakery.launch.marks import launches_of, role_of_tag
from bakery.launch.model import Timings
from bakery.launch.session import Session, resumable
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.slots import slot_of
from bakery.wait import Clock

Choose = Callable[[tuple[Droplet, ...]], tuple[Droplet, ...]]
ApproveSome = Callable[[tuple[Droplet, ...]], bool]


def destroy_node(
    plan: ClusterPlan,
    name: str,
    *,
    cloud: Cloud,
    paths: StatePaths,
    approve: Callable[[Droplet], bool] = lambda droplet: True,  # noqa: ARG005 - the port's name
    drain: Drain = no_drain,
    reporter: Reporter = SILENT,
    clock: Clock | None = None,
    timings: Timings | None = None,
) -> Droplet:
    """Remove one droplet, nothing else; of several with that name the newest. Returns it.

    Raises:
        UsageError: no such droplet, or a server without which Consul or Nomad would lose their quorum.
        LockedError, CloudError, DeadlineError: as for :func:`bakery.launch.destroy.destroy`.
    """
    with locked(paths.lock, cluster=plan.cluster):
        session = open_session(plan, cloud, paths, reporter, clock, timings)
        gone = _destroy_some(
            session,
            plan,
            choose=lambda members: (_newest(plan, name, members),),
            approve=lambda droplets: approve(droplets[0]),
            drain=drain,
        )
        return gone[0]


def destroy_role(
    plan: ClusterPlan,
    role: str,
    *,
    cloud: Cloud,
    paths: StatePaths,
    approve: ApproveSome = lambda droplets: True,  # noqa: ARG005 - the port's name
    drain: Drain = no_drain,
    reporter: Reporter = SILENT,
    clock: Clock | None = None,
    timings: Timings | None = None,
) -> tuple[Droplet, ...]:
    """Remove every droplet of a role, those too that the plan does not name any more. Returns them.

    The role's firewall stays: it costs nothing, and a launch uses it again.

    Raises:
        UsageError: no droplet of that role, or servers without which Consul or Nomad would lose their quorum.
        LockedError, CloudError, DeadlineError: as for :func:`bakery.launch.destroy.destroy`.
    """
    with locked(paths.lock, cluster=plan.cluster):
        session = open_session(plan, cloud, paths, reporter, clock, timings)
        return _destroy_some(
            session, plan, choose=lambda members: _of_role(plan, role, members), approve=approve, drain=drain
        )


def _destroy_some(
    session: Session, plan: ClusterPlan, *, choose: Choose, approve: ApproveSome, drain: Drain
) -> tuple[Droplet, ...]:
    with resumable():
        members = list_members(session)
        going = choose(members)
        check_quorum(plan, going, members)
        if approve(going):
            session.journal.remember_launches(launches_of(members, plan.cluster))
            drain(going)
            remove_droplets(session, going)
            for droplet in going:
                session.journal.removed(droplet.id)
        return going


def _newest(plan: ClusterPlan, name: str, members: Iterable[Droplet]) -> Droplet:
    named = [member for member in members if name in (member.name, slot_of(member, plan.cluster))]
    found = max(named, key=lambda droplet: droplet.id, default=None)
    if found is None:
        names = ", ".join(sorted(member.name for member in members)) or "none"
        brief = f"cluster {plan.cluster} has no droplet {name!r}"
        raise UsageError(brief, hint=f"its droplets: {names}")
    return found


def _of_role(plan: ClusterPlan, role: str, members: Iterable[Droplet]) -> tuple[Droplet, ...]:
    roles = {member: role_of_tag(member.tags, plan.cluster) for member in members}
    found = tuple(member for member, its_role in roles.items() if its_role == role)
    if not found:
        names = ", ".join(sorted({its_role for its_role in roles.values() if its_role})) or "none"
        brief = f"cluster {plan.cluster} has no droplet of a role {role!r}"
        raise UsageError(brief, hint=f"roles with droplets: {names}")
    return found


def check_quorum(plan: ClusterPlan, going: Iterable[Droplet], members: Iterable[Droplet]) -> None:
    """Without these droplets, more than half of the expected servers must still be active.

    A droplet that is not active takes nothing away, nor does the twin of one that stays.

    Raises:
        UsageError: they would not.
    """
    gone = {droplet.id for droplet in going}
    rest = [member for member in members if member.id not in gone and member.status == "active"]
    staying = {member.name for member in rest}
    lost = [d for d in going if d.status == "active" and d.name not in staying]
    groups = (
        ("Consul", plan.consul_servers, plan.consul_expect),
        ("Nomad", plan.nomad_servers, plan.nomad_expect),
    )
    for product, servers, expect in groups:
        names = [droplet.name for droplet in lost if _is_one_of(droplet, servers, plan.cluster)]
        left = len({member.name for member in rest if _is_one_of(member, servers, plan.cluster)})
        if names and left < expect // 2 + 1:
            brief = f"without {', '.join(names)}, {product} would have {left} of {expect} servers and no quorum"
            hint = "bring the other servers up first: bakery launch; to end the whole cluster: bakery destroy"
            raise UsageError(brief, hint=hint)


def _is_one_of(droplet: Droplet, servers: Iterable[Node], cluster: str) -> bool:
    """By name, or by role for a server that the plan does not name any more."""
    role = role_of_tag(droplet.tags, cluster)
    return any(droplet.name == server.name or role == server.role for server in servers)
