"""A DigitalOcean in memory behind the Cloud port, with faults at chosen requests and time that a test owns."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum, auto
from ipaddress import IPv4Network
from typing import TypeVar

from bakery.cloud.model import (
    Account,
    Droplet,
    DropletRequest,
    Firewall,
    FirewallRequest,
    Image,
    Region,
    Size,
    SshKey,
    Vpc,
)
from bakery.errors import NotFoundError, RateLimitedError, UnauthorizedError, UnreachableError
from bakery.plan.slots import slot_of
from tests.helpers.fake_ways_in import FakeWaysIn, refusal

T = TypeVar("T")
START = 1_700_000_000.0
"""Epoch seconds at which a fake clock begins."""


class FakeClock:
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.on_sleep: Callable[[], object] = lambda: None
        """Lets the world change meanwhile."""

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.on_sleep()

    def wall(self) -> float:
        return START + self.seconds


class Killed(BaseException):
    """The process died at this request; nothing of it runs any further."""


ACCOUNT = Account(uuid="u", status="active", droplet_limit=25)
FRANKFURT = Region(slug="fra1", available=True)


class Fault(Enum):
    KILL_BEFORE = auto()
    KILL_AFTER = auto()
    """Applied, but the process does not live to see the reply."""
    FAIL = auto()
    """A 500, nothing done."""
    LOST_REPLY = auto()
    """Done, and a 500."""
    RATE_LIMIT = auto()


@dataclass(frozen=True)
class Call:
    name: str
    subject: str
    mutating: bool


def _unclear(status: int) -> UnreachableError:
    return UnreachableError(message=f"no usable reply (HTTP {status})", status=status)


def no_fault(number: int, call: Call) -> Fault | None:
    return None


def fault_at(number: int, fault: Fault) -> Callable[[int, Call], Fault | None]:
    """That fault at the request with this number, counted from 1."""
    return lambda current, call: fault if current == number else None


@dataclass
class FakeCloud(FakeWaysIn):
    """Implements :class:`bakery.cloud.interface.Cloud`; the public fields are the account."""

    clock: FakeClock = field(default_factory=FakeClock)
    fault: Callable[[int, Call], Fault | None] = no_fault
    droplets: dict[int, Droplet] = field(default_factory=dict)
    user_data: dict[int, str] = field(default_factory=dict)
    images: dict[int, Image] = field(default_factory=dict)
    ssh_keys: dict[int, SshKey] = field(default_factory=dict)
    vpcs: dict[str, Vpc] = field(default_factory=dict)
    firewalls: dict[str, Firewall] = field(default_factory=dict)
    tags: dict[str, None] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    account: Account = ACCOUNT
    regions: tuple[Region, ...] = (FRANKFURT,)
    sizes: tuple[Size, ...] = ()
    lag: float = 0
    """Seconds until lists show a new droplet."""
    address_after: float = 4
    active_after: float = 20
    gone_after: float = 0
    """Seconds for which lists show a deleted droplet, and its VPC counts it as a member."""
    firewall_after: float = 2
    stuck: set[str] = field(default_factory=set)
    """Slots of which the next droplet stays "new"; of a droplet without one, its name."""
    refused: set[str] = field(default_factory=set)
    """Slots, or names, whose creates get a 422."""
    busy: dict[str, int] = field(default_factory=dict)
    """How many deletes of the droplets of a name are refused: another action is under way."""
    hanging: set[str] = field(default_factory=set)
    """Names of droplets that do not shut down."""
    with_database: set[str] = field(default_factory=set)
    """Ids of VPCs with a managed database, which is a member and in no list that bakery reads."""
    dead: bool = False
    _born: dict[int | str, float] = field(default_factory=dict)
    _stuck_ids: set[int] = field(default_factory=set)
    _deleted: dict[int, float] = field(default_factory=dict)
    _number: int = 1000
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def mutations(self) -> list[Call]:
        return [call for call in self.calls if call.mutating]

    def revive(self) -> None:
        """The next process: no faults, no calls yet, the account as it is."""
        self.dead, self.fault, self.calls = False, no_fault, []

    def names(self) -> list[str]:
        """Of every droplet in the account."""
        return sorted(d.name for d in self.droplets.values() if self.is_there(d.id))

    def slots(self) -> list[str]:
        """Of every droplet in the account; a stranger's is its name."""
        return sorted(slot_of(d, "demo") for d in self.droplets.values() if self.is_there(d.id))

    def came_up(self, number: int) -> bool:
        """Whether the droplet was active before it was deleted, if it was."""
        end = self._deleted.get(number, self.clock.now())
        return number not in self._stuck_ids and end - self._born[number] >= self.active_after

    def is_there(self, number: int) -> bool:
        """Whether the droplet was made and not deleted, whatever lists say."""
        return number in self.droplets and number not in self._deleted

    def add_droplet(
        self,
        name: str,
        *,
        tags: tuple[str, ...] = (),
        status: str = "active",
        vpc: str | None = None,
        size: str = "s-1vcpu-1gb",
        image: int = 1,
    ) -> int:
        """A droplet that bakery did not make."""
        number = self._next()
        self.droplets[number] = Droplet(
            id=number, name=name, status=status, created_at=self._today(), region="fra1",
            size=size, image_id=image, tags=tags, vpc_id=vpc, public_ipv4=f"203.0.113.{number % 250}",
            private_ipv4=f"10.100.0.{number % 250}",
        )  # fmt: skip
        self._born[number] = float("-inf")
        self.tags |= dict.fromkeys(tags)
        return number

    def _today(self) -> str:
        """As the API writes it: whole seconds."""
        return datetime.fromtimestamp(self.clock.wall(), UTC).isoformat(timespec="seconds")

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _do(self, name: str, apply: Callable[[], T], *, subject: object = "", mutating: bool = False) -> T:
        with self._lock:
            if self.dead:
                raise Killed
            call = Call(name, str(subject), mutating)
            self.calls.append(call)
            fault = self.fault(len(self.calls), call)
            self._before(fault)
            result = apply()
            self._after(fault)
            return result

    def _before(self, fault: Fault | None) -> None:
        if fault is Fault.KILL_BEFORE:
            self.dead = True
            raise Killed
        if fault is Fault.FAIL:
            raise _unclear(500)
        if fault is Fault.RATE_LIMIT:
            raise RateLimitedError(message="too many requests", status=429)

    def _after(self, fault: Fault | None) -> None:
        if fault is Fault.KILL_AFTER:
            self.dead = True
            raise Killed
        if fault is Fault.LOST_REPLY:
            raise _unclear(502)

    def _droplets(self) -> list[Droplet]:
        return [droplet for droplet in self.droplets.values() if self.is_there(droplet.id)]

    def _age(self, key: str) -> float:
        return self.clock.now() - self._born.get(key, float("-inf"))

    def _now_is(self) -> float:
        return self.clock.now()

    def _note_birth(self, key: str) -> None:
        self._born[key] = self.clock.now()

    def get_account(self) -> Account:
        return self._do("get_account", lambda: self.account)

    def list_regions(self) -> tuple[Region, ...]:
        return self._do("list_regions", lambda: self.regions)

    def list_sizes(self) -> tuple[Size, ...]:
        return self._do("list_sizes", lambda: self.sizes)

    def list_droplets(self, *, tag: str | None = None) -> tuple[Droplet, ...]:
        def listed() -> tuple[Droplet, ...]:
            found = (d for d in self.droplets.values() if tag is None or tag in d.tags)
            return tuple(self._now(d) for d in found if self._is_listed(d.id))

        return self._do("list_droplets", listed, subject=tag or "")

    def count_droplets(self) -> int:
        return self._do("count_droplets", lambda: sum(map(self._is_listed, self.droplets)))

    def count_vpc_members(self, vpc_id: str) -> int:
        def members() -> int:
            return sum(d.vpc_id == vpc_id and self._is_listed(d.id) for d in self.droplets.values())

        return self._do("count_vpc_members", members, subject=vpc_id)

    def _is_listed(self, number: int) -> bool:
        now = self.clock.now()
        if number in self._deleted:
            return now < self._deleted[number] + self.gone_after
        return now >= self._born[number] + self.lag

    def _now(self, droplet: Droplet) -> Droplet:
        age = self.clock.now() - self._born[droplet.id]
        if age == float("inf") or droplet.status == "off":
            return droplet
        has_address = age >= self.address_after
        active = age >= self.active_after and droplet.id not in self._stuck_ids
        return replace(
            droplet,
            status="active" if active else "new",
            private_ipv4=droplet.private_ipv4 if has_address else None,
            public_ipv4=droplet.public_ipv4 if has_address else None,
        )

    def find_droplet(self, droplet_id: int) -> Droplet | None:
        def found() -> Droplet | None:
            droplet = self.droplets.get(droplet_id)
            return None if droplet is None or droplet_id in self._deleted else self._now(droplet)

        return self._do("find_droplet", found, subject=droplet_id)

    def create_droplet(self, request: DropletRequest) -> Droplet:
        return self._do("create_droplet", lambda: self._create(request), subject=request.name, mutating=True)

    def _create(self, request: DropletRequest) -> Droplet:
        keys = {key for key in request.ssh_keys if isinstance(key, int)}
        slot = slot_of(request, "demo")
        if slot in self.refused or request.vpc_id not in self.vpcs or not keys <= self.ssh_keys.keys():
            raise refusal(details="invalid droplet")
        image = request.image if isinstance(request.image, int) else 1
        number = self.add_droplet(
            request.name, tags=request.tags, status="new", vpc=request.vpc_id, size=request.size, image=image
        )
        self._born[number] = self.clock.now()
        self.user_data[number] = request.user_data
        if slot in self.stuck:
            self.stuck.remove(slot)
            self._stuck_ids.add(number)
        return self._now(self.droplets[number])

    def shut_down_droplet(self, droplet_id: int) -> None:
        def shut_down() -> None:
            droplet = self.droplets[droplet_id]
            if droplet.status == "off":
                raise refusal(details="Droplet is already powered off.")
            if droplet.name not in self.hanging:
                self.droplets[droplet_id] = replace(droplet, status="off")

        self._do("shut_down_droplet", shut_down, subject=droplet_id, mutating=True)

    def delete_droplet(self, droplet_id: int) -> None:
        def delete() -> None:
            name = self.droplets[droplet_id].name if droplet_id in self.droplets else ""
            if self.busy.get(name, 0) > 0:
                self.busy[name] -= 1
                raise refusal(details="Droplet already has a pending event.")
            if droplet_id in self.droplets:
                self._deleted.setdefault(droplet_id, self.clock.now())

        self._do("delete_droplet", delete, subject=droplet_id, mutating=True)

    def list_images(self, *, tag: str | None = None) -> tuple[Image, ...]:
        def listed() -> tuple[Image, ...]:
            return tuple(image for image in self.images.values() if tag is None or tag in image.tags)

        return self._do("list_images", listed)

    def delete_image(self, image_id: int) -> None:
        self._do("delete_image", lambda: self.images.pop(image_id, None), subject=image_id, mutating=True)

    def create_tag(self, name: str) -> None:
        self._do("create_tag", lambda: self.tags.update({name: None}), subject=name, mutating=True)

    def list_tags(self) -> tuple[str, ...]:
        return self._do("list_tags", lambda: tuple(self.tags))

    def tag_image(self, image_id: int, tag: str) -> None:
        raise NotImplementedError

    def delete_tag(self, name: str) -> None:
        def delete() -> None:
            self.tags.pop(name, None)
            for number, droplet in self.droplets.items():
                self.droplets[number] = replace(droplet, tags=tuple(tag for tag in droplet.tags if tag != name))

        self._do("delete_tag", delete, subject=name, mutating=True)

    def untag_droplet(self, droplet_id: int, tag: str) -> None:
        def untag() -> None:
            droplet = self.droplets.get(droplet_id)
            if droplet is not None:
                self.droplets[droplet_id] = replace(droplet, tags=tuple(t for t in droplet.tags if t != tag))

        self._do("untag_droplet", untag, subject=droplet_id, mutating=True)

    def list_ssh_keys(self) -> tuple[SshKey, ...]:
        return self._do("list_ssh_keys", lambda: tuple(self.ssh_keys.values()))

    def create_ssh_key(self, name: str, public_key: str) -> SshKey:
        def create() -> SshKey:
            if any(key.fingerprint == public_key for key in self.ssh_keys.values()):
                raise refusal(details="SSH Key is already in use on your account")
            return self.add_key(name, fingerprint=public_key)

        return self._do("create_ssh_key", create, subject=name, mutating=True)

    def add_key(self, name: str, *, fingerprint: str = "aa:bb") -> SshKey:
        key = SshKey(id=self._next(), name=name, fingerprint=fingerprint)
        self.ssh_keys[key.id] = key
        return key

    def delete_ssh_key(self, key_id: int) -> None:
        self._do("delete_ssh_key", lambda: self.ssh_keys.pop(key_id, None), subject=key_id, mutating=True)

    def list_vpcs(self) -> tuple[Vpc, ...]:
        return self._do("list_vpcs", lambda: tuple(self.vpcs.values()))

    def create_vpc(self, *, name: str, description: str, region: str, ip_range: str) -> Vpc:
        def create() -> Vpc:
            network = IPv4Network(ip_range)
            for vpc in self.vpcs.values():
                if vpc.name == name or IPv4Network(vpc.ip_range).overlaps(network):
                    raise refusal(details="This range/name is in use")
            return self.add_vpc(name, description=description, region=region, ip_range=ip_range)

        return self._do("create_vpc", create, subject=name, mutating=True)

    def add_vpc(
        self, name: str, *, ip_range: str, description: str = "", region: str = "fra1", default: bool = False
    ) -> Vpc:
        vpc = Vpc(
            id=f"vpc-{self._next()}", name=name, description=description, region=region, ip_range=ip_range,
            default=default,
        )  # fmt: skip
        self.vpcs[vpc.id] = vpc
        return vpc

    def delete_vpc(self, vpc_id: str) -> None:
        def delete() -> None:
            members = [d for d in self.droplets.values() if d.vpc_id == vpc_id and self._is_member(d.id)]
            if members or vpc_id in self.with_database:
                raise UnauthorizedError(
                    message="not allowed", details="Can not delete VPC with members", status=403
                )
            self.vpcs.pop(vpc_id, None)

        self._do("delete_vpc", delete, subject=vpc_id, mutating=True)

    def _is_member(self, number: int) -> bool:
        return number not in self._deleted or self.clock.now() < self._deleted[number] + self.gone_after

    def list_firewalls(self) -> tuple[Firewall, ...]:
        def listed(firewall: Firewall) -> Firewall:
            age = self.clock.now() - self._born.get(firewall.id, float("-inf"))
            return replace(firewall, status="succeeded" if age >= self.firewall_after else "waiting")

        return self._do("list_firewalls", lambda: tuple(map(listed, self.firewalls.values())))

    def create_firewall(self, request: FirewallRequest) -> Firewall:
        def create() -> Firewall:
            if not set(request.tags) <= self.tags.keys():
                raise refusal(details="tag does not exist")
            firewall = self.add_firewall(request.name, tags=request.tags, created_at=self._today())
            self._born[firewall.id] = self.clock.now()
            return self._put(firewall.id, request)

        return self._do("create_firewall", create, subject=request.name, mutating=True)

    def add_firewall(self, name: str, *, tags: tuple[str, ...] = (), created_at: str = "") -> Firewall:
        firewall = Firewall(
            id=f"fw-{self._next()}",
            name=name,
            status="waiting",
            inbound=(),
            outbound=(),
            tags=tags,
            created_at=created_at,
        )
        self.firewalls[firewall.id] = firewall
        return firewall

    def _put(self, firewall_id: str, request: FirewallRequest) -> Firewall:
        old = self.firewalls[firewall_id]
        self.firewalls[firewall_id] = replace(
            old, name=request.name, inbound=request.inbound, outbound=request.outbound, tags=request.tags
        )
        return self.firewalls[firewall_id]

    def update_firewall(self, firewall_id: str, request: FirewallRequest) -> Firewall:
        def update() -> Firewall:
            if firewall_id not in self.firewalls:
                raise NotFoundError(message="no such firewall", status=404)
            return self._put(firewall_id, request)

        return self._do("update_firewall", update, subject=firewall_id, mutating=True)

    def delete_firewall(self, firewall_id: str) -> None:
        self._do(
            "delete_firewall", lambda: self.firewalls.pop(firewall_id, None), subject=firewall_id, mutating=True
        )
