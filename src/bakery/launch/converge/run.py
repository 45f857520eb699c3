"""Launch: brings the account to the plan, in steps that can be interrupted anywhere and run again."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from bakery.cloud.interface import Cloud
from bakery.cloud.model import Droplet, Image
from bakery.config.paths import StatePaths
from bakery.console import SILENT, Reporter
from bakery.errors import DeadlineError
from bakery.hints import Command, Hint
from bakery.launch.base.journal import JournalFile, load_journal
from bakery.launch.base.lock import locked
from bakery.launch.base.members import Members, list_members, members_of
from bakery.launch.base.model import (
    AfterStep,
    Approve,
    Changes,
    FindNotJoined,
    LaunchRequest,
    LaunchResult,
    Obstacle,
    Timings,
    UserDataFor,
    assume_all_joined,
)
from bakery.launch.base.names import name_nodes
from bakery.launch.base.ownership import new_launch_id
from bakery.launch.base.running import Running
from bakery.launch.base.session import Session, resumable
from bakery.launch.converge.changes import compare
from bakery.launch.converge.droplets import DropletTemplate, create_droplets, wait_until_active
from bakery.launch.converge.duplicates import resolve_duplicate_firewalls, resolve_from_earlier_run
from bakery.launch.converge.keys import leftover_keys, remove_key, throwaway_key
from bakery.launch.converge.network import ensure_network
from bakery.launch.converge.preflight import find_obstacles, ssh_key_ids, survey, trust_obstacles
from bakery.launch.converge.prepare import Prepared, check_user_data_renders, given_up, prepare, still_not_joined
from bakery.launch.teardown.mend import mend
from bakery.launch.teardown.removal import finish_removals
from bakery.plan.model import ClusterPlan
from bakery.plan.slots import slot_of
from bakery.wait import Clock, SystemClock


def launch(
    plan: ClusterPlan,
    *,
    cloud: Cloud,
    paths: StatePaths,
    image: Image | None,
    ca_fingerprint: str,
    generation: int,
    admin_cidrs: Sequence[str],
    user_data: UserDataFor,
    throwaway_public_key: str,
    only_role: str | None = None,
    approve: Approve = lambda changes: True,  # noqa: ARG005 - the port's name
    after: Sequence[AfterStep] = (),
    find_not_joined: FindNotJoined = assume_all_joined,
    running: Running | None = None,
    reporter: Reporter = SILENT,
    clock: Clock | None = None,
    wall: Callable[[], float] = time.time,
    timings: Timings | None = None,
    workers: int = 8,
) -> LaunchResult:
    """Bring the cluster to the plan. Existing droplets count; only those that never came up or joined are
    replaced.

    ``approve`` is called only if there are changes. The steps of ``after`` run in order once every droplet is
    active, even without changes. If one of them misses its deadline, the nodes that ``find_not_joined`` names are
    recorded, and the next launch replaces those that still have not joined. Through ``running`` the launch repairs
    what an interrupted destroy left. A second launch without a change sends no request that changes anything. A
    signal must arrive as an exception in the calling thread.

    Raises:
        LockedError: another bakery works on this cluster.
        UsageError: the preflight found obstacles; nothing was created.
        CredentialsError: existing droplets have another CA.
        CloudError, LaunchError, DeadlineError: the launch stopped half-way; the same command goes on.
    """
    request = LaunchRequest(
        plan=plan,
        image=image,
        ca_fingerprint=ca_fingerprint,
        generation=generation,
        admin_cidrs=tuple(admin_cidrs),
        user_data=user_data,
        throwaway_public_key=throwaway_public_key,
        only_role=only_role,
        find_not_joined=find_not_joined,
        running=running,
    )
    with locked(paths.lock, cluster=plan.cluster):
        session = Session(
            cloud=cloud,
            cluster=plan.cluster,
            journal=JournalFile(paths.journal, plan.cluster),
            reporter=reporter,
            clock=clock or SystemClock(),
            wall=wall,
            timings=timings or Timings(),
            workers=workers,
        )
        with resumable():
            return _launch(session, request, approve, after)


def preview(
    plan: ClusterPlan,
    *,
    cloud: Cloud,
    paths: StatePaths,
    image: Image | None,
    ca_fingerprint: str | None,
    admin_cidrs: Sequence[str],
    before: Sequence[Obstacle] = (),
    only_role: str | None = None,
    find_not_joined: FindNotJoined = assume_all_joined,
    wall: Callable[[], float] = time.time,
) -> Changes:
    """Return what :func:`launch` would change, and its obstacles. Take no lock and change nothing.

    ``ca_fingerprint`` is None if there are no credentials. ``before`` are obstacles that end a launch before it
    reads the account: unreadable credentials, another cloud. If there are any, the CA of the droplets is not
    checked.
    """
    present = survey(cloud, plan.cluster)
    journal = load_journal(paths.journal, plan.cluster)
    plan = name_nodes(plan, present, None, renamed=frozenset(journal.leaving))
    failed = given_up(journal, wall(), Timings())
    changes = compare(
        plan,
        present,
        admin_cidrs=admin_cidrs,
        failed=failed,
        not_joined=still_not_joined(journal, present.droplets, find_not_joined),
        leaving=frozenset(journal.leaving),
        only_role=only_role,
        image=image,
    )
    found = (
        *before,
        *(() if before else trust_obstacles(present.droplets, plan.cluster, ca_fingerprint)),
        *find_obstacles(plan, present, changes, journal, image=image, only_role=only_role),
    )
    return replace(changes, obstacles=found)


def _launch(
    session: Session, request: LaunchRequest, approve: Approve, after: Sequence[AfterStep]
) -> LaunchResult:
    run_id = new_launch_id()
    launch_id = session.journal.now.launch_id or run_id
    with session.reporter.step("Looking at the account"):
        prepared = prepare(session, request, run_id)
    _report(session, prepared.changes)
    if not prepared.changes.empty and not approve(prepared.changes):
        return LaunchResult(changes=prepared.changes, created=(), droplets=prepared.changes.unchanged)
    settled = resolve_from_earlier_run(session, prepared.present.droplets)
    removed = finish_removals(
        session, prepared.request.plan, request.running, prepared.changes.replaced, prepared.present.droplets
    )
    if settled or removed:
        prepared = prepare(session, request, run_id)
    check_user_data_renders(prepared.request, prepared.changes)
    for key in leftover_keys(prepared.present, session.journal.now, now=session.wall()):
        remove_key(session, key.id)
    members = _converge(session, prepared, launch_id)
    droplets = tuple(members[node.slot] for node in request.plan.nodes if node.slot in members)
    for step in after:
        with session.reporter.step(step.title), _recording_not_joined(session, request, droplets):
            step.run(droplets)
        if step.forms_cluster:
            session.journal.record_formed()
        # Gossip finds a dead member within half a minute, so each step may find more of them.
        if request.running is not None:
            mend(session, request.plan, request.running, list_members(session))
    session.journal.finish(listed_since=session.wall() - session.timings.settle)
    created = tuple(node.name for node in prepared.changes.new_nodes)
    return LaunchResult(changes=prepared.changes, created=created, droplets=droplets)


@contextmanager
def _recording_not_joined(
    session: Session, request: LaunchRequest, droplets: tuple[Droplet, ...]
) -> Iterator[None]:
    """If the block misses its deadline, record the nodes that have not joined: the next launch replaces them."""
    try:
        yield
    except DeadlineError:
        names = request.find_not_joined(droplets)
        slots = {slot_of(d, session.cluster): d.name for d in droplets if d.name in names}
        for slot in session.journal.record_not_joined(slots):
            session.reporter.warn(f"{slots[slot]} never joined; unless it does, the next launch replaces it")
        raise


def _report(session: Session, changes: Changes) -> None:
    for line in changes.later:
        session.reporter.warn(line)
    for droplet in changes.extra:
        session.reporter.warn(
            Hint(f"{droplet.name} is not in the plan; to remove it: ", Command("destroy", "--node", droplet.name))
        )
    for droplet in changes.duplicates:
        duplicate = f"{slot_of(droplet, session.cluster)} exists more than once (droplet {droplet.id})"
        session.reporter.warn(
            Hint(f"{duplicate}; to remove the newest: ", Command("destroy", "--node", droplet.name))
        )


def _converge(session: Session, prepared: Prepared, launch_id: str) -> Members:
    request, changes = prepared.request, prepared.changes
    members: Members = members_of(session, changes.unchanged)
    if not changes.empty:
        session.journal.begin(launch_id)
        with session.reporter.step("Network and firewalls"):
            vpc_id = ensure_network(
                session,
                request.plan,
                prepared.present,
                changes,
                launch_id=launch_id,
                admin_cidrs=request.admin_cidrs,
            )
        if changes.new_nodes:
            with session.reporter.step("Droplets"):
                members = _create(session, prepared, launch_id=launch_id, vpc_id=vpc_id)
    members = wait_until_active(session, members, [node.slot for node in request.wanted])
    if changes.new_firewalls:
        resolve_duplicate_firewalls(session, request.plan.firewalls, session.cloud.list_firewalls())
    return members


def _create(session: Session, prepared: Prepared, *, launch_id: str, vpc_id: str) -> Members:
    request = prepared.request
    with throwaway_key(session, request.throwaway_public_key, launch_id) as key_id:
        keys = (key_id, *ssh_key_ids(request.plan, prepared.present))
        template = DropletTemplate(
            launch=request, launch_id=launch_id, vpc_id=vpc_id, ssh_keys=keys, formed=prepared.formed
        )
        return create_droplets(session, template, prepared.changes)
