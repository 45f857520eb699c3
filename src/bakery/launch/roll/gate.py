"""The gates of a replacement: the rest of the cluster is healthy before it, and the successor is fit after it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial

from bakery.agents.interface import AgentClients
from bakery.cloud.model import Droplet
from bakery.errors import ChecksFailedError, DeadlineError
from bakery.hints import Command, Hint
from bakery.launch.base.agentless import check_agents_exist
from bakery.launch.base.members import complete_listing, list_members
from bakery.launch.base.session import Session
from bakery.launch.roll.model import Target
from bakery.observe.fit import unmet_without
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.slots import slot_of
from bakery.wait import Pending

GATE_SECONDS = 20.0
"""How long to wait for a cluster that is not healthy: autopilot's state may be two seconds old, and after an
election it knows no server for a moment."""
LOOKS = 3
"""Healthy looks in a row: autopilot's state flickers on small droplets (LastContactThreshold is 200 ms)."""
EVERY = 1.0


@dataclass(frozen=True, kw_only=True)
class View:
    """The cluster as the gates look at it."""

    plan: ClusterPlan
    """With the names that the droplets have."""
    droplets: tuple[Droplet, ...]
    clients: AgentClients


def check_rest(session: Session, view: View, target: Target) -> None:
    """Check that the cluster without the target's droplets is healthy: these may be dead.

    Raises:
        ChecksFailedError: it is not.
    """
    rest = plan_after(view.plan, target.node, None)

    def look() -> str:
        # A successor of an earlier run may get its address, and join, between two looks.
        droplets = view.droplets
        if target.new is not None:
            droplets = complete_listing(session, list_members(session))
        ids = {target.old_id, target.new.id if target.new is not None else None}
        leaving = [droplet for droplet in droplets if droplet.id in ids]
        return _unmet(replace(view, droplets=droplets), with_successor(view.plan, target), rest, leaving)

    message = f"{target.name} cannot be replaced now: the rest of {session.cluster} is not healthy"
    _check(session, look, view.plan.region, what=f"the rest of {session.cluster}", message=message)


def check_all(session: Session, view: View, leaving: Collection[Droplet] = (), *, what: str = "leave it") -> None:
    """Check that the cluster is healthy without ``leaving``: droplets that an interrupted run was removing.

    ``what`` completes the error's sentence: otherwise no node may do it.

    Raises:
        ChecksFailedError: it is not.
    """
    slots = {slot_of(droplet, session.cluster) for droplet in leaving}
    judged = view.plan
    for node in [node for node in view.plan.nodes if node.slot in slots]:
        judged = plan_after(judged, node, None)
    message = f"{session.cluster} is not healthy, so no node may {what}"
    unmet = partial(_unmet, view, view.plan, judged, leaving)
    _check(session, unmet, view.plan.region, what=session.cluster, message=message)


def wait_until_fit(session: Session, view: View, target: Target, *, seconds: float) -> None:
    """Wait until the cluster would be healthy with the successor in the slot and without the old droplet.

    Raises:
        DeadlineError: it would not.
    """
    assert target.new is not None  # noqa: S101 - the caller has created it
    after = plan_after(view.plan, target.node, target.new.name)
    leaving = [each for each in (target.old,) if each is not None]
    what = f"{target.new.name} to be a healthy part of {session.cluster}"
    check = _in_a_row(lambda: _unmet(view, with_successor(view.plan, target), after, leaving))
    session.wait(check, what=what, seconds=seconds, every=EVERY)


def plan_after(plan: ClusterPlan, node: Node, name: str | None) -> ClusterPlan:
    """Return the plan with the name ``name`` in the node's slot; without the node if it is None."""
    named = (replace(each, name=name or "") if each.slot == node.slot else each for each in plan.nodes)
    missing = 0 if name else 1
    return replace(
        plan,
        nodes=tuple(each for each in named if each.name),
        consul_expect=plan.consul_expect - missing * node.kind.is_consul_server,
        nomad_expect=plan.nomad_expect - missing * node.kind.is_nomad_server,
    )


def with_successor(plan: ClusterPlan, target: Target) -> ClusterPlan:
    """Return the plan with one node more: the successor, in a slot of its own."""
    if target.new is None:
        return plan
    coming = replace(target.node, slot=target.new.name, name=target.new.name)
    return replace(plan, nodes=(*plan.nodes, coming))


def _check(session: Session, look: Callable[[], str], region: str, *, what: str, message: str) -> None:
    """Wait until ``look`` finds nothing. If it finds something at first, print that once: the wait is silent.

    Raises:
        ChecksFailedError: it still finds something; with ``message`` as the first line.
        UsageError: droplets in ``region`` do not boot.
    """
    told = False

    def telling_look() -> str:
        nonlocal told
        unmet = look()
        if unmet and not told:
            told = True
            check_agents_exist(session.cloud, region)
            first = unmet.splitlines()[0]
            session.reporter.note(f"    waiting up to {GATE_SECONDS:.0f} s for {what} to be healthy: {first}")
        return unmet

    try:
        session.wait(_in_a_row(telling_look), what=what, seconds=GATE_SECONDS, every=EVERY)
    except DeadlineError as error:
        lost = Command("replace", "NAME", "--lost")
        launch = Command("launch")
        hint = Hint(Command("status"), " says more; ", launch, " creates what is missing; for a dead node: ", lost)
        raise ChecksFailedError(message=message, details=error.details, hint=hint) from None


def _unmet(view: View, known: ClusterPlan, judged: ClusterPlan, leaving: Collection[Droplet]) -> str:
    """Return the unmet conditions of ``judged``, one per line; ``known`` are all nodes that may be members."""
    unmet = unmet_without(known, judged, view.droplets, view.clients, leaving)
    return "\n".join(f"{condition.name}: {condition.message}" for condition in unmet)


def _in_a_row(look: Callable[[], str]) -> Callable[[], bool | Pending]:
    """Return a condition that is met when ``look`` has found nothing for ``LOOKS`` times in a row."""
    good = 0

    def check() -> bool | Pending:
        nonlocal good
        unmet = look()
        good = 0 if unmet else good + 1
        if unmet:
            return Pending(unmet)
        return True if good >= LOOKS else Pending(f"healthy in {good} of {LOOKS} looks")

    return check
