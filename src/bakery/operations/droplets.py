"""The droplets of the cluster, and the snapshot that its file asks for."""

import time

from bakery.assets import image_inputs
from bakery.bake.snapshot import is_finished
from bakery.cloud.model import Droplet, Image
from bakery.config.model import ClusterConfig
from bakery.errors import UsageError
from bakery.launch.converge.snapshot import SnapshotUse, newest_snapshot, snapshot_use, unbaked_snapshot
from bakery.launch.roll.model import OLDEST_DAYS
from bakery.launch.roll.need import Wanted
from bakery.operations.context import Context, open_session
from bakery.plan.model import ClusterPlan
from bakery.plan.tags import cluster_tag, content_tag


def list_droplets(context: Context) -> tuple[Droplet, ...]:
    """List the droplets with the cluster's tag, oldest first."""
    listed = context.cloud.list_droplets(tag=cluster_tag(context.config.cluster))
    return tuple(sorted(listed, key=lambda droplet: droplet.id))


def snapshot_tag(config: ClusterConfig) -> str:
    """Return the content tag of the snapshot that this version of bakery bakes from the cluster file."""
    image = config.image
    return content_tag(
        image_inputs(), base=image.base, consul=image.consul, nomad=image.nomad, traefik=config.has_ingress
    )


def present_snapshot(context: Context) -> Image | None:
    """Return the snapshot that a launch boots from; None if the account has none."""
    return newest_snapshot(context.cloud, context.config, snapshot_tag(context.config))


def launch_snapshot(context: Context) -> Image | None:
    """Return the snapshot of new nodes; None if the account has none.

    It is that of an unfinished roll if it has the file's content: the roll would replace another one again.
    """
    newest, number = present_snapshot(context), rolled_snapshot(context)
    if newest is None or number in (None, newest.id):
        return newest
    same = (each for each in context.cloud.list_images(tag=snapshot_tag(context.config)) if each.id == number)
    return next((each for each in same if is_finished(each)), newest)


def rolled_snapshot(context: Context) -> int | None:
    """Return the id of the snapshot with which an unfinished roll of the cluster continues; None without one.

    A journal that cannot be read causes a warning only.
    """
    try:
        roll = open_session(context).journal.now.roll
    except UsageError as error:
        context.reporter.warn(error.full_message)
        return None
    return roll.image_id if roll is not None else None


def wanted_now(context: Context, snapshot: Image | None, *, generation: int) -> Wanted:
    """Return what a roll that begins now makes of each droplet; ``snapshot`` is None if it is not baked yet."""
    config = context.config
    image = snapshot or unbaked_snapshot(config.region, snapshot_tag(config))
    return Wanted(image=image, generation=generation, now=time.time(), oldest_days=OLDEST_DAYS)


def compare_snapshots(context: Context, plan: ClusterPlan, droplets: tuple[Droplet, ...]) -> SnapshotUse:
    """Compare the snapshots of running droplets with the one that the cluster file asks for."""
    return snapshot_use(plan, droplets, present_snapshot(context))
