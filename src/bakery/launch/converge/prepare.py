"""Before anything is made: what is there, what of earlier tries is still on its way, and what has to change."""

from dataclasses import dataclass, replace

from bakery.cloud.model import Droplet
from bakery.launch.base.journal import Journal
from bakery.launch.base.members import whole_droplets
from bakery.launch.base.model import Absent, Changes, Order, Present, Timings
from bakery.launch.base.names import name_nodes
from bakery.launch.base.session import Session
from bakery.launch.converge.changes import compare
from bakery.launch.converge.formed import Formed, what_formed
from bakery.launch.converge.preflight import check_trust, find_obstacles, survey
from bakery.launch.converge.verdict import refusal
from bakery.render.model import Join
from bakery.wait import deadline_factor


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a launch works from."""

    order: Order
    """As asked for, with the names that its nodes have or get."""
    present: Present
    changes: Changes
    formed: Formed


def prepare(session: Session, order: Order, run_id: str) -> Prepared:
    """What is there and what the launch would change in this run. Sends nothing that changes anything.

    Raises:
        UsageError, CredentialsError: it cannot be launched, with every reason
            (:mod:`bakery.launch.converge.preflight`).
    """
    listed = survey(session.cloud, order.plan.cluster)
    present = replace(listed, droplets=whole_droplets(session, listed.droplets))
    journal = session.journal.now
    leaving = frozenset(journal.leaving)
    plan = name_nodes(order.plan, present, run_id, renamed=leaving)
    check_trust(present.droplets, plan.cluster, order.ca_fingerprint)
    changes = compare(
        plan,
        present,
        admin_cidrs=order.admin_cidrs,
        failed=given_up(journal, session.wall(), session.timings),
        absent=still_absent(journal, present.droplets, order.absent),
        leaving=leaving,
        only_role=order.only_role,
        image=order.image,
    )
    obstacles = find_obstacles(plan, present, changes, journal, image=order.image, only_role=order.only_role)
    if obstacles:
        raise refusal(obstacles)
    formed = what_formed(plan, changes, journal)
    return Prepared(order=replace(order, plan=plan), present=present, changes=changes, formed=formed)


def given_up(journal: Journal, now: float, timings: Timings) -> frozenset[int]:
    """Droplets marked as failed, and those of a run that died so long ago that they should be active by now."""
    oldest = now - timings.active * deadline_factor()
    late = (r.droplet_id for r in journal.requests if r.droplet_id is not None and r.at < oldest)
    return journal.failed_ids | frozenset(late)


def still_absent(journal: Journal, droplets: tuple[Droplet, ...], absent: Absent) -> frozenset[int]:
    """Droplets marked as absent, less those that have joined since; the cluster is asked only if one is marked."""
    marked = [droplet for droplet in droplets if droplet.id in journal.absent_ids]
    if not marked:
        return frozenset()
    names = absent(droplets)
    return frozenset(droplet.id for droplet in marked if droplet.status == "active" and droplet.name in names)


def rehearse(order: Order, changes: Changes) -> None:
    """Make one user-data per role with as many addresses as there may be, so that what cannot be made fails now.

    Raises:
        RenderError: it is too large, say.
    """
    plan = order.plan

    def addresses(servers: int) -> tuple[str, ...]:
        return tuple(str(plan.vpc_cidr[-2 - number]) for number in range(servers))

    join = Join(
        consul=addresses(len(plan.consul_servers)),
        nomad=addresses(len(plan.nomad_servers)),
        forms_consul=True,
        forms_nomad=True,
    )
    for node in {node.role: node for node in changes.new_nodes}.values():
        order.user_data(node, join)
