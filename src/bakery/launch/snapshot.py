"""Which snapshot a launch boots from."""

from bakery.cloud.interface import Cloud
from bakery.cloud.model import Image
from bakery.config.model import ClusterConfig
from bakery.errors import UsageError


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
        raise UsageError(message, details=f"none has the tag {tag}", hint="bakery build-image")
    return image
