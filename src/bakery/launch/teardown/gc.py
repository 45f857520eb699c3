"""Finds what dead launches and bakes left in the account: build droplets, unfinished snapshots, temporary keys.

Each launch and bake cleans up after itself, by journal and build record. This is for resources without a record.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from bakery.cloud.interface import Cloud
from bakery.cloud.model import Droplet, Image, SshKey
from bakery.console import SILENT, Reporter
from bakery.launch.base.model import Orphans
from bakery.launch.base.ownership import cluster_of_key, launch_of_key
from bakery.plan.tags import PREFIX, is_content_tag, launch_tag, packer_key_time

OLD_ENOUGH = timedelta(hours=2)
"""Longer than any bake or launch takes."""
# No second colon: a cluster may be named "build", and its tags go on with ":role:", ":launch:" or ":ca:".
_BUILD = re.compile(rf"{PREFIX}:build:[^:]+")
_PACKER_SECONDS = 120
"""Packer creates its key just before its droplet."""


def list_orphans(cloud: Cloud, *, now: datetime, old_enough: timedelta = OLD_ENOUGH) -> Orphans:
    """List resources that are older than ``old_enough`` at ``now`` (with a time zone) and belong to no running
    command.

    A temporary key has no date: it counts if its launch created no droplet since. Packer's own keys have no sign
    of bakery: one counts only if it was created just before an orphaned build droplet.
    """
    cutoff = now - old_enough
    tags = [tag for tag in cloud.list_tags() if _BUILD.fullmatch(tag)]
    droplets = {tag: cloud.list_droplets(tag=tag) for tag in tags}
    images = {tag: cloud.list_images(tag=tag) for tag in tags}
    dead = tuple(d for tag in tags for d in droplets[tag] if _before(d.created_at, cutoff))
    keys = cloud.list_ssh_keys()
    return Orphans(
        droplets=dead,
        ssh_keys=(*_launch_keys(cloud, keys, cutoff), *_packer_keys(keys, dead)),
        snapshots=tuple(
            i for tag in tags for i in images[tag] if _is_unfinished(i) and _before(i.created_at, cutoff)
        ),
        tags=tuple(tag for tag in tags if not images[tag] and all(d in dead for d in droplets[tag])),
    )


def remove_orphans(cloud: Cloud, orphans: Orphans, *, reporter: Reporter = SILENT) -> None:
    """Delete exactly ``orphans``."""
    for droplet in orphans.droplets:
        cloud.delete_droplet(droplet.id)
        reporter.note(f"    removed droplet {droplet.name}")
    for key in orphans.ssh_keys:
        cloud.delete_ssh_key(key.id)
        reporter.note(f"    removed SSH key {key.name}")
    for image in orphans.snapshots:
        cloud.delete_image(image.id)
        reporter.note(f"    removed snapshot {image.name}")
    for tag in orphans.tags:
        cloud.delete_tag(tag)


def _launch_keys(cloud: Cloud, keys: Iterable[SshKey], cutoff: datetime) -> tuple[SshKey, ...]:
    return tuple(key for key in keys if launch_of_key(key.name) and not _is_alive(cloud, key, cutoff))


def _is_alive(cloud: Cloud, key: SshKey, cutoff: datetime) -> bool:
    cluster, launch = cluster_of_key(key.name), launch_of_key(key.name)
    if cluster is None or launch is None:
        return True
    droplets = cloud.list_droplets(tag=launch_tag(cluster, launch))
    return any(not _before(droplet.created_at, cutoff) for droplet in droplets)


def _packer_keys(keys: Iterable[SshKey], dead: Iterable[Droplet]) -> tuple[SshKey, ...]:
    created_times = [datetime.fromisoformat(droplet.created_at).timestamp() for droplet in dead]
    return tuple(key for key in keys if _is_packers(key.name, created_times))


def _is_packers(name: str, created_times: Iterable[float]) -> bool:
    made = packer_key_time(name)
    return made is not None and any(0 <= at - made <= _PACKER_SECONDS for at in created_times)


def _is_unfinished(image: Image) -> bool:
    """Whether a snapshot is unfinished: a finished one has a content tag."""
    return not any(is_content_tag(tag) for tag in image.tags)


def _before(created_at: str, cutoff: datetime) -> bool:
    """Whether a resource is older than ``cutoff``. One without a readable date counts as new."""
    try:
        return datetime.fromisoformat(created_at) < cutoff
    except (ValueError, TypeError):
        return False
