"""Before the first change of a launch: read the account, find droplets of earlier runs, compare with the plan."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bakery.cloud.model import Droplet
from bakery.launch.base.agentless import agentless_obstacle
from bakery.launch.base.journal import Journal
from bakery.launch.base.members import complete_listing
from bakery.launch.base.model import (
    Changes,
    FindNotJoined,
    LaunchRequest,
    Obstacle,
    Present,
    PreviewRequest,
    Timings,
)
from bakery.launch.base.names import name_nodes
from bakery.launch.base.session import Session
from bakery.launch.converge.changes import compare
from bakery.launch.converge.formed import Formed, what_formed
from bakery.launch.converge.preflight import check_trust, find_obstacles, survey, trust_obstacles
from bakery.launch.converge.verdict import refusal
from bakery.launch.converge.ways_in import survey_ways_in
from bakery.plan.model import ClusterPlan
from bakery.render.model import Join
from bakery.wait import deadline_factor


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The launch request compared with the account."""

    request: LaunchRequest
    """The request; the nodes of its plan have the names that their droplets have or get."""
    present: Present
    changes: Changes
    formed: Formed


def prepare(session: Session, request: LaunchRequest, run_id: str) -> Prepared:
    """Read the account and compare it with the request. Change nothing.

    Raises:
        UsageError, CredentialsError: the launch is impossible; the error names every obstacle
            (:mod:`bakery.launch.converge.preflight`).
    """
    listed = _survey(session, request.plan)
    present = replace(listed, droplets=complete_listing(session, listed.droplets))
    plan = name_nodes(request.plan, present, run_id, renamed=frozenset(session.journal.now.leaving))
    check_trust(present.droplets, plan.cluster, request.ca_fingerprint, request.generation)
    named = replace(request, plan=plan)
    changes = _compare(session, named, present)
    obstacles = _obstacles(session, named, present, changes)
    if obstacles:
        raise refusal(obstacles)
    formed = what_formed(plan, changes, session.journal.now)
    return Prepared(request=named, present=present, changes=changes, formed=formed)


def preview(session: Session, request: PreviewRequest, before: Sequence[Obstacle] = ()) -> Changes:
    """Return what a launch would change, and its obstacles. Take no lock and change nothing.

    ``before`` are obstacles that end a launch before it reads the account: unreadable credentials, another cloud.
    If there are any, the CA of the droplets is not checked.
    """
    present = _survey(session, request.plan)
    plan = name_nodes(request.plan, present, None, renamed=frozenset(session.journal.now.leaving))
    named = replace(request, plan=plan)
    changes = _compare(session, named, present)
    known = (request.ca_fingerprint, request.generation)
    trust = () if before else trust_obstacles(present.droplets, plan.cluster, *known)
    return replace(changes, obstacles=(*before, *trust, *_obstacles(session, named, present, changes)))


def _survey(session: Session, plan: ClusterPlan) -> Present:
    present = survey(session.cloud, session.cluster, at_once=session.workers > 1)
    return survey_ways_in(session.cloud, plan, present, session.journal.now)


def _compare(session: Session, request: PreviewRequest, present: Present) -> Changes:
    journal = session.journal.now
    return compare(
        request.plan,
        present,
        admin_cidrs=request.admin_cidrs,
        failed=given_up(journal, session.wall(), session.timings),
        not_joined=still_not_joined(journal, present.droplets, request.find_not_joined),
        leaving=frozenset(journal.leaving),
        only_role=request.only_role,
        image=request.image,
    )


def _obstacles(
    session: Session, request: PreviewRequest, present: Present, changes: Changes
) -> tuple[Obstacle, ...]:
    journal, role = session.journal.now, request.only_role
    found = find_obstacles(request.plan, present, changes, journal, image=request.image, only_role=role)
    vain = agentless_obstacle(present.regions, request.plan.region) if request.until_healthy else ()
    return (*found, *vain, *request.further_obstacles(changes))


def given_up(journal: Journal, now: float, timings: Timings) -> frozenset[int]:
    """Return ids of failed droplets: recorded as failed, or overdue and of a run that died."""
    oldest = now - timings.active * deadline_factor()
    late = (r.droplet_id for r in journal.requests if r.droplet_id is not None and r.at < oldest)
    return journal.failed_ids | frozenset(late)


def still_not_joined(
    journal: Journal, droplets: tuple[Droplet, ...], find_not_joined: FindNotJoined
) -> frozenset[int]:
    """Return ids of droplets that the journal records as not joined and that have not joined since.

    Ask the cluster only if the journal records one.
    """
    recorded = [droplet for droplet in droplets if droplet.id in journal.not_joined_ids]
    if not recorded:
        return frozenset()
    names = find_not_joined(droplets)
    return frozenset(droplet.id for droplet in recorded if droplet.status == "active" and droplet.name in names)


def check_user_data_renders(request: LaunchRequest, changes: Changes) -> None:
    """Render one user-data for each role of a new node, with as many addresses as there may be.

    Raises:
        RenderError: user-data cannot be rendered, for example because it is too large.
    """
    plan = request.plan

    def addresses(servers: int) -> tuple[str, ...]:
        return tuple(str(plan.vpc_cidr[-2 - number]) for number in range(servers))

    join = Join(
        consul=addresses(len(plan.consul_servers)),
        nomad=addresses(len(plan.nomad_servers)),
        forms_consul=True,
        forms_nomad=True,
    )
    for node in {node.role: node for node in changes.new_nodes}.values():
        request.user_data(node, join)
