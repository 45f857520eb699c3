"""Finds what dead bakes left in the account and no build record knows: droplets, unfinished snapshots, keys, tags.

Each bake cleans up after itself by its record (:mod:`bakery.bake.sweep`). This is for resources without a record.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bakery.cloud.interface import Cloud
from bakery.cloud.model import Droplet, Image, SshKey
from bakery.cloud.times import is_older
from bakery.plan.tags import PREFIX, is_content_tag, packer_key_time

# No second colon: a cluster may be named "build", and its tags go on with ":role:", ":launch:" or ":ca:".
_BUILD = re.compile(rf"{PREFIX}:build:[^:]+")
_PACKER_SECONDS = 120
"""Packer creates its key just before its droplet."""


@dataclass(frozen=True, kw_only=True)
class BuildOrphans:
    """Resources in the account that dead bakes left behind."""

    droplets: tuple[Droplet, ...]
    ssh_keys: tuple[SshKey, ...]
    snapshots: tuple[Image, ...]
    """Unfinished snapshots: they have a bake's tag and no content tag, and no droplet runs from them. So the
    snapshot of an unfinished roll, which has a content tag, is never among them."""
    tags: tuple[str, ...]
    """Tags of builds without droplets and snapshots."""


def list_build_orphans(cloud: Cloud, keys: Iterable[SshKey], *, cutoff: datetime) -> BuildOrphans:
    """List resources of bakes that are older than ``cutoff``, which has a time zone.

    Packer's own keys have no sign of bakery: of ``keys`` (the account's) one counts only if it was created just
    before an orphaned build droplet.
    """
    tags = [tag for tag in cloud.list_tags() if _BUILD.fullmatch(tag)]
    droplets = {tag: cloud.list_droplets(tag=tag) for tag in tags}
    images = {tag: cloud.list_images(tag=tag) for tag in tags}
    dead = tuple(d for tag in tags for d in droplets[tag] if is_older(d.created_at, cutoff))
    used = {droplet.image_id for droplet in cloud.list_droplets()}
    unfinished = (image for tag in tags for image in images[tag] if not any(map(is_content_tag, image.tags)))
    return BuildOrphans(
        droplets=dead,
        ssh_keys=_packer_keys(keys, dead),
        snapshots=tuple(i for i in unfinished if i.id not in used and is_older(i.created_at, cutoff)),
        tags=tuple(tag for tag in tags if not images[tag] and all(d in dead for d in droplets[tag])),
    )


def _packer_keys(keys: Iterable[SshKey], dead: Iterable[Droplet]) -> tuple[SshKey, ...]:
    created_times = [datetime.fromisoformat(droplet.created_at).timestamp() for droplet in dead]
    return tuple(key for key in keys if _is_packers(key.name, created_times))


def _is_packers(name: str, created_times: Iterable[float]) -> bool:
    made = packer_key_time(name)
    return made is not None and any(0 <= at - made <= _PACKER_SECONDS for at in created_times)
