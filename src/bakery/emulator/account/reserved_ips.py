"""Reserved IPs: public addresses that move between droplets, by an action each time."""

from collections.abc import Iterable

from bakery.emulator.account.actions import Actions
from bakery.emulator.account.addresses import AddressPool
from bakery.emulator.account.errors import NotFound, Unprocessable
from bakery.emulator.account.model import Action, Droplet, ReservedIp
from bakery.emulator.account.settings import EmulatorSettings
from bakery.emulator.account.source import Ids

RESOURCE_TYPE = "reserved_ip"


class ReservedIps:
    """All reserved IPs of the account.

    Their rules: https://docs.digitalocean.com/products/networking/reserved-ips/details/limits/.
    """

    def __init__(self, settings: EmulatorSettings, ids: Ids, *, public: AddressPool, actions: Actions) -> None:
        self._settings = settings
        self._ids = ids
        self._public = public
        self._actions = actions
        self._reserved: dict[str, ReservedIp] = {}

    def restore(self, reserved: Iterable[ReservedIp]) -> None:
        """Replace all reserved IPs. None of them has an action in progress."""
        self._reserved = {each.ip: each for each in reserved}
        for each in self._reserved.values():
            self._public.mark_taken(each.ip)
            each.pending_action = None

    def all(self) -> list[ReservedIp]:
        return list(self._reserved.values())

    def get(self, address: str) -> ReservedIp:
        reserved = self._reserved.get(address)
        if reserved is None:
            raise NotFound
        return reserved

    def exists(self, address: str) -> bool:
        return address in self._reserved

    def find_by_droplet(self, droplet_id: int) -> ReservedIp | None:
        """Return the reserved IP of the droplet: it has one at most."""
        return next((each for each in self._reserved.values() if each.droplet_id == droplet_id), None)

    def create(self, region: str) -> ReservedIp:
        """Reserve an address in the region. Raises Unprocessable at the account's limit."""
        if len(self._reserved) >= self._settings.reserved_ip_limit:
            message = "You have reached your reserved IP limit."
            raise Unprocessable(message)
        reserved = ReservedIp(ip=self._public.take(), number=self._ids.number(), region=region)
        self._reserved[reserved.ip] = reserved
        return reserved

    def start_action(self, reserved: ReservedIp, kind: str) -> Action:
        """Start an action. Raises Unprocessable while another one is in progress."""
        if reserved.pending_action is not None:
            message = "The reserved IP already has a pending event."
            raise Unprocessable(message)
        action = self._actions.start(
            kind, resource_id=reserved.number, resource_type=RESOURCE_TYPE, region=reserved.region
        )
        reserved.pending_action = action.id
        return action

    def finish_action(self, reserved: ReservedIp, action: Action, *, errored: bool = False) -> None:
        """End the action; the reserved IP is not locked any more."""
        self._actions.finish(action, errored=errored)
        if reserved.pending_action == action.id:
            reserved.pending_action = None

    def check_assignable(self, reserved: ReservedIp | None, droplet: Droplet, region: str) -> None:
        """Raise Unprocessable unless the droplet can get the reserved IP; None is one to be created."""
        if droplet.region != region:
            message = "The reserved IP and the Droplet must be in the same region."
            raise Unprocessable(message)
        if droplet.anchor_address is None:
            message = "The Droplet has no public networking."
            raise Unprocessable(message)
        other = self.find_by_droplet(droplet.id)
        if other is not None and other is not reserved:
            message = "The Droplet already has a reserved IP."
            raise Unprocessable(message)

    def forget_droplet(self, droplet_id: int) -> None:
        """Unassign the reserved IP of a deleted droplet."""
        reserved = self.find_by_droplet(droplet_id)
        if reserved is not None:
            reserved.droplet_id = None

    def remove(self, reserved: ReservedIp) -> None:
        del self._reserved[reserved.ip]
        self._public.release(reserved.ip)
