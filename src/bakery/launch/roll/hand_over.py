"""Leads requests from outside to a successor before the old ingress node leaves."""

from bakery.cloud.model import Droplet
from bakery.launch.base.session import Session
from bakery.launch.base.ways_in import find_balancer, own_addresses
from bakery.launch.converge.enter import move_reserved_ip
from bakery.launch.converge.ways_in import CHECK
from bakery.launch.roll.model import Target
from bakery.launch.teardown.leave_balancer import wait_for
from bakery.plan.model import ClusterPlan
from bakery.plan.ways_in import balancer_of, reserved_slot
from bakery.wait import Pending

_CHECK_MARGIN = 5.0


def hand_over(session: Session, plan: ClusterPlan, target: Target) -> None:
    """Assign the reserved IP of the slot to the successor, and wait until the load balancer sends it requests.

    Nothing is done for a node that is not an ingress node.

    Raises:
        DeadlineError: the reserved IP is not assigned in time, or the load balancer does not send requests to the
            successor; the old node still takes requests.
    """
    new = target.new
    if new is None or not target.node.kind.is_ingress:
        return
    if reserved_slot(plan) == target.node.slot:
        _move_address(session, plan, new)
    if balancer_of(plan) is not None:
        _wait_for_balancer(session, plan, new)


def _move_address(session: Session, plan: ClusterPlan, new: Droplet) -> None:
    own = own_addresses(plan.cluster, session.cloud.list_tags(), session.journal.now)
    for reserved in session.cloud.list_reserved_ips():
        if reserved.ip in own and reserved.droplet_id != new.id:
            move_reserved_ip(session, reserved, new)
            session.reporter.node(new.name, f"has the address {reserved.ip}")


def _wait_for_balancer(session: Session, plan: ClusterPlan, new: Droplet) -> None:
    """Wait as long as the health checks need: the API does not show their results."""

    def forwards() -> bool | Pending:
        found = find_balancer(plan.cluster, session.cloud.list_load_balancers())
        if found is None or new.id in found.droplet_ids:
            return True
        return Pending(f"{found.name} does not forward to {new.name}")

    session.wait(forwards, what=f"the load balancer to take {new.name}", seconds=session.timings.firewall)
    seconds = CHECK.seconds_until_healthy + _CHECK_MARGIN
    wait_for(session, seconds, what=f"the load balancer's checks of {new.name}")
