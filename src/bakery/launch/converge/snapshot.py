"""Which snapshot a launch boots from, and which one running droplets are from."""

from collections.abc import Iterable
from dataclasses import dataclass

from bakery.cloud.interface import Cloud
from bakery.cloud.model import Droplet, Image
from bakery.config.model import ClusterConfig
from bakery.errors import UsageError
from bakery.hints import Command, Hint, Text
from bakery.launch.converge.drift import snapshot_differences
from bakery.plan.model import ClusterPlan


def newest_snapshot(cloud: Cloud, config: ClusterConfig, tag: str) -> Image | None:
    """The newest available snapshot with the content tag ``tag``, one in the cluster's region before others."""
    images = (image for image in cloud.list_images(tag=tag) if image.status == "available")
    return max(
        images, key=lambda image: (config.region in image.regions, image.created_at, image.id), default=None
    )


def find_snapshot(cloud: Cloud, config: ClusterConfig, tag: str) -> Image:
    """The snapshot that :func:`newest_snapshot` finds.

    Raises:
        UsageError: there is none; the hint is the command that bakes it.
    """
    image = newest_snapshot(cloud, config, tag)
    if image is None:
        message = (
            f"the account has no snapshot of consul {config.image.consul} and nomad {config.image.nomad}"
            f" on {config.image.base}"
        )
        raise UsageError(message=message, details=f"none has the tag {tag}", hint=Command("build-image"))
    return image


@dataclass(frozen=True, kw_only=True)
class SnapshotUse:
    """What droplets are made from, beside what their file asks for."""

    asked: Image | None
    """The newest snapshot of the file's versions; None if there is none."""
    others: tuple[Droplet, ...]
    """Droplets that are from another one."""
    lines: tuple[Text, ...]
    """The same for people; none if every droplet is from the snapshot that the file asks for."""


def snapshot_use(plan: ClusterPlan, droplets: Iterable[Droplet], asked: Image | None) -> SnapshotUse:
    members = tuple(droplets)
    differences = snapshot_differences(plan, members, asked)
    names = {name for group in differences.values() for name in group}
    return SnapshotUse(
        asked=asked,
        others=tuple(droplet for droplet in members if droplet.name in names),
        lines=tuple(Hint(f"{', '.join(group)}: ", text) for text, group in differences.items()),
    )
