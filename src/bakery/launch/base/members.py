"""The droplets of the cluster: those that the API lists, and those that its lists do not show yet."""

from collections.abc import Iterable, Mapping

from bakery.cloud.model import Droplet
from bakery.launch.base.session import Session, look_until
from bakery.plan.slots import slot_of
from bakery.plan.tags import cluster_tag

Members = Mapping[str, Droplet]
"""Droplets of the cluster by slot."""


def list_members(session: Session) -> tuple[Droplet, ...]:
    """The cluster's droplets, oldest first, without those bakery has deleted."""
    gone = set(session.journal.now.gone)
    droplets = session.cloud.list_droplets(tag=cluster_tag(session.cluster))
    return tuple(sorted((d for d in droplets if d.id not in gone), key=lambda droplet: droplet.id))


def members_of(session: Session, droplets: Iterable[Droplet]) -> dict[str, Droplet]:
    """The droplets by slot."""
    return {slot_of(droplet, session.cluster): droplet for droplet in droplets}


def whole_droplets(session: Session, listed: Iterable[Droplet]) -> tuple[Droplet, ...]:
    """The listed droplets, less the deleted, and those of an earlier try that the list does not show yet."""
    journal = session.journal.now
    droplets = {droplet.id: droplet for droplet in listed if droplet.id not in journal.gone}
    for request in journal.requests:
        if request.droplet_id is not None and request.droplet_id not in droplets:
            found = session.cloud.find_droplet(request.droplet_id)
            if found is not None and cluster_tag(session.cluster) in found.tags:
                droplets[found.id] = found
    slots = {slot_of(droplet, session.cluster) for droplet in droplets.values()}
    requests = (r for r in journal.requests if r.is_for_droplet and r.droplet_id is None and r.what not in slots)
    unclear = {request.what: request.at for request in requests}
    droplets |= {droplet.id: droplet for droplet in find_unclear(session, unclear).values()}
    return tuple(droplets.values())


def find_unclear(session: Session, unclear: Mapping[str, float]) -> dict[str, Droplet]:
    """Droplets asked for (slot to epoch seconds) without a clear reply, as far as lists come to show them.

    The list is by the cluster's tag, which every droplet has from its creation, as it has the launch's.
    """
    if not unclear:
        return {}
    found: dict[str, Droplet] = {}

    def find() -> bool | None:
        for droplet in list_members(session):
            slot = slot_of(droplet, session.cluster)
            if slot in unclear:
                found.setdefault(slot, droplet)
        return True if len(found) == len(unclear) else None

    look_until(session, ", ".join(sorted(unclear)), find, since=max(unclear.values()))
    for slot, droplet in found.items():
        session.journal.created(slot, droplet.id, session.wall())
    for slot in unclear.keys() - found.keys():
        session.journal.settled(slot)
    return found
