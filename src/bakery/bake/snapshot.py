"""Finds snapshots and proves them through the API: what Packer says about its result is not relied on.

Packer's plugin prints success for tags that failed, and names only the region it built in.
"""

from bakery.bake.model import BakeRequest, Build
from bakery.cloud.interface import Cloud
from bakery.cloud.model import Image
from bakery.console import Reporter
from bakery.errors import BakeError
from bakery.plan.tags import build_tag, is_content_tag
from bakery.wait import Clock, Pending, wait_until

_AVAILABLE_SECONDS = 300


def find_baked(cloud: Cloud, request: BakeRequest) -> Image | None:
    """The newest usable snapshot of exactly this content in the region."""
    images = [image for image in cloud.list_images(tag=request.content_tag) if _is_usable(image, request)]
    return max(images, key=lambda image: (image.created_at, image.id), default=None)


def verify_snapshot(
    cloud: Cloud, request: BakeRequest, build: Build, *, reporter: Reporter, clock: Clock | None
) -> Image:
    """The snapshot of this build: there, available, in the region, with all its tags (missing ones are added).

    Raises:
        BakeError: there is none, there are several, or it is not what was asked for.
        DeadlineError: it does not become available.
    """
    image = wait_until(
        lambda: _named(cloud, build),
        what=f"the snapshot {build.snapshot_name}",
        seconds=_AVAILABLE_SECONDS,
        every=5,
        clock=clock,
        hint="run `bakery build-image` again",
    )
    missing = [tag for tag in (request.content_tag, build_tag(build.id)) if tag not in image.tags]
    for tag in missing:
        reporter.note(f"    adding the tag {tag}, which Packer left out")
        cloud.create_tag(tag)
        cloud.tag_image(image.id, tag)
    if missing:
        image = _named_now(cloud, build)
    _check(image, request, build)
    return image


def list_snapshots(cloud: Cloud, build: Build) -> tuple[Image, ...]:
    """Every snapshot that bears the build's name."""
    return tuple(image for image in cloud.list_images() if image.name == build.snapshot_name)


def is_finished(image: Image) -> bool:
    """Whether a killed build got as far as a whole snapshot: Packer tags it after everything else."""
    return image.status == "available" and any(is_content_tag(tag) for tag in image.tags)


def _named(cloud: Cloud, build: Build) -> Image | Pending:
    image = _named_now(cloud, build)
    return image if image.status == "available" else Pending(f"{image.name} is {image.status}")


def _named_now(cloud: Cloud, build: Build) -> Image:
    images = list_snapshots(cloud, build)
    if len(images) != 1:
        message = f"packer reported success, but {len(images)} snapshots are named {build.snapshot_name}"
        raise BakeError(message, hint=f"Packer's log is {build.log}; run `bakery build-image` again")
    return images[0]


def _check(image: Image, request: BakeRequest, build: Build) -> None:
    missing = {request.content_tag, build_tag(build.id)} - set(image.tags)
    if missing:
        message = f"the snapshot {image.name} does not take the tag {min(missing)}"
        raise BakeError(message, hint="run `bakery build-image` again")
    if request.region not in image.regions:
        message = f"the snapshot {image.name} is not in {request.region}"
        raise BakeError(message, details=f"it is in {', '.join(image.regions) or 'no region'}")


def _is_usable(image: Image, request: BakeRequest) -> bool:
    return (
        image.type == "snapshot"
        and image.status == "available"
        and request.region in image.regions
        and request.content_tag in image.tags
    )
