"""Whether a command may use the present cloud: a cluster is in the cloud in which it was launched."""

from bakery.config.paths import StatePaths
from bakery.launch.base.model import Obstacle
from bakery.launch.base.place import judge, load_place, remember_place
from bakery.launch.converge.verdict import refusal
from bakery.operations.context import Context
from bakery.operations.credentials import has_credentials


def was_launched_here(paths: StatePaths) -> bool:
    """Whether the cluster was launched from this machine: its credentials or the record of its cloud are here.

    Bakery 0.1 wrote credentials only.
    """
    return paths.place.exists() or has_credentials(paths)


def place_obstacles(context: Context, *, insists: bool) -> tuple[Obstacle, ...]:
    """Return why commands on the cluster must not use this cloud, if so. Warn of a change that is allowed.

    ``insists`` is ``--other-cloud``.
    """
    cluster = context.config.cluster
    judgement = judge(cluster, load_place(context.paths.place), context.place, insists=insists)
    if judgement.note:
        context.reporter.warn(judgement.note)
    return () if judgement.obstacle is None else (judgement.obstacle,)


def check_place(context: Context, *, insists: bool) -> None:
    """Check that a command on the cluster may use this cloud.

    Raises:
        UsageError: the cluster was launched in another cloud, and ``insists`` is False.
    """
    obstacles = place_obstacles(context, insists=insists)
    if obstacles:
        raise refusal(obstacles)


def record_place(context: Context) -> None:
    """Record that the cluster is in this cloud."""
    remember_place(context.paths.place, context.place)
