"""Cloud firewalls: their rules, and whether the machines enforce them yet."""

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta

from bakery.emulator.account.errors import Conflict, NotFound, Unprocessable
from bakery.emulator.account.model import Firewall, FirewallRule
from bakery.emulator.account.settings import EmulatorSettings
from bakery.emulator.account.source import Ids, WallClock

# https://docs.digitalocean.com/products/networking/firewalls/details/limits/
MAX_DROPLETS = 10
MAX_TAGS = 5
MAX_RULES = 50

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9.\-]+")


class Firewalls:
    """All cloud firewalls of the account."""

    def __init__(self, settings: EmulatorSettings, clock: WallClock, ids: Ids) -> None:
        self._delay = timedelta(seconds=settings.firewall_delay_s)
        self._clock = clock
        self._ids = ids
        self._firewalls: dict[str, Firewall] = {}
        self.revision = 0
        """Counts every change that could affect traffic."""
        self.in_force: int | None = None
        """The revision that the machines enforce; None if they enforce no firewalls."""
        self.failure: str | None = None
        """Why the machines could not enforce the last revision; None if they could."""

    def restore(self, firewalls: Iterable[Firewall]) -> None:
        """Replace all firewalls."""
        self._firewalls = {firewall.id: firewall for firewall in firewalls}
        self.revision = 1 + max((firewall.revision for firewall in self._firewalls.values()), default=0)

    def all(self) -> list[Firewall]:
        return list(self._firewalls.values())

    def get(self, firewall_id: str) -> Firewall:
        firewall = self._firewalls.get(firewall_id.lower())
        if firewall is None:
            raise NotFound
        return firewall

    def create(
        self,
        *,
        name: str,
        inbound: Sequence[FirewallRule],
        outbound: Sequence[FirewallRule],
        droplet_ids: Sequence[int],
        tags: Sequence[str],
    ) -> Firewall:
        _check_name(name)
        self._refuse_taken_name(name, own=None)
        now = self._clock()
        firewall = Firewall(
            id=self._ids.uuid(),
            name=name,
            inbound=list(inbound),
            outbound=list(outbound),
            droplet_ids=list(dict.fromkeys(droplet_ids)),
            tags=list(dict.fromkeys(tags)),
            created_at=now,
            settled_at=now + self._delay,
        )
        _check_limits(firewall)
        self._firewalls[firewall.id] = firewall
        self._renew(firewall)
        return firewall

    def replace(self, firewall: Firewall, wanted: Firewall) -> None:
        """Give ``firewall`` the rules and targets of ``wanted``, or raise ApiError and change nothing."""
        _check_name(wanted.name)
        self._refuse_taken_name(wanted.name, own=firewall)
        _check_limits(wanted)
        firewall.name = wanted.name
        firewall.inbound, firewall.outbound = wanted.inbound, wanted.outbound
        firewall.droplet_ids, firewall.tags = wanted.droplet_ids, wanted.tags
        self._renew(firewall)

    def remove(self, firewall: Firewall) -> None:
        del self._firewalls[firewall.id]
        self.revision += 1

    def forget_droplet(self, droplet_id: int) -> None:
        """Remove a deleted droplet from all firewalls."""
        self.revision += 1
        for firewall in self._firewalls.values():
            firewall.pending.pop(droplet_id, None)
            if droplet_id in firewall.droplet_ids:
                firewall.droplet_ids.remove(droplet_id)

    def forget_tag(self, name: str) -> None:
        """Remove a deleted tag from all firewalls."""
        self.revision += 1
        for firewall in self._firewalls.values():
            firewall.tags = [tag for tag in firewall.tags if tag.lower() != name.lower()]

    def retagged(self, droplet_id: int, tag: str, *, removing: bool) -> None:
        """Set the firewalls bound to ``tag`` to ``waiting``, because a droplet got or lost the tag."""
        if not self._firewalls:
            return
        self.revision += 1
        for firewall in self._firewalls.values():
            if tag.lower() in {name.lower() for name in firewall.tags}:
                waited = not self.is_settled(firewall)
                firewall.renewed = waited and firewall.renewed
                firewall.pending = {**(firewall.pending if waited else {}), droplet_id: removing}
                self._wait(firewall)

    def is_settled(self, firewall: Firewall) -> bool:
        reached = self.in_force is None or self.in_force >= firewall.revision
        return reached and self._clock() >= firewall.settled_at

    def status(self, firewall: Firewall) -> str:
        """Return waiting, succeeded or failed."""
        if not self.is_settled(firewall):
            return "waiting"
        return "succeeded" if self.failure is None else "failed"

    def _renew(self, firewall: Firewall) -> None:
        firewall.renewed, firewall.pending = True, {}
        self.revision += 1
        self._wait(firewall)

    def _wait(self, firewall: Firewall) -> None:
        firewall.revision = self.revision
        firewall.settled_at = self._clock() + self._delay

    def _refuse_taken_name(self, name: str, *, own: Firewall | None) -> None:
        if any(other.name == name and other is not own for other in self._firewalls.values()):
            message = "duplicate name"
            raise Conflict(message)


def _check_name(name: str) -> None:
    """OpenAPI, resources/firewalls/models/firewall.yml."""
    if _NAME.fullmatch(name) is None:
        message = (
            "name must begin with a letter or number and may only contain letters, numbers, periods and dashes"
        )
        raise Unprocessable(message)


def _check_limits(firewall: Firewall) -> None:
    if not firewall.inbound and not firewall.outbound:
        message = "must have at least one rule"
        raise Unprocessable(message)
    if len(firewall.inbound) + len(firewall.outbound) > MAX_RULES:
        message = f"a firewall may have at most {MAX_RULES} rules"
        raise Unprocessable(message)
    if len(firewall.droplet_ids) > MAX_DROPLETS:
        message = f"a firewall may have at most {MAX_DROPLETS} Droplets"
        raise Unprocessable(message)
    if len(firewall.tags) > MAX_TAGS:
        message = f"a firewall may have at most {MAX_TAGS} tags"
        raise Unprocessable(message)
