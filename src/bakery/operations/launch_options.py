"""What a user asks of a launch. Apart from the launch itself, which a preview need not load."""

from dataclasses import dataclass

from bakery.plan.model import ClusterPlan


@dataclass(frozen=True, kw_only=True)
class LaunchOptions:
    """What the user asks of a launch, beside the cluster file."""

    plan: ClusterPlan
    admin_cidrs: tuple[str, ...]
    """Networks in CIDR notation that may reach the APIs; ``auto`` is already replaced."""
    only_role: str | None = None
    other_cloud: bool = False
    """Whether the cluster may be in another cloud than before."""
    until_healthy: bool = True
    """Whether to form the cluster and wait for its health; otherwise stop once the droplets are active."""
    deadline: float = 900
    """Seconds for each wait for Consul and Nomad."""
