"""Machines that exist in memory only: thousands of droplets without root."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from bakery.emulator.machines.interface import (
    BootFault,
    EdgePolicy,
    FirewallPolicy,
    Impairment,
    MachineFailure,
    MachineSpec,
)

SNAPSHOT_BYTES = 2 * 1024**3
"""The size of every snapshot."""


@dataclass(kw_only=True)
class MemoryMachine:
    """The machine of one droplet."""

    spec: MachineSpec
    image: str
    running: bool = True


class InMemoryMachines:
    """An implementation of the Machines port in which nothing boots."""

    def __init__(self) -> None:
        self.machines: dict[int, MemoryMachine] = {}
        """By droplet id."""
        self.snapshots: dict[str, str] = {}
        """The base image of each snapshot, by key."""
        self._lock = threading.Lock()

    @property
    def enforces_firewalls(self) -> bool:
        return False

    def enforce(self, policy: FirewallPolicy) -> None:
        """Do nothing: there is no traffic."""

    @property
    def forwards(self) -> bool:
        return False

    def serve(self, policy: EdgePolicy) -> dict[str, str]:  # noqa: ARG002 - the port's argument
        """Do nothing: there is no traffic."""
        return {}

    def impair(self, droplet_id: int, impairment: Impairment) -> None:  # noqa: ARG002 - the port's argument
        message = f"droplet {droplet_id} is in memory only and has no links"
        raise MachineFailure(message)

    def on_stop(self, listener: Callable[[int], None]) -> None:
        """Do nothing: there is no guest that could stop by itself."""

    def inject_boot_fault(self, droplet_id: int, what: BootFault) -> None:
        """Do nothing: there is no guest that could boot."""

    def check_image(self, image: str) -> str | None:
        return f"{image} is gone" if image.startswith("snapshot-") and image not in self.snapshots else None

    def create(self, spec: MachineSpec) -> None:
        with self._lock:
            self.machines[spec.droplet_id] = MemoryMachine(spec=spec, image=spec.image)

    def is_running(self, droplet_id: int) -> bool:
        machine = self.machines.get(droplet_id)
        return machine is not None and machine.running

    def power_on(self, droplet_id: int) -> None:
        self._get(droplet_id).running = True

    def shutdown(self, droplet_id: int) -> None:
        self._get(droplet_id).running = False

    def power_off(self, droplet_id: int) -> None:
        self._get(droplet_id).running = False

    def reboot(self, droplet_id: int) -> None:
        self._get(droplet_id).running = True

    def rebuild(self, droplet_id: int, image: str) -> None:
        machine = self._get(droplet_id)
        machine.image, machine.running = image, True

    def destroy(self, droplet_id: int) -> None:
        with self._lock:
            self.machines.pop(droplet_id, None)

    def snapshot(self, droplet_id: int, key: str) -> int:
        image = self._get(droplet_id).image
        with self._lock:
            self.snapshots[key] = self.snapshots.get(image, image)
        return SNAPSHOT_BYTES

    def delete_snapshot(self, key: str) -> None:
        with self._lock:
            self.snapshots.pop(key, None)

    def close(self) -> None:
        with self._lock:
            self.machines.clear()

    def _get(self, droplet_id: int) -> MemoryMachine:
        with self._lock:
            machine = self.machines.get(droplet_id)
        if machine is None:
            message = f"droplet {droplet_id} has no machine"
            raise MachineFailure(message)
        return machine
