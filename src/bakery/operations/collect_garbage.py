"""Garbage collection: what dead launches and bakes left in the account."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bakery.bake.orphans import list_build_orphans
from bakery.bake.sweep import ended_builds, sweep
from bakery.cloud.interface import Cloud
from bakery.cloud.model import Droplet, Image, SshKey
from bakery.console import SILENT, Reporter
from bakery.launch.teardown.orphaned_keys import orphaned_keys

OLD_ENOUGH = timedelta(hours=2)
"""Longer than any bake or launch takes."""


@dataclass(frozen=True, kw_only=True)
class Orphans:
    """Resources that belong to no running command."""

    builds: tuple[str, ...] = ()
    """Names of ended builds of this machine that may have left something: their records know exactly what."""
    droplets: tuple[Droplet, ...]
    ssh_keys: tuple[SshKey, ...]
    snapshots: tuple[Image, ...]
    """Unfinished snapshots."""
    tags: tuple[str, ...]

    @property
    def named(self) -> tuple[tuple[str, str], ...]:
        """Kind and name of each, in the order of removal."""
        return (
            *(("build", build) for build in self.builds),
            *(("droplet", droplet.name) for droplet in self.droplets),
            *(("SSH key", key.name) for key in self.ssh_keys),
            *(("snapshot", snapshot.name) for snapshot in self.snapshots),
            *(("tag", tag) for tag in self.tags),
        )


def find_orphans(cloud: Cloud, builds: Path, *, older_than: timedelta = OLD_ENOUGH) -> Orphans:
    """List ended builds in the folder ``builds``, and resources older than ``older_than`` that have no record."""
    ended = ended_builds(cloud, builds)
    orphans = list_orphans(cloud, now=datetime.now(UTC), older_than=older_than)
    return Orphans(
        builds=ended,
        droplets=orphans.droplets,
        ssh_keys=orphans.ssh_keys,
        snapshots=orphans.snapshots,
        tags=orphans.tags,
    )


def list_orphans(cloud: Cloud, *, now: datetime, older_than: timedelta = OLD_ENOUGH) -> Orphans:
    """List resources without a record that are older than ``older_than`` at ``now`` (with a time zone)."""
    keys, cutoff = cloud.list_ssh_keys(), now - older_than
    of_bakes = list_build_orphans(cloud, keys, cutoff=cutoff)
    return Orphans(
        droplets=of_bakes.droplets,
        ssh_keys=(*orphaned_keys(cloud, keys, cutoff=cutoff), *of_bakes.ssh_keys),
        snapshots=of_bakes.snapshots,
        tags=of_bakes.tags,
    )


def remove_found(
    cloud: Cloud,
    builds: Path,
    orphans: Orphans,
    *,
    older_than: timedelta = OLD_ENOUGH,
    reporter: Reporter = SILENT,
) -> None:
    """Clean up after the ended builds, then delete the orphans, as far as they are still there."""
    if orphans.builds:
        sweep(cloud, builds, reporter=reporter)
        orphans = list_orphans(cloud, now=datetime.now(UTC), older_than=older_than)
    remove_orphans(cloud, orphans, reporter=reporter)


def remove_orphans(cloud: Cloud, orphans: Orphans, *, reporter: Reporter = SILENT) -> None:
    """Delete exactly ``orphans``, without the builds."""
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
