"""Find and verify snapshots through the API, without relying on Packer's output.

Packer's plugin prints success even if it failed to set tags, and prints only the region of the build.
"""

from collections.abc import Collection, Iterable, Set
from datetime import datetime

from bakery.bake.model import BakeRequest, Build
from bakery.cloud.interface import Cloud
from bakery.cloud.model import Image
from bakery.console import Reporter
from bakery.errors import BakeError
from bakery.hints import Command, Hint, Text
from bakery.plan.tags import build_tag, is_content_tag, versions_tag
from bakery.wait import Clock, Pending, wait_until

OLD_DAYS = 30
"""Days. An older snapshot lacks a month of security updates; nodes do not install any."""
_AVAILABLE_SECONDS = 300


def find_baked(cloud: Cloud, request: BakeRequest) -> Image | None:
    """Return the newest usable snapshot with this content in the region; None if there is none."""
    images = [image for image in cloud.list_images(tag=request.content_tag) if _is_usable(image, request)]
    return max(images, key=lambda image: (image.created_at, image.id), default=None)


def verify_snapshot(
    cloud: Cloud, request: BakeRequest, build: Build, *, reporter: Reporter, clock: Clock | None
) -> Image:
    """Return this build's snapshot when it is available, in the region and has all its tags. Add missing tags.

    The list of images may lag behind changes, so it is polled.

    Raises:
        BakeError: there are several snapshots, or the snapshot is in another region.
        DeadlineError: the snapshot or its tags did not appear in time.
    """
    versions = versions_tag(consul=request.consul, nomad=request.nomad)
    wanted = {request.content_tag, build_tag(build.id), versions}

    def wait_for(tags: Set[str]) -> Image:
        return wait_until(
            lambda: _named(cloud, build, tags),
            what=f"the snapshot {build.snapshot_name}",
            seconds=_AVAILABLE_SECONDS,
            every=5,
            clock=clock,
            hint=Hint("to try again: ", Command("build-image")),
            tell=reporter.waiting,
        )

    image = wait_for(frozenset())
    for tag in sorted(wanted - set(image.tags)):
        reporter.note(f"    adding the tag {tag}, which Packer left out")
        cloud.create_tag(tag)
        cloud.tag_image(image.id, tag)
    if not wanted <= set(image.tags):
        image = wait_for(wanted)
    if request.region not in image.regions:
        message = f"the snapshot {image.name} is not in {request.region}"
        raise BakeError(message=message, details=f"it is in {', '.join(image.regions) or 'no region'}")
    return image


def list_snapshots(cloud: Cloud, build: Build) -> tuple[Image, ...]:
    """Return every snapshot with the build's name."""
    return tuple(image for image in cloud.list_images() if image.name == build.snapshot_name)


def is_finished(image: Image) -> bool:
    """Return whether the snapshot is complete: Packer tags it at the end."""
    return image.status == "available" and any(is_content_tag(tag) for tag in image.tags)


def age_in_days(image: Image, now: datetime) -> int | None:
    """Return the whole days from the snapshot's creation to ``now`` (aware); None if its date is unreadable."""
    try:
        return max(0, (now - datetime.fromisoformat(image.created_at)).days)
    except (ValueError, TypeError):
        return None


def is_old(image: Image, now: datetime) -> bool:
    """Return whether a new one should be baked for security updates."""
    return (age_in_days(image, now) or 0) > OLD_DAYS


def age_warning(images: Iterable[Image], used: Collection[int | None], now: datetime) -> Text | None:
    """Return a warning about the oldest of the ``used`` (ids of) ``images``; None if it is not old."""
    old = [image for image in images if image.id in used and is_old(image, now)]
    if not old:
        return None
    oldest = max(old, key=lambda image: age_in_days(image, now) or 0)
    return Hint(
        f"nodes run from snapshot {oldest.name}, which is {age_in_days(oldest, now)} days old and lacks the"
        " security updates since; for nodes made from now on: ",
        Command("build-image", "--fresh"),
    )


def _named(cloud: Cloud, build: Build, tags: Set[str]) -> Image | Pending:
    images = list_snapshots(cloud, build)
    if not images:
        return Pending(f"packer reported success, but no snapshot is named {build.snapshot_name}")
    if len(images) > 1:
        message = f"packer reported success, but {len(images)} snapshots are named {build.snapshot_name}"
        raise BakeError(
            message=message, hint=Hint(f"Packer's log is {build.log}; to try again: ", Command("build-image"))
        )
    (image,) = images
    if image.status != "available":
        return Pending(f"{image.name} is {image.status}")
    missing = tags - set(image.tags)
    return Pending(f"{image.name} does not have the tag {min(missing)}") if missing else image


def _is_usable(image: Image, request: BakeRequest) -> bool:
    return (
        image.type == "snapshot"
        and image.status == "available"
        and request.region in image.regions
        and request.content_tag in image.tags
    )
