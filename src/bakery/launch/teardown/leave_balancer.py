"""Takes ingress droplets out of the load balancer before they leave, so that no request is lost."""

from collections.abc import Iterable, Sequence

from bakery.cloud.model import Droplet, LoadBalancer
from bakery.errors import UnauthorizedError
from bakery.launch.base.session import Session
from bakery.launch.base.ways_in import find_balancer
from bakery.plan.ingress import DRAIN_SECONDS
from bakery.plan.model import ClusterPlan
from bakery.plan.tags import ingress_tag
from bakery.plan.ways_in import balancer_of
from bakery.wait import Pending


def leave_balancer(session: Session, plan: ClusterPlan, leaving: Iterable[Droplet], *, lost: bool = False) -> bool:
    """Remove the tag that the load balancer forwards to, and wait until the requests under way are done.

    Return whether the cluster has a load balancer in front of ingress nodes among ``leaving``. It may be in the
    account although the cluster file no longer has it, or no longer has its role.

    The tag of the role stays, so the firewall does too. ``lost`` droplets are not waited for. From here on a
    launch finishes the removal: without the tag the droplets would take no requests.

    Raises:
        DeadlineError: the load balancer still forwards to a droplet.
    """
    tag = ingress_tag(plan.cluster)
    behind = [droplet for droplet in leaving if tag in droplet.tags]
    if not behind or _existing_balancer(session, plan) is None:
        return False
    session.journal.record_leaving(behind)
    for droplet in behind:
        session.cloud.untag_droplet(droplet.id, tag)
    if not lost:
        _wait_until_left(session, behind)
    return True


def _existing_balancer(session: Session, plan: ClusterPlan) -> LoadBalancer | None:
    """Return the cluster's load balancer. A token without the scope is refused only if the plan has one."""
    try:
        return find_balancer(plan.cluster, session.cloud.list_load_balancers())
    except UnauthorizedError as error:
        if error.rejects_token or balancer_of(plan) is not None:
            raise
        return None


def _wait_until_left(session: Session, behind: Sequence[Droplet]) -> None:
    ids = {droplet.id for droplet in behind}

    def left() -> bool | Pending:
        found = find_balancer(session.cluster, session.cloud.list_load_balancers())
        still = ids & set(found.droplet_ids if found is not None else ())
        return Pending(f"{found.name} still forwards to them") if found is not None and still else True

    names = ", ".join(droplet.name for droplet in behind)
    session.wait(left, what=f"the load balancer to leave out {names}", seconds=session.timings.firewall)
    wait_for(session, DRAIN_SECONDS, what=f"the requests of {names}")


def wait_for(session: Session, seconds: float, *, what: str) -> None:
    """Wait ``seconds``, because the API does not show when ``what`` is done."""
    end = session.clock.now() + seconds

    def over() -> bool | Pending:
        left = end - session.clock.now()
        return Pending(f"{left:.0f} s left") if left > 0 else True

    session.wait(over, what=what, seconds=seconds + session.timings.poll, every=1)
