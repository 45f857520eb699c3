"""Replaces one node: the successor is created and fit before the old node leaves. Every step can be run again."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial

from bakery.cloud.model import Droplet
from bakery.errors import ChecksFailedError, CredentialsError, DeadlineError
from bakery.hints import Command
from bakery.launch.base.consul_lock import HeldLock, consul_lock
from bakery.launch.base.journal import Replacing
from bakery.launch.base.members import list_members
from bakery.launch.base.model import DrainPolicy, Present
from bakery.launch.base.names import name_nodes
from bakery.launch.base.patience import persist, reach_patiently
from bakery.launch.base.running import Running, consul_api
from bakery.launch.base.session import Session
from bakery.launch.base.voters import keep_voters
from bakery.launch.converge.keys import leftover_keys, remove_key
from bakery.launch.roll.gate import View, check_all, check_rest, wait_until_fit, with_successor
from bakery.launch.roll.hand_over import hand_over
from bakery.launch.roll.model import Replaced, ReplaceRequest, Target
from bakery.launch.roll.preflight import look, one_more
from bakery.launch.roll.prune import prune_everywhere
from bakery.launch.roll.successor import (
    Site,
    create_successor,
    has_not_joined,
    is_useless,
    never_came,
    wait_until_active,
    what_of,
)
from bakery.launch.teardown.departure import Identity, forget_everywhere
from bakery.launch.teardown.drain import NO_DRAIN, check_asked, drained, end_drains, plan_drain
from bakery.launch.teardown.hurt import NO_WORK, Work, look_at_work
from bakery.launch.teardown.quorum import check_quorum
from bakery.launch.teardown.removal import remove_nodes
from bakery.plan.model import ClusterPlan
from bakery.plan.tags import replaces_tag

CUT_OFF = DrainPolicy(drains=False, abandons_volumes=True)
"""What becomes of a node that counts as lost."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A replacement that is possible now."""

    target: Target
    site: Site
    work: Work = NO_WORK
    """What becomes of the work of the old node, as the user knows it."""
    alive: bool = False
    """Whether a node that counts as lost is alive."""


def check_replacement(
    session: Session,
    request: ReplaceRequest,
    target: Target,
    present: Present | None = None,
    *,
    alive: bool = False,
) -> Checked:
    """Check that the node can be replaced now. Change nothing. ``present`` is the account, if it is read already.

    With ``alive`` the node itself must be healthy too.

    Raises:
        ChecksFailedError: the rest of the cluster is not healthy.
        UsageError: one more droplet is impossible (droplet limit, size, snapshot), or it holds host volumes.
        CredentialsError: the cluster's credentials are not here, or are not its own.
    """
    clients = running(session).clients
    present = look(session, request.launch) if present is None else present
    plan = name_nodes(request.launch.plan, present, None)
    launch = replace(request.launch, plan=plan)
    if target.old is None:
        return Checked(target=target, site=Site(launch=launch, present=present, vpc_id=""))
    vpc_id = one_more(session, launch, present, target)
    view = View(plan=plan, droplets=present.droplets, clients=clients)
    if alive:
        check_all(session, view, what="be replaced now")
    else:
        check_rest(session, view, target)
    site = Site(launch=launch, present=present, vpc_id=vpc_id)
    lives = request.lost and _is_alive(session, plan, target.old, present.droplets)
    if request.lost and not lives:
        return Checked(target=target, site=site)
    policy = CUT_OFF if request.lost else request.drain
    work = look_at_work(session, plan, [target.old], present.droplets, policy, replaced=True)
    return Checked(target=target, site=site, work=work, alive=lives)


def _is_alive(session: Session, plan: ClusterPlan, old: Droplet, droplets: tuple[Droplet, ...]) -> bool:
    """Whether Consul lists the droplet's agent as alive. Every node has one."""
    consul = reach_patiently(session, plan, droplets).consul
    one = Identity(old.name, old.private_ipv4)
    members = persist(session, consul.members, what="Consul to list its members") if consul is not None else ()
    return any(one.is_of(member) and member.status == "alive" for member in members)


def replace_node(session: Session, request: ReplaceRequest, checked: Checked) -> Replaced:
    """Replace the node, or go on with its replacement. The caller holds the lock and has the user's consent.

    Raises:
        LockedError: another bakery changes the cluster, or the lock in Consul is lost.
        DeadlineError: the successor is not fit in time; the old node is untouched.
        UsageError: the quorum would be lost without the old node.
        CloudError, AgentError: the replacement stopped half-way; run the same command again.
    """
    with _lock(session, checked) as lock:
        return _replace(session, request, checked, lock)


def running(session: Session) -> Running:
    """Return the access to Consul and Nomad.

    Raises:
        CredentialsError: the cluster's credentials are not here.
    """
    if session.running is None:
        message = f"no node of {session.cluster} can be replaced or leave: the cluster's credentials are not here"
        raise CredentialsError(message=message, hint="run this where the cluster was launched from")
    return session.running


def _lock(session: Session, checked: Checked) -> AbstractContextManager[HeldLock]:
    """Return the lock in Consul, held through a server that stays, if there is one."""
    plan, droplets = checked.site.launch.plan, checked.site.present.droplets
    staying = [droplet for droplet in droplets if droplet.id != checked.target.old_id]
    find = partial(consul_api, running(session), plan, (*staying, *droplets))
    return consul_lock(session, find, leaving={checked.target.name})


