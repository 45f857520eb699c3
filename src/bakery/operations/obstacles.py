"""Obstacles of a launch beyond the account: credentials on this machine."""

from bakery.errors import CredentialsError
from bakery.launch.base.model import Changes, FurtherObstacles, Obstacle
from bakery.operations.context import Context
from bakery.operations.registry_logins import registry_logins
from bakery.plan.model import ClusterPlan


def registry_obstacles(context: Context, plan: ClusterPlan) -> FurtherObstacles:
    """Return a function that finds whether new Nomad clients lack the credentials of a container registry."""

    def find(changes: Changes) -> tuple[Obstacle, ...]:
        if not any(node.kind.is_nomad_client for node in changes.new_nodes):
            return ()
        try:
            registry_logins(plan.docker, context.config.path.parent)
        except CredentialsError as error:
            return (of_credentials("registry_credentials", error, "see docker.registries in the cluster file"),)
        return ()

    return find


def of_credentials(code: str, error: CredentialsError, hint: str) -> Obstacle:
    """Return the obstacle that the error is; ``hint`` if it has none."""
    return Obstacle(
        code=code,
        message=error.message,
        details=error.details,
        hint=error.hint or hint,
        exit_code=error.exit_code,
    )
