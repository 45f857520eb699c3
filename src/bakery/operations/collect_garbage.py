"""Garbage collection: what dead launches and bakes left in the account."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bakery.bake.orphans import list_build_orphans
from bakery.bake.sweep import ended_builds, sweep
from bakery.cloud.interface import Cloud
from bakery.cloud.model import Droplet, Image, SshKey
from bakery.console import SILENT, Reporter
from bakery.launch.base.when_free import delete_if_free
from bakery.launch.teardown.orphaned_keys import orphaned_keys
from bakery.launch.teardown.orphaned_ways_in import NO_WAYS_IN, OrphanedWaysIn, orphaned_ways_in
from bakery.wait import Clock, wait_until

OLD_ENOUGH = timedelta(hours=2)
"""Longer than any bake or launch takes."""
FREE_SECONDS, FREE_POLL = 300.0, 3.0
"""Deadline, and interval, of the attempts to delete a certificate or an address that is in use."""


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
    ways_in: OrphanedWaysIn = NO_WAYS_IN

    @property
    def named(self) -> tuple[tuple[str, str], ...]:
        """Kind and name of each, in the order of removal."""
        return (
            *(("build", build) for build in self.builds),
            *(("droplet", droplet.name) for droplet in self.droplets),
            *(("SSH key", key.name) for key in self.ssh_keys),
            *(("snapshot", snapshot.name) for snapshot in self.snapshots),
            *(("load balancer", balancer.name) for balancer in self.ways_in.balancers),
            *(("certificate", certificate.name) for certificate in self.ways_in.certificates),
            *(("reserved IP", reserved.ip) for reserved in self.ways_in.reserved_ips),
            *(("tag", tag) for tag in self.tags),
        )


def find_orphans(cloud: Cloud, builds: Path, *, older_than: timedelta = OLD_ENOUGH) -> Orphans:
    """List ended builds in the folder ``builds``, and resources older than ``older_than`` that have no record."""
    ended = ended_builds(cloud, builds)
    orphans = list_orphans(cloud, now=datetime.now(UTC), older_than=older_than)
    return replace(orphans, builds=ended)


def list_orphans(cloud: Cloud, *, now: datetime, older_than: timedelta = OLD_ENOUGH) -> Orphans:
    """List resources without a record that are older than ``older_than`` at ``now`` (with a time zone)."""
    keys, cutoff = cloud.list_ssh_keys(), now - older_than
    of_bakes = list_build_orphans(cloud, keys, cutoff=cutoff)
    return Orphans(
        droplets=of_bakes.droplets,
        ssh_keys=(*orphaned_keys(cloud, keys, cutoff=cutoff), *of_bakes.ssh_keys),
        snapshots=of_bakes.snapshots,
        tags=of_bakes.tags,
        ways_in=orphaned_ways_in(cloud, cutoff=cutoff),
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


def remove_orphans(
    cloud: Cloud, orphans: Orphans, *, reporter: Reporter = SILENT, clock: Clock | None = None
) -> None:
    """Delete exactly ``orphans``, without the builds.

    Raises:
        DeadlineError: a certificate or a reserved IP is still in use.
    """

    def when_free(delete: Callable[[], None], what: str) -> None:
        wait_until(
            partial(delete_if_free, delete, what),
            what=f"{what} to be free",
            seconds=FREE_SECONDS,
            every=FREE_POLL,
            clock=clock,
            hint="see what uses it in the control panel; the same command continues from here",
            tell=reporter.waiting,
        )
        reporter.note(f"    removed {what}")

    for droplet in orphans.droplets:
        cloud.delete_droplet(droplet.id)
        reporter.note(f"    removed droplet {droplet.name}")
    for key in orphans.ssh_keys:
        cloud.delete_ssh_key(key.id)
        reporter.note(f"    removed SSH key {key.name}")
    for image in orphans.snapshots:
        cloud.delete_image(image.id)
        reporter.note(f"    removed snapshot {image.name}")
    for balancer in orphans.ways_in.balancers:
        cloud.delete_load_balancer(balancer.id)
        reporter.note(f"    removed load balancer {balancer.name}")
    for certificate in orphans.ways_in.certificates:
        when_free(partial(cloud.delete_certificate, certificate.id), f"certificate {certificate.name}")
    for reserved in orphans.ways_in.reserved_ips:
        when_free(partial(cloud.delete_reserved_ip, reserved.ip), f"reserved IP {reserved.ip}")
    for tag in orphans.tags:
        cloud.delete_tag(tag)
