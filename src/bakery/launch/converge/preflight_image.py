"""Obstacles of the snapshot that new droplets boot from. Pure."""

from collections.abc import Iterator

from bakery.cloud.model import Image
from bakery.hints import Command, Hint
from bakery.launch.base.model import Obstacle
from bakery.plan.model import ClusterPlan


def image_obstacles(plan: ClusterPlan, image: Image | None, *, bakes: bool = True) -> Iterator[Obstacle]:
    """Yield why no droplet can boot from ``image``: it is missing (None), not ready, or not in the region.

    ``bakes`` is whether an image can be baked in the region.
    """
    if image is None:
        message = (
            f"the account has no snapshot of consul {plan.consul_version} and nomad {plan.nomad_version}"
            f" on {plan.image_base}"
        )
        yield Obstacle(code="snapshot_missing", message=message, hint=image_command(bakes=bakes))
    elif image.status.lower() != "available":
        message = f"snapshot {image.name} is {image.status}, not available"
        yield Obstacle(
            code="snapshot_unavailable",
            message=message,
            hint=Hint(Command("images"), " shows when it is available"),
        )
    elif plan.region not in image.regions:
        message = f"snapshot {image.name} is not in region {plan.region} (it is in {', '.join(image.regions)})"
        yield Obstacle(code="snapshot_not_in_region", message=message, hint=Command("build-image"))


def image_command(*, bakes: bool) -> Command:
    """Return the command that makes a snapshot: without a metadata service nothing can be baked."""
    return Command("build-image") if bakes else Command("emulator stand-in")
