"""Finds the snapshot that a launch boots from, and the snapshots that running droplets use."""

from collections.abc import Iterable
from dataclasses import dataclass

from bakery.cloud.interface import Cloud
from bakery.cloud.model import Droplet, Image
from bakery.config.model import ClusterConfig
from bakery.errors import UsageError
from bakery.hints import Command, Hint, Text
from bakery.launch.converge.drift import named, snapshot_differences
from bakery.plan.model import ClusterPlan


def newest_snapshot(cloud: Cloud, config: ClusterConfig, tag: str) -> Image | None:
    """Return the newest available snapshot with the content tag ``tag``; prefer one in the cluster's region."""
    images = (image for image in cloud.list_images(tag=tag) if image.status == "available")
    return max(
        images, key=lambda image: (config.region in image.regions, image.created_at, image.id), default=None
    )


def find_snapshot(cloud: Cloud, config: ClusterConfig, tag: str) -> Image:
    """Return the snapshot that :func:`newest_snapshot` finds.

    Raises:
        UsageError: the account has none; the hint is the command that bakes it.
    """
    image = newest_snapshot(cloud, config, tag)
    if image is None:
        message = (
            f"the account has no snapshot of consul {config.image.consul} and nomad {config.image.nomad}"
            f" on {config.image.base}"
        )
        raise UsageError(message=message, details=f"none has the tag {tag}", hint=Command("build-image"))
    return image


def unbaked_snapshot(region: str, tag: str) -> Image:
    """Return an image in place of a snapshot that is not baked yet: every droplet differs from it."""
    return Image(
        id=0,
        name="the snapshot to be baked",
        type="snapshot",
        status="available",
        regions=(region,),
        tags=(tag,),
        min_disk_size=0,
        size_gigabytes=0.0,
        created_at="",
    )


@dataclass(frozen=True, kw_only=True)
class SnapshotUse:
    """The snapshots of running droplets, compared with the one that the cluster file asks for."""

    asked: Image | None
    """The newest snapshot of the file's versions; None if the account has none."""
    others: tuple[Droplet, ...]
    """Droplets that use another snapshot."""
    lines: tuple[Text, ...]
    """The differences as text; empty if every droplet uses the snapshot that the file asks for."""


def snapshot_use(plan: ClusterPlan, droplets: Iterable[Droplet], asked: Image | None) -> SnapshotUse:
    """Compare the snapshots of the droplets with ``asked``, the one that the cluster file asks for."""
    members = tuple(droplets)
    differences = snapshot_differences(plan, members, asked)
    names = {name for group in differences.values() for name in group}
    return SnapshotUse(
        asked=asked,
        others=tuple(droplet for droplet in members if droplet.name in names),
        lines=tuple(Hint(f"{named(group)}: ", text) for text, group in differences.items()),
    )
