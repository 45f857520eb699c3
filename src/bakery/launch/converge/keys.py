"""The throw-away SSH key: without a key DigitalOcean mails a root password, so each launch registers one that
nobody holds the private half of, and takes it away again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from bakery.cloud.model import Droplet, SshKey
from bakery.errors import BakeryError
from bakery.launch.base.journal import Journal
from bakery.launch.base.marks import key_name, launch_of_key
from bakery.launch.base.model import Present
from bakery.launch.base.session import Session, create_once
from bakery.plan.tags import launches_of

YOUNG = 1800.0
"""Seconds; longer than a launch goes on making droplets."""


@contextmanager
def throwaway_key(session: Session, public_key: str, launch_id: str) -> Iterator[int]:
    """The id of the launch's key, registered for the time of the creates."""
    name = key_name(session.cluster, launch_id)

    def find() -> SshKey | None:
        return next((key for key in session.cloud.list_ssh_keys() if key.name == name), None)

    key = create_once(session, "ssh-key", find=find, create=lambda: session.cloud.create_ssh_key(name, public_key))
    session.journal.ssh_key(key.id)
    try:
        yield key.id
    except BaseException:
        _try_to_remove(session, key.id)
        raise
    remove_key(session, key.id)


def remove_key(session: Session, key_id: int) -> None:
    session.cloud.delete_ssh_key(key_id)
    if session.journal.now.ssh_key_id == key_id:
        session.journal.ssh_key(None)


def _try_to_remove(session: Session, key_id: int) -> None:
    """What went wrong before matters more; the next run removes the key if this one cannot."""
    try:
        remove_key(session, key_id)
    except BakeryError as error:
        session.reporter.warn(f"the launch's SSH key is still registered ({error}); the next run removes it")


def leftover_keys(present: Present, journal: Journal, *, now: float) -> tuple[SshKey, ...]:
    """Throw-away keys of earlier launches of this cluster: ours, and others' that made no droplet lately.

    ``now`` is in epoch seconds. A younger key of another operator's launch may be one that is being used.
    """
    alive = launches_of((d for d in present.droplets if _is_young(d, now)), journal.cluster)
    launches = set(journal.launches) | (launches_of(present.droplets, journal.cluster) - alive)
    return tuple(key for key in present.ssh_keys if launch_of_key(key.name, journal.cluster) in launches)


def _is_young(droplet: Droplet, now: float) -> bool:
    """What has no readable date is taken for young: its launch's key stays."""
    try:
        return now - datetime.fromisoformat(droplet.created_at).timestamp() < YOUNG
    except ValueError:
        return True