def _replace(session: Session, request: ReplaceRequest, checked: Checked, lock: HeldLock) -> Replaced:
    target, plan = checked.target, checked.site.launch.plan
    for key in leftover_keys(checked.site.present, session.journal.now, now=session.wall()):
        remove_key(session, key.id)
    keep_voters(session, plan, checked.site.present.droplets)
    if target.old is not None:
        target, members = _bring_up(session, request, checked.site, target, target.old)
        with session.reporter.step(f"Taking {target.name} out"):
            staying = _take_out(session, request, replace(checked, target=target), members, lock)
    else:
        staying = list_members(session)
    return _finish(session, plan, target, staying)


def _bring_up(
    session: Session, request: ReplaceRequest, site: Site, target: Target, old: Droplet
) -> tuple[Target, tuple[Droplet, ...]]:
    """Create the successor, or go on with that of an earlier run, and wait until it is fit.

    Return the target with it, and the cluster's droplets. The successor's tokens are written while it boots.
    """
    record = Replacing(old_id=old.id, slot=target.node.slot, name=old.name, address=old.private_ipv4)
    session.journal.record_replacing(record)
    new = target.new
    if new is not None and is_useless(session, site.launch, target, site.present.droplets):
        session.reporter.warn(f"{new.name} never joined; it is removed, and another successor is created")
        remove_nodes(session, site.launch.plan, [new], site.present.droplets)
        new = None
    if new is None:
        with session.reporter.step("Droplet"):
            new = create_successor(session, site, target, old)
    others = (droplet for droplet in site.present.droplets if droplet.id != new.id)
    with session.reporter.step("Access control"):
        request.write_tokens(with_successor(site.launch.plan, replace(target, new=new)), (*others, new))
    members = wait_until_active(session, target, new)
    target = replace(target, new=next(member for member in members if member.id == new.id))
    with session.reporter.step("Health"):
        _wait_until_fit(session, request, site.launch.plan, target, members)
        request.end_introductions(with_successor(site.launch.plan, target), members)
    return target, members


def _wait_until_fit(
    session: Session, request: ReplaceRequest, plan: ClusterPlan, target: Target, members: tuple[Droplet, ...]
) -> None:
    assert target.new is not None  # noqa: S101 - the caller has created it
    view = View(plan=plan, droplets=members, clients=running(session).clients)
    try:
        wait_until_fit(session, view, target, seconds=request.fit_seconds)
    except DeadlineError as error:
        if has_not_joined(request.launch, target, members):
            session.journal.record_not_joined([what_of(target.node.slot)])
        further = request.explain_unfit(with_successor(plan, target), members)
        raise never_came(target, target.new, error, further) from None
    session.reporter.node(target.new.name, "healthy")


def _take_out(
    session: Session,
    request: ReplaceRequest,
    checked: Checked,
    members: tuple[Droplet, ...],
    lock: HeldLock,
) -> tuple[Droplet, ...]:
    """Move the work of the old node away, and remove it. Return the droplets that stay of ``members``.

    The quorum is asked with the successor as a voter.
    """
    plan, target = checked.site.launch.plan, checked.target
    staying = tuple(member for member in members if member.id != target.old_id)
    old = next((member for member in members if member.id == target.old_id), None)
    if old is None:
        return staying
    lock.turn_to(partial(consul_api, running(session), plan, (*staying, old)))
    check_quorum(session, plan, [old], members, leaves=not request.lost)
    lock.check()
    request.before_removal(members)
    drain = NO_DRAIN
    if not request.lost:
        planned = plan_drain(session, plan, [old], staying, request.drain, announced=checked.work.batch)
        drain = check_asked(planned)
    with drained(session, drain):
        lock.check()
        hand_over(session, plan, target)
        lock.check()
        remove_nodes(session, plan, [old], members, lost=request.lost)
    return staying


def _finish(session: Session, plan: ClusterPlan, target: Target, staying: tuple[Droplet, ...]) -> Replaced:
    """Remove what is left of the old node, and the tag that shows an unfinished replacement."""
    record = next((each for each in session.journal.now.replacing if each.old_id == target.old_id), None)
    if record is not None and target.old is None:
        _forget(session, plan, Identity(record.name, record.address))
    if record is not None:
        prune_everywhere(session, plan, Identity(record.name, record.address), staying)
    session.cloud.delete_tag(replaces_tag(session.cluster, target.old_id))
    session.journal.resolve(what_of(target.node.slot))
    if target.old_id in session.journal.now.leaving:
        session.journal.record_deleted(target.old_id)
    session.journal.record_replaced(target.old_id)
    name = record.name if record is not None else target.name
    return Replaced(slot=target.node.slot, old=name, new=target.new.name if target.new is not None else "")


def _forget(session: Session, plan: ClusterPlan, gone: Identity) -> None:
    reached = reach_patiently(session, plan, list_members(session))
    consul, nomad = reached.consul, reached.nomad
    if consul is None or (nomad is None and plan.nomad_servers):
        message = f"what Consul and Nomad know of {gone.name} cannot be removed: no server sees a leader"
        raise ChecksFailedError(message=message, hint=Command("status"))
    if nomad is not None:
        end_drains(session, nomad, session.journal.now.drained)

    def attempt(step: Callable[[], None]) -> bool:
        persist(session, step, what=f"Consul and Nomad to forget {gone.name}")
        return True

    forget_everywhere(session, reached, gone, attempt)
