"""Removes nodes: out of Raft, then the droplets, then out of Consul, Nomad and the ACLs."""

from collections.abc import Iterable

from bakery.cloud.model import Droplet
from bakery.errors import UsageError
from bakery.launch.base.patience import reach_patiently
from bakery.launch.base.running import Reached, possible_servers
from bakery.launch.base.session import Session
from bakery.launch.teardown.departure import drop_from_raft, forget, leave_raft
from bakery.launch.teardown.destroy import remove_droplets
from bakery.launch.teardown.leave_balancer import leave_balancer
from bakery.launch.teardown.quorum import check_quorum
from bakery.launch.teardown.shutdown import shut_down_ingress
from bakery.plan.model import ClusterPlan
from bakery.plan.slots import slot_of
from bakery.plan.tags import slot_tag

GONE_POLL = 1.0
"""Seconds between two looks for a deleted droplet: a roll waits for each one."""


def remove_nodes(
    session: Session,
    plan: ClusterPlan,
    going: Iterable[Droplet],
    members: Iterable[Droplet],
    *,
    lost: bool = False,
) -> None:
    """Take the nodes out of the cluster and delete their droplets: first the servers, one by one, then the rest.

    Ingress nodes are shut down first, so that requests can finish. ``lost`` servers are not asked to leave: the
    others drop them from Raft.

    Raises:
        CloudError, DeadlineError: the removal stopped half-way; the same command continues it.
    """
    leaving = tuple(going)
    staying = [member for member in members if member not in leaving]
    servers = possible_servers(plan, (*plan.consul_servers, *plan.nomad_servers), leaving)
    others = tuple(droplet for droplet in leaving if droplet not in servers)
    _mark_slots(session, plan, leaving)
    balanced = leave_balancer(session, plan, leaving, lost=lost)
    if not lost and not balanced:
        shut_down_ingress(session, leaving)
    reached = reach_patiently(session, plan, staying)
    for server in servers:
        session.journal.record_leaving([server])
        if lost:
            drop_from_raft(session, reached, server)
        else:
            leave_raft(session, plan, reached, server)
        _delete(session, plan, reached, (server,))
    session.journal.record_leaving(others)
    _delete(session, plan, reached, others)


def _delete(session: Session, plan: ClusterPlan, reached: Reached, droplets: tuple[Droplet, ...]) -> None:
    if not droplets:
        return
    remove_droplets(session, droplets, every=GONE_POLL)
    for droplet in droplets:
        forgotten = forget(session, plan, reached, droplet)
        session.journal.record_deleted(droplet.id, departs=not forgotten)


def _mark_slots(session: Session, plan: ClusterPlan, droplets: Iterable[Droplet]) -> None:
    """Create missing slot tags (bakery 0.1 made none): they show that the slot's name was used."""
    for droplet in droplets:
        tag = slot_tag(plan.cluster, slot_of(droplet, plan.cluster))
        if tag not in droplet.tags and slot_of(droplet, plan.cluster) in {node.slot for node in plan.nodes}:
            session.cloud.create_tag(tag)


def finish_removals(
    session: Session, plan: ClusterPlan, replaced: Iterable[Droplet], members: Iterable[Droplet]
) -> bool:
    """Finish interrupted removals among ``replaced``. Return whether there were any.

    A removal is given up, with a warning, if the quorum needs the node by now.
    """
    droplets = tuple(members)
    leaving = [droplet for droplet in replaced if droplet.id in session.journal.now.leaving]
    for droplet in leaving:
        if session.running is not None:
            try:
                check_quorum(session, plan, [droplet], droplets)
            except UsageError as error:
                session.reporter.warn(
                    f"the removal of {droplet.name} was begun and is given up: {error.full_message}"
                )
                session.journal.cancel_leaving(droplet.id)
                continue
        remove_nodes(session, plan, [droplet], droplets)
        droplets = tuple(member for member in droplets if member != droplet)
    return bool(leaving)
