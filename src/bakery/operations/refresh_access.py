"""Access: which networks outside the VPC may reach the cluster's APIs."""

from collections.abc import Callable, Sequence

from bakery.launch.converge import access
from bakery.operations.context import Context, open_session
from bakery.plan.build import build_plan


def refresh_access(
    context: Context, admin_cidrs: Sequence[str], approve: Callable[[Sequence[str]], bool]
) -> tuple[str, ...]:
    """Put ``admin_cidrs`` into the cluster's firewalls (:func:`bakery.launch.converge.access.refresh_access`)."""
    return access.refresh_access(open_session(context), build_plan(context.config), admin_cidrs, approve)
