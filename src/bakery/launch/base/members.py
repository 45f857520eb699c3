"""The droplets of the cluster: those that the API lists, and those that its lists do not show yet."""

from collections.abc import Iterable, Mapping

from bakery.cloud.model import Droplet
from bakery.launch.base.session import Session, poll_listing
from bakery.plan.slots import slot_of
from bakery.plan.tags import cluster_tag

Members = Mapping[str, Droplet]
"""The cluster's droplets by slot."""


def list_members(session: Session) -> tuple[Droplet, ...]:
    """List the cluster's droplets, oldest first, without those that bakery has deleted."""
    return existing(session, session.cloud.list_droplets(tag=cluster_tag(session.cluster)))


def existing(session: Session, listed: Iterable[Droplet]) -> tuple[Droplet, ...]:
    """Return the droplets in ``listed`` that bakery has not deleted, oldest first."""
    deleted = set(session.journal.now.deleted_ids)
    return tuple(sorted((d for d in listed if d.id not in deleted), key=lambda droplet: droplet.id))


def members_of(session: Session, droplets: Iterable[Droplet]) -> dict[str, Droplet]:
    """Return the droplets by slot."""
    return {slot_of(droplet, session.cluster): droplet for droplet in droplets}


def complete_listing(session: Session, listed: Iterable[Droplet]) -> tuple[Droplet, ...]:
    """Return the droplets that exist, also if the API lists them late.

    These are the droplets in ``listed`` that bakery has not deleted, and those that an earlier run requested and
    the API does not list yet.
    """
    journal = session.journal.now
    droplets = {droplet.id: droplet for droplet in listed if droplet.id not in journal.deleted_ids}
    for request in journal.requests:
        if request.droplet_id is not None and request.droplet_id not in droplets:
            found = session.cloud.find_droplet(request.droplet_id)
            if found is not None and cluster_tag(session.cluster) in found.tags:
                droplets[found.id] = found
    slots = {slot_of(droplet, session.cluster) for droplet in droplets.values()}
    requests = (r for r in journal.requests if r.is_for_droplet and r.droplet_id is None and r.what not in slots)
    unconfirmed = {request.what: request.at for request in requests}
    droplets |= {droplet.id: droplet for droplet in find_unconfirmed(session, unconfirmed).values()}
    return tuple(droplets.values())


def find_unconfirmed(session: Session, requested: Mapping[str, float]) -> dict[str, Droplet]:
    """Find droplets by slot whose create request (slot to epoch seconds) got no clear reply.

    Poll the list of the cluster's tag until it shows them all, or must have shown them: a droplet has its tags
    from its creation.
    """
    if not requested:
        return {}
    found: dict[str, Droplet] = {}

    def find() -> bool | None:
        for droplet in list_members(session):
            slot = slot_of(droplet, session.cluster)
            if slot in requested:
                found.setdefault(slot, droplet)
        return True if len(found) == len(requested) else None

    poll_listing(session, ", ".join(sorted(requested)), find, since=max(requested.values()))
    for slot, droplet in found.items():
        session.journal.record_created(slot, droplet.id, session.wall())
    for slot in requested.keys() - found.keys():
        session.journal.resolve(slot)
    return found
