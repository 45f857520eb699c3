"""Launch: from what is there to the plan, in steps that may be interrupted anywhere and run again."""

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
from bakery.launch.base.marks import new_launch_id
from bakery.launch.base.members import Members, list_members, members_of
from bakery.launch.base.model import (
    Absent,
    AfterStep,
    Approve,
    Changes,
    LaunchResult,
    Obstacle,
    Order,
    Timings,
    UserDataFor,
    nobody,
)
from bakery.launch.base.names import name_nodes
from bakery.launch.base.running import Running
from bakery.launch.base.session import Session, resumable
from bakery.launch.converge.changes import compare
from bakery.launch.converge.droplets import Recipe, create_droplets, wait_until_active
from bakery.launch.converge.keys import leftover_keys, remove_key, throwaway_key
from bakery.launch.converge.network import ensure_network
from bakery.launch.converge.preflight import find_obstacles, ssh_key_ids, survey, trust_obstacles
from bakery.launch.converge.prepare import Prepared, given_up, prepare, rehearse, still_absent
from bakery.launch.converge.twins import settle_earlier, settle_firewalls
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
    admin_cidrs: Sequence[str],
    user_data: UserDataFor,
    throwaway_public_key: str,
    only_role: str | None = None,
    approve: Approve = lambda changes: True,  # noqa: ARG005 - the port's name
    after: Sequence[AfterStep] = (),
    absent: Absent = nobody,
    running: Running | None = None,
    reporter: Reporter = SILENT,
    clock: Clock | None = None,
    wall: Callable[[], float] = time.time,
    timings: Timings | None = None,
    workers: int = 8,
) -> LaunchResult:
    """Bring the cluster to the plan; what is there counts, and only droplets that never came are replaced.

    ``approve`` is asked only if there are changes; ``after`` runs in order once every droplet is active, changes
    or not. If one of those steps misses its deadline, ``absent`` says of whom the cluster has not heard; the next
    launch replaces those of them that are still unheard of. ``running`` is how what an interrupted destroy left is
    mended. Running it again without a change sends no request that changes anything. A signal must arrive as an
    exception in the calling thread.

    Raises:
        LockedError: another bakery works on this cluster.
        UsageError: the account or the plan does not allow it; nothing was made.
        CredentialsError: existing droplets have another CA.
        CloudError, LaunchError, DeadlineError: stopped half-way; the same command goes on.
    """
    order = Order(
        plan=plan,
        image=image,
        ca_fingerprint=ca_fingerprint,
        admin_cidrs=tuple(admin_cidrs),
        user_data=user_data,
        throwaway_public_key=throwaway_public_key,
        only_role=only_role,
        absent=absent,
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
            return _launch(session, order, approve, after)


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
    absent: Absent = nobody,
    wall: Callable[[], float] = time.time,
) -> Changes:
    """What :func:`launch` would change, and why it would be refused. It takes no lock and changes nothing.

    ``ca_fingerprint`` is None where there are no credentials. ``before`` are obstacles that end a launch before it
    looks at the droplets: credentials that cannot be read, another cloud. After them nobody asks which CA the
    droplets have.
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
        absent=still_absent(journal, present.droplets, absent),
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


def _launch(session: Session, order: Order, approve: Approve, after: Sequence[AfterStep]) -> LaunchResult:
    run_id = new_launch_id()
    launch_id = session.journal.now.launch_id or run_id
    with session.reporter.step("Looking at the account"):
        prepared = prepare(session, order, run_id)
    _report(session, prepared.changes)
    if not prepared.changes.empty and not approve(prepared.changes):
        return LaunchResult(changes=prepared.changes, created=(), droplets=prepared.changes.kept)
    settled = settle_earlier(session, prepared.present.droplets)
    removed = finish_removals(
        session, prepared.order.plan, order.running, prepared.changes.replaced, prepared.present.droplets
    )
    if settled or removed:
        prepared = prepare(session, order, run_id)
    rehearse(prepared.order, prepared.changes)
    for key in leftover_keys(prepared.present, session.journal.now, now=session.wall()):
        remove_key(session, key.id)
    members = _converge(session, prepared, launch_id)
    droplets = tuple(members[node.slot] for node in order.plan.nodes if node.slot in members)
    for step in after:
        with session.reporter.step(step.title), _noting_absence(session, order, droplets):
            step.run(droplets)
        if step.forms_cluster:
            session.journal.has_formed()
        # At each step more of the dead are found dead: gossip takes up to half a minute.
        if order.running is not None:
            mend(session, order.plan, order.running, list_members(session))
    session.journal.finish(listed_since=session.wall() - session.timings.settle)
    created = tuple(node.name for node in prepared.changes.new_nodes)
    return LaunchResult(changes=prepared.changes, created=created, droplets=droplets)


@contextmanager
def _noting_absence(session: Session, order: Order, droplets: tuple[Droplet, ...]) -> Iterator[None]:
    """After a deadline: note which nodes never joined, so that the next launch replaces those alone."""
    try:
        yield
    except DeadlineError:
        names = order.absent(droplets)
        slots = {slot_of(d, session.cluster): d.name for d in droplets if d.name in names}
        for slot in session.journal.absent(slots):
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
        twin = f"{slot_of(droplet, session.cluster)} exists more than once (droplet {droplet.id})"
        session.reporter.warn(Hint(f"{twin}; to remove the newest: ", Command("destroy", "--node", droplet.name)))


def _converge(session: Session, prepared: Prepared, launch_id: str) -> Members:
    order, changes = prepared.order, prepared.changes
    members: Members = members_of(session, changes.kept)
    if not changes.empty:
        session.journal.begin(launch_id)
        with session.reporter.step("Network and firewalls"):
            vpc_id = ensure_network(
                session, order.plan, prepared.present, changes, launch_id=launch_id, admin_cidrs=order.admin_cidrs
            )
        if changes.new_nodes:
            with session.reporter.step("Droplets"):
                members = _create(session, prepared, launch_id=launch_id, vpc_id=vpc_id)
    members = wait_until_active(session, members, [node.slot for node in order.wanted])
    if changes.new_firewalls:
        settle_firewalls(session, order.plan.firewalls, session.cloud.list_firewalls())
    return members


def _create(session: Session, prepared: Prepared, *, launch_id: str, vpc_id: str) -> Members:
    order = prepared.order
    with throwaway_key(session, order.throwaway_public_key, launch_id) as key_id:
        keys = (key_id, *ssh_key_ids(order.plan, prepared.present))
        recipe = Recipe(order=order, launch_id=launch_id, vpc_id=vpc_id, ssh_keys=keys, formed=prepared.formed)
        return create_droplets(session, recipe, prepared.changes)
