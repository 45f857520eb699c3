"""Destroys one node, or the nodes of one role, unless Consul or Nomad would lose their quorum."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from bakery.cloud.model import Droplet
from bakery.errors import UsageError
from bakery.launch.base.consul_lock import consul_finder, lock_if_led
from bakery.launch.base.members import existing, list_members
from bakery.launch.base.model import RemovalRequest
from bakery.launch.base.names import choice_hint
from bakery.launch.base.session import Session, exclusive, resumable
from bakery.launch.teardown.drain import NO_DRAIN, check_asked, drained, end_dead_roll, left_ineligible, plan_drain
from bakery.launch.teardown.hurt import look_at_work
from bakery.launch.teardown.quorum import QUORUM_LOSS_FLAG, check_quorum
from bakery.launch.teardown.removal import remove_nodes
from bakery.plan.model import ClusterPlan
from bakery.plan.slots import slot_of
from bakery.plan.tags import launches_of, replaced_by, replaces_tag, role_of_tag


@dataclass(frozen=True, kw_only=True)
class Removal:
    """The droplets to destroy, and what the user should know before."""

    droplets: tuple[Droplet, ...]
    members: tuple[Droplet, ...]
    """All droplets of the cluster, these included."""
    notes: tuple[str, ...]
    """What happens to the quorum, and to the work as a whole."""
    warnings: tuple[str, ...] = ()
    """What may be lost or interrupted on Nomad clients, by job."""


Choose = Callable[[tuple[Droplet, ...]], tuple[Droplet, ...]]
ApproveSome = Callable[[Removal], bool]


def destroy_node(
    session: Session,
    request: RemovalRequest,
    name: str,
    approve: ApproveSome = lambda removal: True,  # noqa: ARG005 - the port's name
    *,
    listed: Iterable[Droplet] | None = None,
) -> Droplet:
    """Remove the droplet with that name; if no droplet has it, the newest in the slot of that name. Return it.

    A server leaves Raft before its droplet is deleted. Afterwards the node is removed from Consul, Nomad and the
    ACLs. Without ``session.running`` only servers named in ``request.accept_quorum_loss`` are
    removed. ``listed`` are the cluster's droplets, if they are read already.

    Raises:
        UsageError: there is no droplet with that name or slot, Consul or Nomad would lose their quorum without
            it, or it holds host volumes.
        DeadlineError: its work has not moved to other clients in time; nothing was removed.
        LockedError, CloudError, DeadlineError: as for :func:`bakery.launch.teardown.destroy.destroy`.
    """
    gone = _destroy_some(
        session, request, lambda members: (_newest(request.plan, name, members),), approve, listed
    )
    return gone[0]


def destroy_role(
    session: Session,
    request: RemovalRequest,
    role: str,
    approve: ApproveSome = lambda removal: True,  # noqa: ARG005 - the port's name
    *,
    listed: Iterable[Droplet] | None = None,
) -> tuple[Droplet, ...]:
    """Remove every droplet of a role, also those that the plan no longer contains. Return them.

    As :func:`destroy_node`, server by server. The role's firewall is not removed: it is free, and the next launch
    uses it again.

    Raises:
        UsageError: there is no droplet of that role, or Consul or Nomad would lose their quorum without them.
        LockedError, CloudError, DeadlineError: as for :func:`bakery.launch.teardown.destroy.destroy`.
    """
    return _destroy_some(session, request, lambda members: _of_role(request.plan, role, members), approve, listed)


def _destroy_some(
    session: Session,
    request: RemovalRequest,
    choose: Choose,
    approve: ApproveSome,
    listed: Iterable[Droplet] | None,
) -> tuple[Droplet, ...]:
    plan, accepted = request.plan, request.accept_quorum_loss
    with exclusive(session), resumable():
        members = list_members(session) if listed is None else existing(session, listed)
        going = choose(members)
        staying = [member for member in members if member not in going]
        _check_accepted(going, accepted)
        risks = check_quorum(session, plan, going, members, accept_quorum_loss=accepted)
        plan_now = partial(plan_drain, session, plan, going, staying, request.drain)
        drain = plan_now(returning=left_ineligible(session))
        work = look_at_work(session, plan, going, members, request.drain)
        notes = (*risks, *([drain.note] if drain.note else []))
        if approve(Removal(droplets=going, members=members, notes=notes, warnings=work.warnings)):
            session.journal.record_launches(launches_of(members, plan.cluster))
            find, names = consul_finder(session, plan, staying), {droplet.name for droplet in going}
            with lock_if_led(session, find, leaving=names) as lock:
                end_dead_roll(session, plan, staying)
                # If Nomad could not be asked before the question, the user has agreed that the work is not moved.
                with drained(session, check_asked(plan_now(announced=work.batch)) if drain.asked else NO_DRAIN):
                    if lock is not None:
                        lock.check()
                    remove_nodes(session, plan, going, members)
            _end_replacements(session, going)
        return going


def _end_replacements(session: Session, gone: Iterable[Droplet]) -> None:
    """Forget the replacements whose successors are among ``gone``: the user has given them up."""
    for droplet in gone:
        old_id = replaced_by(droplet.tags, session.cluster)
        if old_id is not None:
            session.cloud.delete_tag(replaces_tag(session.cluster, old_id))
            session.journal.record_replaced(old_id)


def _check_accepted(going: tuple[Droplet, ...], accept_quorum_loss: frozenset[str]) -> None:
    names = {droplet.name for droplet in going}
    for name in sorted(accept_quorum_loss - names):
        message = f"{QUORUM_LOSS_FLAG} {name}: that droplet is not to be destroyed"
        raise UsageError(message=message, hint=f"give the name of one that is: {', '.join(sorted(names))}")


def _newest(plan: ClusterPlan, name: str, members: Iterable[Droplet]) -> Droplet:
    members = tuple(members)
    named = [member for member in members if member.name == name]
    named = named or [member for member in members if slot_of(member, plan.cluster) == name]
    found = max(named, key=lambda droplet: droplet.id, default=None)
    if found is None:
        message = f"cluster {plan.cluster} has no droplet {name!r}"
        known = {member.name for member in members}
        raise UsageError(message=message, hint=choice_hint(name, known, "its droplets"))
    return found


def _of_role(plan: ClusterPlan, role: str, members: Iterable[Droplet]) -> tuple[Droplet, ...]:
    roles = {member: role_of_tag(member.tags, plan.cluster) for member in members}
    found = tuple(member for member, its_role in roles.items() if its_role == role)
    if not found:
        message = f"cluster {plan.cluster} has no droplet of a role {role!r}"
        raise UsageError(
            message=message, hint=choice_hint(role, set(filter(None, roles.values())), "roles with droplets")
        )
    return found
