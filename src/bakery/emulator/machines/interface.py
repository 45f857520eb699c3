"""The port for the machines of droplets: booted by systemd-nspawn, or entries in memory.

``account`` and ``api`` own the API's objects and their clock; an implementation starts, stops and copies machines.
Calls may come from several threads; calls for one droplet do not overlap, but for ``impair``. ``create``,
``power_on``, ``shutdown`` and ``reboot`` return when the work has begun, all others when it is done.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from bakery.emulator.host.failure import MachineFailure
from bakery.emulator.network.model import (
    AllowRule,
    Balancer,
    Check,
    EdgePolicy,
    FirewallBinding,
    FirewallPolicy,
    FirewallRules,
    Impairment,
    Listener,
    TlsCertificate,
    Zone,
    ZoneRecord,
)

__all__ = [
    "AllowRule",
    "Balancer",
    "BootFault",
    "Check",
    "EdgePolicy",
    "FirewallBinding",
    "FirewallPolicy",
    "FirewallRules",
    "Impairment",
    "Interface",
    "Listener",
    "MachineFailure",
    "MachineSpec",
    "Machines",
    "TlsCertificate",
    "Zone",
    "ZoneRecord",
]

BootFault = Literal["boot", "cloud-init"]
"""The part of a boot that fails: all of it, or cloud-init."""


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
    """Everything that a machine needs to boot as a droplet."""

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
    reserved_ip: str | None = None
    """The reserved IP whose traffic it receives."""


class Machines(Protocol):
    """Creates, runs and copies the machines of droplets."""

    @property
    def enforces_firewalls(self) -> bool:
        """Whether :meth:`enforce` filters traffic."""

    def enforce(self, policy: FirewallPolicy) -> None:
        """Replace all enforced firewalls by these, at once."""

    @property
    def forwards(self) -> bool:
        """Whether :meth:`serve` forwards traffic."""

    def serve(self, policy: EdgePolicy) -> dict[str, str]:
        """Forward the traffic of load balancers and reserved IPs, and answer for the zones, as ``policy`` has it.

        Return why load balancers cannot be served, by their id.
        """

    def impair(self, droplet_id: int, impairment: Impairment) -> None:
        """Impair the droplet's network, in place of an earlier impairment.

        Raises MachineFailure if this machine's kernel cannot; then nothing has changed.
        """

    def on_stop(self, listener: Callable[[int], None]) -> None:
        """Call ``listener``, in any thread, with the id of each droplet whose guest has stopped by itself."""

    def inject_boot_fault(self, droplet_id: int, what: BootFault) -> None:
        """Make ``what`` fail at the droplet's next boot only. The droplet may not exist yet."""

    def check_image(self, image: str) -> str | None:
        """Return None if droplets can be created from the image, else the reason, for the API's error."""

    def create(self, spec: MachineSpec) -> None:
        """Create the machine and start its boot."""

    def is_running(self, droplet_id: int) -> bool:
        """Return whether the guest runs."""

    def power_on(self, droplet_id: int) -> None:
        """Start the boot of a machine that is off."""

    def shutdown(self, droplet_id: int) -> None:
        """Ask the guest to power off; ``is_running`` is False when it has."""

    def power_off(self, droplet_id: int) -> None:
        """Stop the machine now."""

    def reboot(self, droplet_id: int) -> None:
        """Reboot in order, or by a power cycle if the guest does not react."""

    def rebuild(self, droplet_id: int, image: str) -> None:
        """Replace the disk by a new one from ``image``, and start the boot."""

    def destroy(self, droplet_id: int) -> None:
        """Remove everything of the machine. Idempotent."""

    def snapshot(self, droplet_id: int, key: str) -> int:
        """Copy the disk to a snapshot called ``key``; return its size in bytes."""

    def delete_snapshot(self, key: str) -> None:
        """Delete a snapshot; machines created from it keep running. Idempotent."""

    def close(self) -> None:
        """Stop and remove every machine."""
