"""Drains Nomad clients before they are destroyed. If the destroy fails, the clients become eligible again."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bakery.agents.interface import NomadApi
from bakery.agents.model import NomadNode
from bakery.cloud.model import Droplet
from bakery.errors import AgentError, ChecksFailedError
from bakery.hints import Command, Hint
from bakery.launch.base.model import DRAIN_SECONDS, DrainPolicy
from bakery.launch.base.patience import persist, reach_patiently
from bakery.launch.base.session import Session
from bakery.launch.teardown.moving import NO_DRAIN_HINT, move_work
from bakery.plan.model import ClusterPlan
from bakery.plan.slots import slot_of

UNDO_SECONDS = 5.0
"""How long to repeat what a failed or interrupted command undoes: the user waits for its end."""
TAKES_WORK = "Nomad to let clients take work again"


@dataclass(frozen=True, kw_only=True)
class Drain:
    """The drain at the beginning of a destroy."""

    nomad: NomadApi | None = None
    nodes: tuple[NomadNode, ...] = ()
    """The clients to drain; empty if there is nothing to drain, or nowhere to move the work."""
    note: str | None = None
    """What to tell the user before the question."""
    asked: bool = True
    """Whether Nomad could be asked."""
    announced: tuple[str, ...] = ()
    """Batch work that the user knows to be killed at the deadline."""
    seconds: int = DRAIN_SECONDS
    """Deadline of the drain."""


NO_DRAIN = Drain()


def plan_drain(
    session: Session,
    plan: ClusterPlan,
    going: Iterable[Droplet],
    staying: Iterable[Droplet],
    policy: DrainPolicy,
    *,
    returning: Collection[str] = (),
    announced: tuple[str, ...] = (),
) -> Drain:
    """Plan the drain of the Nomad clients among ``going``. Change nothing.

    ``returning`` are ids of Nomad nodes that the caller makes eligible before the drain, ``announced`` is as for
    :func:`bakery.launch.teardown.moving.move_work`.
    """
    clients = tuple(droplet for droplet in going if _may_be_client(plan, droplet))
    names = ", ".join(droplet.name for droplet in clients)
    if not clients:
        return NO_DRAIN
    if not policy.drains:
        return Drain(note=f"--no-drain: the work of {names} is cut off")
    if session.running is None:
        return _unasked(names, "the cluster's credentials are not here")
    nomad = reach_patiently(session, plan, staying).nomad
    if nomad is None:
        return _unasked(names, "no Nomad server sees a leader")
    try:
        known = persist(session, nomad.nodes, what="Nomad to list its clients")
    except AgentError as error:
        return _unasked(names, error.full_message)
    places = {(droplet.name, droplet.private_ipv4) for droplet in clients}
    nodes = tuple(node for node in known if (node.name, node.address) in places and node.status == "ready")
    if not nodes:
        return NO_DRAIN
    taking = (node for node in known if node.status == "ready" and (node.eligible or node.id in returning))
    if not any(node not in nodes for node in taking):
        return Drain(note=f"no other Nomad client can take the work of {names}: it ends with them")
    return Drain(
        nomad=nomad,
        nodes=nodes,
        note=f"the work of {names} moves to other clients first (at most {policy.seconds} s)",
        announced=announced,
        seconds=policy.seconds,
    )


def _unasked(names: str, why: str) -> Drain:
    return Drain(note=f"the work of {names} is not moved: {why}", asked=False)


def check_asked(drain: Drain) -> Drain:
    """Return the drain of a removal that must not cut work off.

    Raises:
        ChecksFailedError: Nomad could not be asked.
    """
    if drain.asked:
        return drain
    message = f"{drain.note}; no client was removed"
    raise ChecksFailedError(message=message, hint=Hint(Command("status"), f"; {NO_DRAIN_HINT}"))


@contextmanager
def drained(session: Session, drain: Drain) -> Iterator[None]:
    """Drain the clients, then run the block. If either fails or is interrupted, make them eligible again.

    Clients that an earlier destroy has drained, and that this one does not remove, become eligible too. A client
    that was not eligible before is left so, without its drain.

    Raises:
        DeadlineError, AgentError: the work has not moved (:func:`move_work`), and the block did not run.
    """
    if drain.nomad is None or not drain.nodes:
        yield
        return
    ids = {node.id for node in drain.nodes}
    end_drains(session, drain.nomad, [i for i in session.journal.now.drained if i not in ids])
    session.journal.record_drains(node.id for node in drain.nodes if node.eligible)
    try:
        move_work(session, drain.nomad, drain.nodes, drain.seconds, drain.announced)
        yield
    except BaseException:
        end_drains(session, drain.nomad, session.journal.now.drained)
        _cancel(session, drain.nomad, [node.id for node in drain.nodes if not node.eligible])
        raise
    session.journal.record_drains_ended(ids)


def _cancel(session: Session, nomad: NomadApi, node_ids: Iterable[str]) -> None:
    """Cancel the drains of clients that are to stay ineligible, or the deadline would kill their work."""
    ids = set(node_ids)

    def cancel() -> None:
        for node in nomad.nodes() if ids else ():
            if node.id in ids and node.draining:
                nomad.cancel_drain(node.id)

    try:
        persist(session, cancel, what=TAKES_WORK, seconds=UNDO_SECONDS)
    except AgentError as error:
        session.reporter.warn(f"Nomad clients were left drained ({error.full_message})")


def end_drains(session: Session, nomad: NomadApi, node_ids: Iterable[str]) -> None:
    """Make these Nomad nodes eligible again, as far as they exist, and strike them from the journal."""
    ids = tuple(node_ids)
    if not ids:
        return
    try:
        for name in _make_eligible(session, nomad, ids):
            session.reporter.note(f"    {name} takes work again")
    except AgentError as error:
        session.reporter.warn(
            f"Nomad clients were left drained ({error.full_message}); the next launch mends that"
        )
        return
    session.journal.record_drains_ended(ids)


def give_back(session: Session, nomad: NomadApi) -> None:
    """Make the clients eligible that an unfinished roll made ineligible, as far as they exist."""
    roll = session.journal.now.roll
    if roll is None or not roll.ineligible:
        return
    try:
        _make_eligible(session, nomad, roll.ineligible)
    except AgentError as error:
        session.reporter.warn(f"Nomad clients were left ineligible ({error.full_message}); a launch mends that")
        return
    session.journal.record_ineligible(())


def _make_eligible(session: Session, nomad: NomadApi, node_ids: Iterable[str]) -> tuple[str, ...]:
    """Make these Nomad nodes eligible, as far as they exist. Return their names."""
    ids = tuple(node_ids)

    def make() -> tuple[str, ...]:
        known = {node.id: node.name for node in nomad.nodes()}
        there = [node_id for node_id in ids if node_id in known]
        for node_id in there:
            nomad.set_eligible(node_id)
        return tuple(known[node_id] for node_id in there)

    return persist(session, make, what=TAKES_WORK, seconds=UNDO_SECONDS)


def end_dead_roll(session: Session, plan: ClusterPlan, droplets: Iterable[Droplet]) -> None:
    """Make the clients eligible that a roll left ineligible when it died. ``droplets`` have the servers to ask.

    The caller holds the lock file, so that roll does not run any more. The roll itself stays unfinished.
    """
    if session.running is not None and left_ineligible(session):
        nomad = reach_patiently(session, plan, droplets).nomad
        if nomad is not None:
            give_back(session, nomad)


def left_ineligible(session: Session) -> tuple[str, ...]:
    """Return the ids of the Nomad nodes that an unfinished roll made ineligible."""
    roll = session.journal.now.roll
    return roll.ineligible if roll is not None else ()


def _may_be_client(plan: ClusterPlan, droplet: Droplet) -> bool:
    """Whether the droplet may be a Nomad client. If its role is not in the plan, its kind is unknown."""
    others = {node.slot for node in plan.nodes if not node.kind.is_nomad_client}
    return droplet.status == "active" and slot_of(droplet, plan.cluster) not in others
