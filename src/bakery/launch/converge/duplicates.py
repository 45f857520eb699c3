"""Duplicates of two launches at the same time: two droplets in one slot, two firewalls with one planned name.

DigitalOcean has no create request that fails if the resource exists. So each launch lists again after its creates.
The oldest resource stays, and each launch removes its own later one. Ids count up, so both launches decide alike.
"""

from collections.abc import Iterable, Mapping

from bakery.cloud.model import Droplet, Firewall
from bakery.errors import LockedError
from bakery.launch.base.session import Session
from bakery.launch.converge.firewalls import all_firewalls
from bakery.plan.model import Firewall as PlannedFirewall
from bakery.plan.slots import slot_of

WAIT_HINT = "wait until it is done, then run the same command again"


def our_duplicates(session: Session, members: Mapping[str, Droplet], listed: Iterable[Droplet]) -> list[Droplet]:
    """Return those of ``members`` (by slot) that this launch created and whose slot has an older droplet."""
    oldest = _oldest(session, listed)
    return [d for slot, d in members.items() if slot in oldest and oldest[slot].id < d.id and _is_ours(session, d)]


def resolve_duplicates(
    session: Session, members: Mapping[str, Droplet], listed: Iterable[Droplet]
) -> dict[str, Droplet]:
    """Delete our droplets in slots that have an older droplet. Return ``members`` with the older ones instead.

    Raises:
        LockedError: this run gave the address of a deleted server to other droplets. They are deleted too: they
            would try to join a server that does not exist.
    """
    droplets = tuple(listed)
    oldest = _oldest(session, droplets)
    ours = our_duplicates(session, members, droplets)
    for droplet in ours:
        _withdraw(session, droplet)
    _withdraw_followers(session, ours)
    return {slot: oldest[slot] if droplet in ours else droplet for slot, droplet in members.items()}


def _oldest(session: Session, listed: Iterable[Droplet]) -> dict[str, Droplet]:
    """Return the oldest droplet of each slot."""
    oldest: dict[str, Droplet] = {}
    for droplet in sorted(listed, key=lambda droplet: droplet.id):
        oldest.setdefault(slot_of(droplet, session.cluster), droplet)
    return oldest


def resolve_from_earlier_run(session: Session, listed: Iterable[Droplet]) -> bool:
    """Resolve duplicates that a run that died has left. Return whether there were any.

    Raises:
        LockedError: as for :func:`resolve_duplicates`.
    """
    droplets = tuple(listed)
    ours = {slot_of(droplet, session.cluster): droplet for droplet in droplets if _is_ours(session, droplet)}
    return resolve_duplicates(session, ours, droplets) != ours


def _is_ours(session: Session, droplet: Droplet) -> bool:
    request = session.journal.now.request(slot_of(droplet, session.cluster))
    return request is not None and request.droplet_id == droplet.id


def _withdraw(session: Session, droplet: Droplet) -> None:
    session.cloud.delete_droplet(droplet.id)
    session.journal.record_deleted(droplet.id)
    session.reporter.node(droplet.name, "made by another launch at the same time; ours is removed")


def _withdraw_followers(session: Session, withdrawn: Iterable[Droplet]) -> None:
    slots = {slot for droplet in withdrawn for slot in session.addresses_given_to.get(droplet.id, ())}
    asked = (session.journal.now.request(slot) for slot in sorted(slots))
    made = {request.what: request.droplet_id for request in asked if request and request.droplet_id is not None}
    session.journal.record_never_joined(made)
    for number in made.values():
        session.cloud.delete_droplet(number)
        session.journal.record_deleted(number)
    if slots:
        message = f"another launch of cluster {session.cluster} is under way"
        raise LockedError(message=message, details=f"removed again: {', '.join(made)}", hint=WAIT_HINT)


def our_duplicate_firewalls(
    session: Session, planned: PlannedFirewall, listed: Iterable[Firewall]
) -> tuple[Firewall, ...]:
    """Return our firewalls for ``planned`` for which another launch created an older one."""
    later = all_firewalls(planned, listed)[1:]
    return tuple(firewall for firewall in later if firewall.id in session.journal.now.firewall_ids)


def resolve_duplicate_firewalls(
    session: Session, planned: Iterable[PlannedFirewall], listed: Iterable[Firewall]
) -> tuple[Firewall, ...]:
    """Delete our firewalls for which another launch created an older one. Return the rest of ``listed``."""
    left = tuple(listed)
    for firewall in planned:
        ours = our_duplicate_firewalls(session, firewall, left)
        for duplicate in ours:
            session.cloud.delete_firewall(duplicate.id)
        if ours:
            session.journal.record_firewall(all_firewalls(firewall, left)[0].id, f"firewall {firewall.name}")
        left = tuple(found for found in left if found not in ours)
    return left
