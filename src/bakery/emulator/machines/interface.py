"""The port behind which droplets are made: booted by systemd-nspawn, or kept in memory.

``account`` and ``api`` own the API's objects and their clock; a member only starts, stops and copies machines.
All calls may come from several threads; calls for one droplet never overlap. A call returns when the thing is
under way (``create``, ``power_on``, ``shutdown``, ``reboot``) or done (``power_off``, ``destroy``, ``snapshot``).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from bakery.emulator.host.failure import MachineFailure
from bakery.emulator.network.model import AllowRule, FirewallBinding, FirewallPolicy, FirewallRules, Impairment

__all__ = [
    "AllowRule",
    "BootFault",
    "FirewallBinding",
    "FirewallPolicy",
    "FirewallRules",
    "Impairment",
    "Interface",
    "MachineFailure",
    "MachineSpec",
    "Machines",
]

BootFault = Literal["boot", "cloud-init"]
"""What fails: the guest's boot, or its cloud-init."""


@dataclass(frozen=True, kw_only=True)
class Interface:
    """One address of a droplet."""

    mac: str
    address: str
    netmask: str
    """Dotted."""
    gateway: str | None


@dataclass(frozen=True, kw_only=True)
class MachineSpec:
    """All that a machine needs to boot as that droplet."""

    droplet_id: int
    name: str
    image: str
    """A base image's slug, or the key of a snapshot."""
    memory: int
    """MB."""
    vcpus: int
    disk: int
    """GB."""
    region: str
    tags: tuple[str, ...]
    user_data: str | None = field(repr=False)
    vendor_data: str | None = field(repr=False)
    public_keys: tuple[str, ...]
    public: Interface | None
    """eth0; None for a droplet without public networking, whose VPC address is then on eth0."""
    anchor: Interface | None
    """The second address on eth0."""
    private: Interface
    """The VPC address, on eth1."""
    vpc_id: str
    dns: tuple[str, ...]


class Machines(Protocol):
    """Makes, runs and copies the machines behind droplets."""

    @property
    def enforces_firewalls(self) -> bool:
        """Whether :meth:`enforce` has an effect."""

    def enforce(self, policy: FirewallPolicy) -> None:
        """Put these firewalls into force in place of the earlier ones, all at once."""

    def impair(self, droplet_id: int, impairment: Impairment) -> None:
        """Put the impairment on the droplet's links, in place of an earlier one.

        Raises MachineFailure if this machine's kernel cannot.
        """

    def on_stop(self, listener: Callable[[int], None]) -> None:
        """Tell ``listener`` the id of each droplet whose guest has stopped by itself; from any thread."""

    def inject_boot_fault(self, droplet_id: int, what: BootFault) -> None:
        """Make that fail at the droplet's next boot, and only then. The droplet may not exist yet."""

    def check_image(self, image: str) -> str | None:
        """None if droplets can be made from it, else the reason, for the API's error message."""

    def create(self, spec: MachineSpec) -> None:
        """Make the machine and start its boot."""

    def is_running(self, droplet_id: int) -> bool: ...

    def power_on(self, droplet_id: int) -> None: ...

    def shutdown(self, droplet_id: int) -> None:
        """Ask the guest to power off; ``is_running`` tells when it has."""

    def power_off(self, droplet_id: int) -> None:
        """Stop it now."""

    def reboot(self, droplet_id: int) -> None:
        """Orderly; falls back to a power cycle when the guest does not react."""

    def rebuild(self, droplet_id: int, image: str) -> None: ...

    def destroy(self, droplet_id: int) -> None:
        """Idempotent: nothing of the machine remains."""

    def snapshot(self, droplet_id: int, key: str) -> int:
        """Keep a copy of the disk under ``key``; returns its size in bytes."""

    def delete_snapshot(self, key: str) -> None:
        """Idempotent. Machines made from it keep running."""

    def close(self) -> None:
        """Stop every machine and remove what is not meant to outlive the emulator."""
