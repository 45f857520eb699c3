"""Droplets by id and address. A deleted droplet keeps its addresses until its machine is removed."""

from collections.abc import Iterable

from bakery.emulator.account.actions import Actions
from bakery.emulator.account.addresses import AddressPool
from bakery.emulator.account.catalog import SIZES
from bakery.emulator.account.errors import NotFound, PendingEvent, Unprocessable
from bakery.emulator.account.model import Action, Droplet, NewDroplet, Vpc
from bakery.emulator.account.settings import EmulatorSettings
from bakery.emulator.account.source import Ids, WallClock
from bakery.emulator.account.tags import Tags
from bakery.emulator.account.vpcs import Vpcs


class Droplets:
    """All droplets of the account, and the addresses that they use."""

    def __init__(
        self, settings: EmulatorSettings, clock: WallClock, ids: Ids, *, tags: Tags, vpcs: Vpcs, actions: Actions
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._tags = tags
        self._vpcs = vpcs
        self._actions = actions
        self._droplets: dict[int, Droplet] = {}
        self._leaving: dict[int, Droplet] = {}
        self._by_address: dict[str, Droplet] = {}
        self._members: dict[str, dict[int, None]] = {}
        self.public = AddressPool(
            settings.public_network,
            reserved=(settings.public_gateway, settings.host_address),
            first=settings.first_public_address,
        )
        self.anchors = AddressPool(settings.anchor_network, reserved=(settings.anchor_gateway,))

    def restore(self, droplets: Iterable[Droplet], leaving: Iterable[Droplet]) -> None:
        """Replace all droplets; restore tags and VPCs first."""
        self._droplets = {droplet.id: droplet for droplet in droplets}
        self._leaving = {droplet.id: droplet for droplet in leaving}
        self._by_address, self._members = {}, {}
        for droplet in sorted([*self._droplets.values(), *self._leaving.values()], key=lambda each: each.id):
            self._members.setdefault(droplet.vpc_id, {})[droplet.id] = None
            self._vpcs.pool(droplet.vpc_id).mark_taken(droplet.private_address)
            if droplet.public_address is not None and droplet.anchor_address is not None:
                self.public.mark_taken(droplet.public_address)
                self.anchors.mark_taken(droplet.anchor_address)
            for address in _addresses(droplet):
                self._by_address[address] = droplet

    def all(self) -> list[Droplet]:
        return list(self._droplets.values())

    def some(self, ids: Iterable[int]) -> list[Droplet]:
        """Return the droplets with these ids, in the order of the ids."""
        return [self._droplets[droplet_id] for droplet_id in ids]

    def get(self, droplet_id: int) -> Droplet:
        droplet = self._droplets.get(droplet_id)
        if droplet is None:
            raise NotFound
        return droplet

    def find_by_address(self, address: str) -> Droplet | None:
        """Return the droplet with this public, anchor or VPC address."""
        return self._by_address.get(address)

    def members(self, vpc_id: str) -> list[Droplet]:
        """Return the droplets of a VPC, those whose machine is still being removed included."""
        ids = self._members.get(vpc_id, {})
        return [self._droplets.get(droplet_id) or self._leaving[droplet_id] for droplet_id in ids]

    def leaving(self) -> list[Droplet]:
        """Return the deleted droplets whose machine is still being removed."""
        return list(self._leaving.values())

    def exists(self, droplet_id: int) -> bool:
        return droplet_id in self._droplets

    def create(self, new: NewDroplet) -> tuple[Droplet, Action]:
        """Create a droplet in status ``new`` and its create action; call :meth:`check_room` first."""
        public = self.public.take() if new.public_networking else None
        anchor = self.anchors.take() if new.public_networking else None
        droplet = Droplet(
            id=self._ids.number(),
            name=new.name,
            region=new.region,
            size=new.size,
            image_id=new.image.id,
            vpc_id=new.vpc.id,
            created_at=self._clock(),
            public_address=public,
            anchor_address=anchor,
            private_address=self._vpcs.pool(new.vpc.id).take(),
            user_data=new.user_data,
            vendor_data=self._settings.vendor_data,
            public_keys=list(new.public_keys),
            tags=[],
            features=list(new.features),
            disk=SIZES[new.size].disk,
        )
        self._droplets[droplet.id] = droplet
        self._members.setdefault(droplet.vpc_id, {})[droplet.id] = None
        for address in _addresses(droplet):
            self._by_address[address] = droplet
        self._tags.tag_droplet(droplet, new.tags)
        return droplet, self.start_action(droplet, "create")

    def start_action(self, droplet: Droplet, kind: str) -> Action:
        """Start an action. Raises PendingEvent while another one of the droplet is in progress."""
        if droplet.pending_action is not None:
            raise PendingEvent
        action = self._actions.start(kind, resource_id=droplet.id, resource_type="droplet", region=droplet.region)
        droplet.pending_action = action.id
        return action

    def finish_action(self, droplet: Droplet, action: Action, *, errored: bool = False) -> None:
        """End the action; the droplet is not locked any more."""
        self._actions.finish(action, errored=errored)
        if droplet.pending_action == action.id:
            droplet.pending_action = None

    def set_active(self, droplet: Droplet) -> None:
        """Set the droplet's status to active; from then on the API shows its addresses."""
        droplet.status = "active"
        droplet.active_at = droplet.active_at or self._clock()

    def check_room(self, count: int, vpc: Vpc) -> None:
        """Raise Unprocessable if the droplet limit or a network has no room for ``count`` more droplets."""
        if len(self._droplets) + count > self._settings.droplet_limit:
            message = "creating this/these droplet(s) will exceed your droplet limit"
            raise Unprocessable(message)
        for pool in (self.public, self.anchors, self._vpcs.pool(vpc.id)):
            if pool.free < count:
                message = f"There are no {count} free addresses left in {pool.network}."
                raise Unprocessable(message)

    def start_leaving(self, droplet: Droplet) -> None:
        """Delete the droplet from the API; its addresses stay in use until :meth:`left`."""
        del self._droplets[droplet.id]
        self._leaving[droplet.id] = droplet
        self._tags.untag_droplet(droplet, list(droplet.tags))

    def left(self, droplet: Droplet) -> None:
        """Free the addresses of a deleted droplet whose machine has been removed."""
        self._leaving.pop(droplet.id)
        self._members[droplet.vpc_id].pop(droplet.id)
        for address in _addresses(droplet):
            del self._by_address[address]
        self._vpcs.pool(droplet.vpc_id).release(droplet.private_address)
        if droplet.public_address is not None and droplet.anchor_address is not None:
            self.public.release(droplet.public_address)
            self.anchors.release(droplet.anchor_address)


def _addresses(droplet: Droplet) -> list[str]:
    addresses = (droplet.public_address, droplet.anchor_address, droplet.private_address)
    return [address for address in addresses if address is not None]
