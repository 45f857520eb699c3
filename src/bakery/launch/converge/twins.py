"""Two operators launch one cluster at once: of droplets in one slot, and of firewalls with one name, the oldest
stays, and the launch that made another removes it.

DigitalOcean has no create that fails if there is one already. So each launch looks again after its creates. The
later one sees the earlier; ids count up, and both sides judge alike.
"""

from collections.abc import Iterable, Mapping

from bakery.cloud.model import Droplet, Firewall
from bakery.errors import LockedError
from bakery.launch.base.session import Session
from bakery.launch.converge.firewalls import all_firewalls
from bakery.plan.model import Firewall as PlannedFirewall
from bakery.plan.slots import slot_of

WAIT = "wait until it is done, then run the same command again"


def settle_twins(
    session: Session, members: Mapping[str, Droplet], listed: Iterable[Droplet]
) -> dict[str, Droplet]:
    """``members`` by slot, each of ours that lost to an older droplet in its slot deleted and replaced by that.

    Raises:
        LockedError: the address of one that lost stands in the user-data of others that this run made. They are
            deleted too: they would look for a server that is gone.
    """
    oldest: dict[str, Droplet] = {}
    for droplet in sorted(listed, key=lambda droplet: droplet.id):
        oldest.setdefault(slot_of(droplet, session.cluster), droplet)
    lost = [d for slot, d in members.items() if slot in oldest and oldest[slot].id < d.id and _is_ours(session, d)]
    for droplet in lost:
        _withdraw(session, droplet)
    _withdraw_followers(session, lost)
    return {slot: oldest[slot] if droplet in lost else droplet for slot, droplet in members.items()}


def settle_earlier(session: Session, listed: Iterable[Droplet]) -> bool:
    """Do what a run of ours that died could not do any more; whether there was anything to do.

    Raises:
        LockedError: as :func:`settle_twins`.
    """
    droplets = tuple(listed)
    ours = {slot_of(droplet, session.cluster): droplet for droplet in droplets if _is_ours(session, droplet)}
    return settle_twins(session, ours, droplets) != ours


def _is_ours(session: Session, droplet: Droplet) -> bool:
    request = session.journal.now.request(slot_of(droplet, session.cluster))
    return request is not None and request.droplet_id == droplet.id


def _withdraw(session: Session, droplet: Droplet) -> None:
    session.cloud.delete_droplet(droplet.id)
    session.journal.removed(droplet.id)
    session.reporter.node(droplet.name, "made by another launch at the same time; ours is removed")


def _withdraw_followers(session: Session, lost: Iterable[Droplet]) -> None:
    slots = {slot for droplet in lost for slot in session.told.get(droplet.id, ())}
    asked = (session.journal.now.request(slot) for slot in sorted(slots))
    made = {request.what: request.droplet_id for request in asked if request and request.droplet_id is not None}
    session.journal.never_joined(made)
    for number in made.values():
        session.cloud.delete_droplet(number)
        session.journal.removed(number)
    if slots:
        message = f"another launch of cluster {session.cluster} is under way"
        raise LockedError(message=message, details=f"removed again: {', '.join(made)}", hint=WAIT)


def settle_firewalls(
    session: Session, planned: Iterable[PlannedFirewall], listed: Iterable[Firewall]
) -> tuple[Firewall, ...]:
    """``listed`` without those of ours that another launch's older one makes needless; they are deleted."""
    left = {firewall.id: firewall for firewall in listed}
    for firewall in planned:
        same = all_firewalls(firewall, left.values())
        ours = [twin for twin in same[1:] if twin.id in session.journal.now.firewall_ids]
        for twin in ours:
            session.cloud.delete_firewall(twin.id)
            del left[twin.id]
        if ours:
            session.journal.made_firewall(same[0].id, f"firewall {firewall.name}")
    return tuple(left.values())
