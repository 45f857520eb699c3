"""Scale down: the nodes of the highest slots leave."""

from collections.abc import Callable

from bakery.cloud.model import Droplet
from bakery.launch.base.session import Session, exclusive, resumable
from bakery.launch.roll.shrink import Shrinking, ShrinkRequest, plan_shrink, shrink
from bakery.operations.cluster import running_cluster
from bakery.operations.context import Context, open_session

ApproveShrinking = Callable[[Shrinking], bool]
"""Called before the first change; if it returns False, nothing is changed."""


def remove_highest(context: Context, request: ShrinkRequest, approve: ApproveShrinking) -> tuple[Droplet, ...]:
    """Remove the nodes of the cluster that the new plan does not contain (:func:`scale_down`)."""
    return scale_down(open_session(context, running_cluster(context)), request, approve)


def scale_down(session: Session, request: ShrinkRequest, approve: ApproveShrinking) -> tuple[Droplet, ...]:
    """Remove the nodes that the new plan does not contain. Return them; none if ``approve`` returned False.

    Raises:
        LockedError: another bakery works on this cluster.
        ChecksFailedError: the cluster is not healthy; nothing more is removed.
        UsageError: a replacement is unfinished; nothing is changed.
        CloudError, DeadlineError, AgentError: the removal stopped half-way; run the same command again.
    """
    with exclusive(session), resumable():
        found = plan_shrink(session, request)
        if not found.droplets or not approve(found):
            return ()
        shrink(session, request, found)
        return found.droplets
