"""Finds temporary SSH keys of dead launches that no journal knows."""

from collections.abc import Iterable
from datetime import datetime

from bakery.cloud.interface import Cloud
from bakery.cloud.model import SshKey
from bakery.cloud.times import is_older
from bakery.launch.base.ownership import cluster_of_key, launch_of_key
from bakery.plan.tags import launch_tag


def orphaned_keys(cloud: Cloud, keys: Iterable[SshKey], *, cutoff: datetime) -> tuple[SshKey, ...]:
    """Return those of ``keys`` that are temporary keys of a launch without a droplet younger than ``cutoff``.

    A key has no date of its own. ``cutoff`` has a time zone.
    """
    return tuple(key for key in keys if launch_of_key(key.name) and not _is_in_use(cloud, key, cutoff))


def _is_in_use(cloud: Cloud, key: SshKey, cutoff: datetime) -> bool:
    cluster, launch = cluster_of_key(key.name), launch_of_key(key.name)
    if cluster is None or launch is None:
        return True
    droplets = cloud.list_droplets(tag=launch_tag(cluster, launch))
    return any(not is_older(droplet.created_at, cutoff) for droplet in droplets)
