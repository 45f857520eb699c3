"""Scale down: the nodes of the highest slots leave."""

from collections.abc import Callable
from functools import partial

from bakery.cloud.model import Droplet
from bakery.launch.base.consul_lock import check_free, consul_finder
from bakery.launch.base.members import list_members
from bakery.launch.base.session import Session, exclusive, resumable
from bakery.launch.roll.shrink import Shrinking, ShrinkRequest, plan_shrink, shrink
from bakery.operations.cluster import running_with
from bakery.operations.context import Context, open_session
from bakery.operations.credentials import check_own_droplets, load_credentials

ApproveShrinking = Callable[[Shrinking], bool]
"""Called before the first change; if it returns False, nothing is changed."""


def remove_highest(context: Context, request: ShrinkRequest, approve: ApproveShrinking) -> tuple[Droplet, ...]:
    """Remove the nodes of the cluster that the new plan does not contain (:func:`scale_down`).

    Raises:
        CredentialsError: the credentials are not here, or are not those of the droplets.
    """
    bundle = load_credentials(context)
    session = open_session(context, running_with(context, bundle))
    check = partial(check_own_droplets, bundle, cluster=context.config.cluster)
    return scale_down(session, request, approve, check)


def scale_down(
    session: Session,
    request: ShrinkRequest,
    approve: ApproveShrinking,
    check: Callable[[tuple[Droplet, ...]], None] = lambda droplets: None,  # noqa: ARG005 - the port's name
) -> tuple[Droplet, ...]:
    """Remove the nodes that the new plan does not contain. Return them; none if ``approve`` returned False.

    ``check`` gets the cluster's droplets before Consul and Nomad are asked; what it raises passes through.

    Raises:
        LockedError: another bakery works on this cluster.
        ChecksFailedError: the cluster is not healthy; nothing more is removed.
        UsageError: a replacement is unfinished; nothing is changed.
        CloudError, DeadlineError, AgentError: the removal stopped half-way; run the same command again.
    """
    with exclusive(session), resumable():
        found = plan_shrink(session, request, check)
        if not found.droplets:
            return ()
        check_free(session, consul_finder(session, found.plan, list_members(session))())
        if not approve(found):
            return ()
        shrink(session, request, found)
        return found.droplets
