"""Removes the nodes of the highest slots: clients are drained together, then servers leave one by one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from bakery.cloud.model import Droplet
from bakery.errors import UsageError
from bakery.hints import Command
from bakery.launch.base.consul_lock import consul_lock
from bakery.launch.base.members import list_members
from bakery.launch.base.model import DrainPolicy
from bakery.launch.base.names import name_nodes
from bakery.launch.base.running import consul_api, servers_among
from bakery.launch.base.session import Session
from bakery.launch.base.voters import keep_voters
from bakery.launch.converge.preflight import survey
from bakery.launch.roll.gate import View, check_all, plan_after
from bakery.launch.roll.replace import running
from bakery.launch.teardown.drain import check_asked, drained, plan_drain
from bakery.launch.teardown.hurt import Work, look_at_work
from bakery.launch.teardown.mend import mend
from bakery.launch.teardown.removal import remove_nodes
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.slots import slot_of
from bakery.plan.successors import unfinished
from bakery.plan.tags import role_of_tag


@dataclass(frozen=True, kw_only=True)
class ShrinkRequest:
    """From which plan to which."""

    before: ClusterPlan
    """With a node for each droplet of the roles to shrink."""
    after: ClusterPlan
    drain: DrainPolicy


@dataclass(frozen=True, kw_only=True)
class Shrinking:
    """The droplets that are removed."""

    plan: ClusterPlan
    """The plan before, with the names that the droplets have."""
    droplets: tuple[Droplet, ...]
    """In the order of removal: first what an interrupted run was removing, then servers, the highest slots first,
    then clients."""
    work: Work


def plan_shrink(
    session: Session, request: ShrinkRequest, check: Callable[[tuple[Droplet, ...]], None]
) -> Shrinking:
    """Find the droplets that ``request.after`` does not contain, and check that the cluster is healthy.

    ``check`` gets the cluster's droplets before Consul and Nomad are asked.

    Raises:
        ChecksFailedError: it is not.
        UsageError: a replacement is unfinished, or a client holds host volumes.
    """
    present = survey(session.cloud, session.cluster)
    check(present.droplets)
    plan = name_nodes(request.before, present, None)
    for each in unfinished(present.droplets, session.cluster):
        message = f"a replacement of {each.name} is unfinished"
        raise UsageError(message=message, hint=Command("replace", each.name))
    kept = {node.slot for node in request.after.nodes}
    order = {node.slot: place for place, node in enumerate(reversed(plan.nodes))}
    going = [d for d in present.droplets if (slot := slot_of(d, session.cluster)) in order and slot not in kept]
    begun = _begun(session, going)
    if going:
        check_all(session, View(plan=plan, droplets=present.droplets, clients=running(session).clients), begun)
    servers = servers_among(plan, (*plan.consul_servers, *plan.nomad_servers), going)
    ranked = sorted(going, key=lambda d: (d not in begun, d not in servers, order[slot_of(d, session.cluster)]))
    work = look_at_work(session, plan, going, present.droplets, request.drain)
    return Shrinking(plan=plan, droplets=tuple(ranked), work=work)


def shrink(session: Session, request: ShrinkRequest, shrinking: Shrinking) -> None:
    """Remove the droplets. Every voter is alive before a server leaves, so no quorum is at risk.

    Raises:
        ChecksFailedError: the cluster is not healthy after a removal; the rest is untouched.
        LockedError: another bakery changes the cluster, or the lock in Consul is lost.
        CloudError, DeadlineError: the removal stopped half-way; the same command continues it.
    """
    plan = shrinking.plan
    servers = servers_among(plan, (*plan.consul_servers, *plan.nomad_servers), shrinking.droplets)
    names = {droplet.name for droplet in shrinking.droplets}
    staying = [droplet for droplet in list_members(session) if droplet.name not in names]
    find = partial(consul_api, running(session), plan, staying)
    with consul_lock(session, find, leaving=names) as lock:
        keep_voters(session, request.after, staying)
        mend(session, plan, list_members(session))
        # Servers may be clients too. All are drained at once, so that no work moves to a node that leaves later.
        drain = plan_drain(
            session, plan, shrinking.droplets, staying, request.drain, announced=shrinking.work.batch
        )
        with drained(session, check_asked(drain)):
            for server in servers:
                members = list_members(session)
                view = View(plan=plan, droplets=members, clients=running(session).clients)
                check_all(session, view, _begun(session, shrinking.droplets))
                lock.check()
                remove_nodes(session, plan, [server], members)
                plan = plan_after(plan, _node(plan, server), None)
            clients = [droplet for droplet in shrinking.droplets if droplet not in servers]
            lock.check()
            remove_nodes(session, plan, clients, list_members(session))


def _begun(session: Session, droplets: Iterable[Droplet]) -> list[Droplet]:
    """Return the droplets whose removal an interrupted run has begun: they may be out of Raft."""
    return [droplet for droplet in droplets if droplet.id in session.journal.now.leaving]


def _node(plan: ClusterPlan, droplet: Droplet) -> Node:
    return next(node for node in plan.nodes if node.slot == slot_of(droplet, plan.cluster))


def highest_index(droplets: Iterable[Droplet], cluster: str, role: str) -> int:
    """Return the highest index of a slot of the role that has a droplet; 0 if none has."""
    slots = [slot_of(droplet, cluster) for droplet in droplets if role_of_tag(droplet.tags, cluster) == role]
    indices = [slot.removeprefix(f"{cluster}-{role}-") for slot in slots]
    return max((int(index) for index in indices if index.isdecimal()), default=0)
