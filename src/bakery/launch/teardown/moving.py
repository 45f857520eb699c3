"""Waits until the work of drained Nomad clients runs elsewhere, and names what has not moved, and why.

``LastDrain`` alone does not show that: a drain is complete at its deadline too, and Nomad stops an allocation even
if its successor fits on no client (hashicorp/nomad scheduler/reconciler/allocs.go, StopPreviousAlloc).
"""

from collections.abc import Collection, Iterable, Iterator
from functools import partial

from bakery.agents.interface import NomadApi
from bakery.agents.model import Allocation, NomadNode
from bakery.errors import AgentError, DeadlineError
from bakery.hints import Hint
from bakery.launch.base.patience import persist
from bakery.launch.base.session import Session
from bakery.wait import Pending

GRACE_SECONDS = 60
"""Seconds after the deadline of the drain for what Nomad moved last to become healthy."""
NO_DRAIN_HINT = "to remove it without moving its work: --no-drain"


def move_work(
    session: Session,
    nomad: NomadApi,
    nodes: tuple[NomadNode, ...],
    seconds: int,
    announced: Collection[str] = (),
) -> None:
    """Drain the clients, and wait until nothing runs on them and what they ran is healthy on other clients.

    System jobs do not count: they run on every client. ``announced`` is batch work (:func:`name_of`) that the
    user knows to be killed at the deadline: if it is killed, a warning says that.

    Raises:
        DeadlineError: some work has not moved, or other batch work was killed; the details name each job.
        AgentError: Nomad refused the drain.
    """
    names = ", ".join(sorted(node.name for node in nodes))
    begin = partial(_begin, nomad, nodes, seconds)
    try:
        moving = persist(session, begin, what=f"Nomad to drain {names}")
    except AgentError as error:
        error.hint = error.hint or Hint("run the same command again; ", NO_DRAIN_HINT)
        raise
    session.reporter.note(f"    moving the work of {names} to other clients (at most {seconds} s)")
    try:
        session.wait(moving.look, what="Nomad to move the work away", seconds=seconds + GRACE_SECONDS, every=2)
    except DeadlineError:
        raise _not_moved(names, seconds, (*moving.faults, *moving.killed.values())) from None
    if moving.killed.keys() - set(announced):
        raise _killed(names, seconds, moving.killed.values())
    for line in moving.killed.values():
        session.reporter.warn(f"{line}, as announced")


def _begin(nomad: NomadApi, nodes: tuple[NomadNode, ...], seconds: int) -> "_Moving":
    moving = _Moving(nomad, nodes)
    for node in nodes:
        nomad.drain(node.id, seconds=seconds)
    return moving


def _not_moved(names: str, seconds: int, reasons: Iterable[str]) -> DeadlineError:
    message = f"the work of {names} has not moved by the drain deadline of {seconds} s; no client was removed"
    hint = Hint(
        "make room for it, or give a longer --drain-deadline, and run the same command again; ", NO_DRAIN_HINT
    )
    return DeadlineError(message=message, details="\n".join(reasons), hint=hint)


def _killed(names: str, seconds: int, killed: Iterable[str]) -> DeadlineError:
    message = f"Nomad killed batch work on {names} at the drain deadline of {seconds} s; no client was removed"
    hint = "its files are on the client until it is removed; to remove it, run the same command again"
    return DeadlineError(message=message, details="\n".join(killed), hint=hint)


class _Moving:
    """The allocations of clients that are drained, and where they have gone."""

    def __init__(self, nomad: NomadApi, nodes: tuple[NomadNode, ...]) -> None:
        self._nomad = nomad
        self._names = {node.id: node.name for node in nodes}
        found = [each for node in nodes for each in nomad.allocations(node.id)]
        # An earlier run may have been interrupted in its drain: what it has stopped must be healthy elsewhere too.
        self._services = {
            each.id: each for each in found if each.job_type == "service" and (each.is_live or each.migrates)
        }
        self._batch = {each.id for each in found if each.job_type in ("batch", "sysbatch") and each.is_live}
        self.faults: tuple[str, ...] = ()
        """What has not moved yet, and why, at the last look."""
        self.killed: dict[str, str] = {}
        """Batch work that Nomad has stopped at the deadline, as text, by its name."""

    def look(self) -> bool | Pending:
        """Return whether everything has moved."""
        try:
            self.faults = tuple(sorted(set(self._look())))
        except AgentError as error:
            self.faults = (error.full_message,)
        return Pending("; ".join(self.faults)) if self.faults else True

    def _look(self) -> Iterator[str]:
        nodes = [node for node in self._nomad.nodes() if node.id in self._names]
        here = {node.id: self._nomad.allocations(node.id) for node in nodes}
        killed = {
            name_of(each): f"{name_of(each)} on {self._names[node_id]}: batch work was killed at the deadline"
            for node_id, found in here.items()
            for each in found
            if each.id in self._batch and each.migrates and not each.is_live
        }
        self.killed = dict(sorted(killed.items()))
        for node in nodes:
            yield from _still_busy(node, here[node.id])
        ended = [each for found in here.values() for each in found if each.id in self._services]
        yield from self._without_successor([each for each in ended if not each.is_live])

    def _without_successor(self, stopped: Iterable[Allocation]) -> Iterator[str]:
        for each in stopped:
            fault = self._fault_of(each)
            if fault is None:
                del self._services[each.id]
            else:
                yield f"{name_of(each)}: {fault}"

    def _fault_of(self, stopped: Allocation) -> str | None:
        """Return why the work of a stopped allocation does not run yet; None if it does, or is not wanted."""
        of_job = {each.id: each for each in self._nomad.job_allocations(stopped.job, stopped.namespace)}
        last = _last(stopped, of_job)
        wanted = last is not stopped and last.desired == "run"
        if wanted and last.is_live:
            # A service that was unhealthy before is not healthy on another client either.
            healthy = last.healthy or self._services[stopped.id].healthy is False
            return None if healthy else f"its successor on {last.node_name} is not healthy"
        evaluations = self._nomad.evaluations(stopped.job, stopped.namespace)
        for each in evaluations:
            if each.status == "blocked" and (not each.unplaced or stopped.group_name in each.unplaced):
                reason = each.unplaced.get(stopped.group_name, "no reason given")
                return f"its evaluation is blocked, not enough room ({reason})"
        if any(each.status == "pending" for each in evaluations):
            return "Nomad has not placed its successor yet"
        return f"its successor on {last.node_name} has ended ({last.status})" if wanted else None


def _still_busy(node: NomadNode, allocations: Iterable[Allocation]) -> Iterator[str]:
    running = sorted({name_of(each) for each in allocations if each.is_live and each.job_type != "system"})
    if running:
        yield f"{node.name} still runs {', '.join(running)}"
    elif node.last_drain != "complete":
        yield f"the drain of {node.name} is not complete ({node.last_drain or 'not recorded'})"


def _last(stopped: Allocation, of_job: dict[str, Allocation]) -> Allocation:
    """Return the newest allocation in the chain of successors; ``stopped`` itself if it has none."""
    last = stopped
    while last.next_id in of_job:
        last = of_job[last.next_id]
    return last


def name_of(allocation: Allocation) -> str:
    """Return the allocation's job and group: "shop.web"."""
    return f"{allocation.job}.{allocation.group_name}" if allocation.group_name else allocation.job
