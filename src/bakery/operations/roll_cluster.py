"""Roll: every node that differs from what a new droplet would be is replaced, one at a time."""

from collections.abc import Callable
from dataclasses import replace

from bakery.bake.snapshot import is_finished
from bakery.cloud.model import Image
from bakery.errors import UsageError
from bakery.hints import Command, Hint
from bakery.launch.base.consul_lock import check_free, consul_finder
from bakery.launch.base.session import Session, exclusive, resumable
from bakery.launch.roll.model import Replaced, RollRequest
from bakery.launch.roll.roll import RollPlan, check_roll, plan_roll, run_roll
from bakery.launch.teardown.hurt import Work
from bakery.operations.cluster import running_cluster
from bakery.operations.context import Context, open_session

ApproveRoll = Callable[[RollPlan], bool]
"""Called before the first change; if it returns False, nothing is changed."""
ShowRoll = Callable[[RollPlan], None]
"""Called with a plan that has something to replace, before it is checked whether that is possible now."""


def show_nothing(_: RollPlan) -> None:
    """Show nothing."""


def chosen_snapshot(context: Context, number: int) -> Image:
    """Return the snapshot with that id.

    Raises:
        UsageError: bakery baked no snapshot with that id in this account.
    """
    found = next((image for image in context.cloud.list_images() if image.id == number), None)
    if found is None or not is_finished(found):
        message = f"no snapshot that bakery baked has the id {number}"
        raise UsageError(message=message, hint=Hint("those of this account: ", Command("images")))
    return found


def preview_roll(context: Context, request: RollRequest, show: ShowRoll) -> None:
    """Find out what a roll will do, and whether it is possible now. Change nothing, also not the journal.

    Raises:
        The errors of :func:`roll_cluster` before its first change.
    """
    session = open_session(context, running_cluster(context))
    with exclusive(session):
        _prepared(session, request, show)


def roll_differing(
    context: Context, request: RollRequest, approve: ApproveRoll, show: ShowRoll = show_nothing
) -> tuple[Replaced, ...]:
    """Replace the nodes of the cluster that differ (:func:`roll_cluster`)."""
    return roll_cluster(open_session(context, running_cluster(context)), request, approve, show)


def roll_cluster(
    session: Session, request: RollRequest, approve: ApproveRoll, show: ShowRoll = show_nothing
) -> tuple[Replaced, ...]:
    """Replace the nodes that differ: Consul servers, Nomad servers, clients; leaders last. Return those replaced.

    A node that is as wanted is skipped, so the same command continues an interrupted roll, with the snapshot with
    which it began. If the first new droplet does not become a healthy node, every old one is untouched.

    Raises:
        LockedError: another bakery works on this cluster, here or elsewhere.
        UsageError: there is no snapshot, or one more droplet is impossible; nothing is changed.
        ChecksFailedError: the cluster is not healthy; the node at which the roll stopped is untouched.
        DeadlineError: a new droplet is not a healthy node in time; its old node is untouched.
        CloudError, LaunchError, AgentError: the roll stopped half-way; run the same command again.
    """
    with exclusive(session), resumable():
        plan = _prepared(session, request, show)
        if plan.needs and not approve(plan):
            return ()
        return run_roll(session, request, plan)


def roll_locked(session: Session, request: RollRequest, approved: Work) -> tuple[Replaced, ...]:
    """Replace the nodes that differ as :func:`roll_cluster`, after the user has agreed to it.

    The caller holds the lock file. ``approved`` is what becomes of the work, as the user knows it.
    """
    return run_roll(session, request, replace(_prepared(session, request, show_nothing), work=approved))


def _prepared(session: Session, request: RollRequest, show: ShowRoll) -> RollPlan:
    plan = plan_roll(session, request)
    if plan.needs:
        show(plan)
        droplets = plan.present.droplets
        check_free(session, consul_finder(session, request.replace.launch.plan, droplets)())
    check_roll(session, request, plan)
    return plan
