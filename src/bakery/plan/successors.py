"""Successors: a replacement creates the new droplet of a slot while the old one still runs there."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from bakery.plan.slots import Tagged, slot_of
from bakery.plan.tags import replaced_by


class Numbered(Tagged, Protocol):
    """The attributes of a droplet that show whether it is a successor."""

    @property
    def id(self) -> int: ...


DropletT = TypeVar("DropletT", bound=Numbered)


@dataclass(frozen=True, kw_only=True)
class Replacement(Generic[DropletT]):
    """A replacement that is not finished."""

    slot: str
    old_id: int
    """Id of the droplet that is replaced."""
    old: DropletT | None
    """None once it is deleted: then only the clean-up is left."""
    new: DropletT

    @property
    def name(self) -> str:
        """Name of the replaced node; its slot once its droplet is deleted."""
        return self.old.name if self.old is not None else self.slot


def unfinished(droplets: Iterable[DropletT], cluster: str) -> tuple[Replacement[DropletT], ...]:
    """Return the replacements that are not finished, by the successors' tags."""
    there = tuple(droplets)
    by_id = {droplet.id: droplet for droplet in there}
    found = []
    for new in there:
        old_id = replaced_by(new.tags, cluster)
        if old_id is not None and old_id != new.id:
            slot = slot_of(new, cluster)
            found.append(Replacement(slot=slot, old_id=old_id, old=by_id.get(old_id), new=new))
    return tuple(found)


def without_successors(droplets: Iterable[DropletT], cluster: str) -> tuple[DropletT, ...]:
    """Return the droplets without those whose predecessor still exists: it holds the slot until it is removed."""
    there = tuple(droplets)
    waiting = {each.new.id for each in unfinished(there, cluster) if each.old is not None}
    return tuple(droplet for droplet in there if droplet.id not in waiting)
