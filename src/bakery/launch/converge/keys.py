"""The temporary SSH key of a launch.

DigitalOcean mails a root password for a droplet without a key. So each launch registers a key whose private half
is discarded, and deletes it after creating the droplets.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from bakery.cloud.model import Droplet, SshKey
from bakery.errors import BakeryError
from bakery.launch.base.journal import Journal
from bakery.launch.base.model import Present
from bakery.launch.base.ownership import key_name, launch_of_key
from bakery.launch.base.session import Session, create_once
from bakery.plan.tags import launches_of

YOUNG = 1800.0
"""Seconds; longer than a launch creates droplets."""


@contextmanager
def throwaway_key(session: Session, public_key: str, launch_id: str) -> Iterator[int]:
    """Register the launch's key while the block creates droplets. Yield its id."""
    name = key_name(session.cluster, launch_id)

    def find() -> SshKey | None:
        return next((key for key in session.cloud.list_ssh_keys() if key.name == name), None)

    key = create_once(session, "ssh-key", find=find, create=lambda: session.cloud.create_ssh_key(name, public_key))
    session.journal.record_ssh_key(key.id)
    try:
        yield key.id
    except BaseException:
        _try_to_remove(session, key.id)
        raise
    remove_key(session, key.id)


def remove_key(session: Session, key_id: int) -> None:
    """Delete a temporary SSH key."""
    session.cloud.delete_ssh_key(key_id)
    if session.journal.now.ssh_key_id == key_id:
        session.journal.record_ssh_key(None)


def _try_to_remove(session: Session, key_id: int) -> None:
    """Delete the key; only warn if that fails, because the first error matters more. The next run tries again."""
    try:
        remove_key(session, key_id)
    except BakeryError as error:
        session.reporter.warn(f"the launch's SSH key is still registered ({error}); the next run removes it")


def leftover_keys(present: Present, journal: Journal, *, now: float) -> tuple[SshKey, ...]:
    """Return temporary keys of earlier launches of this cluster, ours and those of other machines.

    ``now`` is in epoch seconds. A key of another machine counts only if its launch created no droplet in the last
    ``YOUNG`` seconds: otherwise that launch may still use it.
    """
    alive = launches_of((d for d in present.droplets if _is_young(d, now)), journal.cluster)
    launches = set(journal.launches) | (launches_of(present.droplets, journal.cluster) - alive)
    return tuple(key for key in present.ssh_keys if launch_of_key(key.name, journal.cluster) in launches)


def _is_young(droplet: Droplet, now: float) -> bool:
    """Return whether the droplet is young.

    Without a readable date it is, so that its launch's key is not deleted.
    """
    try:
        return now - datetime.fromisoformat(droplet.created_at).timestamp() < YOUNG
    except ValueError:
        return True
