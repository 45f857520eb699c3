"""Updates the networks that may reach the APIs: the operator's address changes, and user-data cannot change."""

from collections.abc import Callable, Sequence

from bakery.errors import UsageError
from bakery.hints import Command
from bakery.launch.base.session import Session, exclusive
from bakery.launch.converge.changes import compare_firewalls
from bakery.launch.converge.ways_in import has_balancer_only_rules, source_balancer
from bakery.plan.model import ClusterPlan


def refresh_access(
    session: Session,
    plan: ClusterPlan,
    admin_cidrs: Sequence[str],
    approve: Callable[[Sequence[str]], bool] = lambda names: True,  # noqa: ARG005 - the port's name
) -> tuple[str, ...]:
    """Put ``admin_cidrs`` into the cluster's firewalls. Return the names of the firewalls that differed.

    ``approve`` is called with these names, if there are any, before the first firewall changes.

    Raises:
        UsageError: the cluster has no firewalls yet.
        LockedError: another bakery works on this cluster.
    """
    cloud = session.cloud
    with exclusive(session):
        balancers = cloud.list_load_balancers() if has_balancer_only_rules(plan) else ()
        source = source_balancer(plan, balancers)
        missing, updates = compare_firewalls(plan, cloud.list_firewalls(), admin_cidrs, source)
        if len(missing) == len(plan.firewalls):
            message = f"cluster {plan.cluster} has no firewalls yet"
            raise UsageError(message=message, hint=Command("launch"))
        names = tuple(update.firewall.name for update in updates)
        if names and approve(names):
            for update in updates:
                cloud.update_firewall(update.firewall.id, update.request)
                session.reporter.note(f"    {update.firewall.name} admits {', '.join(admin_cidrs)}")
        return names
