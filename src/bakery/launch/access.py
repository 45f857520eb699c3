"""Who may reach the APIs from outside, brought up to date: the operator's address changes, user-data cannot."""

from collections.abc import Sequence

from bakery.cloud.interface import Cloud
from bakery.config.paths import StatePaths
from bakery.console import SILENT, Reporter
from bakery.errors import UsageError
from bakery.launch.firewalls import differs, find_firewall, request_for
from bakery.launch.lock import locked
from bakery.plan.model import ClusterPlan


def refresh_access(
    plan: ClusterPlan,
    *,
    cloud: Cloud,
    paths: StatePaths,
    admin_cidrs: Sequence[str],
    reporter: Reporter = SILENT,
) -> tuple[str, ...]:
    """Put ``admin_cidrs`` into the cluster's firewalls. Returns the names of those that changed.

    Raises:
        UsageError: the cluster has no firewalls yet.
        LockedError: another bakery works on this cluster.
    """
    with locked(paths.lock, cluster=plan.cluster):
        firewalls = cloud.list_firewalls()
        found = [(planned, find_firewall(planned, firewalls)) for planned in plan.firewalls]
        if not any(firewall for _, firewall in found):
            message = f"cluster {plan.cluster} has no firewalls yet"
            raise UsageError(message, hint="bakery launch")
        changed = []
        for planned, firewall in found:
            if firewall is None:
                continue
            request = request_for(planned, name=firewall.name, admin_cidrs=admin_cidrs)
            if differs(firewall, request):
                cloud.update_firewall(firewall.id, request)
                reporter.note(f"    {firewall.name} lets in {', '.join(admin_cidrs)}")
                changed.append(firewall.name)
        return tuple(changed)
