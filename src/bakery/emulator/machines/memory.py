"""Machines that exist in memory only: thousands of droplets, no root; tests tell them to fail or to be slow."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from bakery.emulator.machines.interface import BootFault, FirewallPolicy, Impairment, MachineFailure, MachineSpec


@dataclass(kw_only=True)
class MemoryMachine:
    spec: MachineSpec
    image: str
    running: bool = True
    ignores_shutdown: bool = False


@dataclass(kw_only=True)
class _Order:
    call: str
    times: int
    failure: str | None
    seconds: float


class InMemoryMachines:
    """A member of the Machines port without machines.

    ``snapshot_bytes`` is what every snapshot is said to weigh. ``calls`` counts the calls by name.
    """

    def __init__(self, *, snapshot_bytes: int = 2 * 1024**3, unbootable: tuple[str, ...] = ()) -> None:
        self.machines: dict[int, MemoryMachine] = {}
        self.snapshots: dict[str, str] = {}
        """The base that each snapshot goes back to, by key."""
        self.calls: Counter[str] = Counter()
        self.closed = False
        self.boot_faults: list[tuple[int, BootFault]] = []
        self._listeners: list[Callable[[int], None]] = []
        self._snapshot_bytes = snapshot_bytes
        self._unbootable = unbootable
        self._orders: list[_Order] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def fail(self, call: str, message: str, *, times: int = 1) -> None:
        """The next ``times`` calls of that name raise MachineFailure."""
        self._orders.append(_Order(call=call, times=times, failure=message, seconds=0))

    def delay(self, call: str, seconds: float, *, times: int = 1) -> None:
        """The next ``times`` calls of that name take that long."""
        self._orders.append(_Order(call=call, times=times, failure=None, seconds=seconds))

    @property
    def enforces_firewalls(self) -> bool:
        return False

    def enforce(self, policy: FirewallPolicy) -> None:
        """There is no traffic to filter."""

    def impair(self, droplet_id: int, impairment: Impairment) -> None:  # noqa: ARG002 - the port's argument
        message = f"droplet {droplet_id} is in memory only and has no links"
        raise MachineFailure(message)

    def on_stop(self, listener: Callable[[int], None]) -> None:
        self._listeners.append(listener)

    def inject_boot_fault(self, droplet_id: int, what: BootFault) -> None:
        """Kept in ``boot_faults``: there is no guest that could boot."""
        self.boot_faults.append((droplet_id, what))

    def stop_by_itself(self, droplet_id: int) -> None:
        """The guest powers itself off."""
        self._get(droplet_id).running = False
        for listener in self._listeners:
            listener(droplet_id)

    def check_image(self, image: str) -> str | None:
        if image in self._unbootable:
            return f"{image} cannot boot here"
        if image.startswith("snapshot-") and image not in self.snapshots:
            return f"{image} is gone"
        return None

    def create(self, spec: MachineSpec) -> None:
        self._obey("create")
        with self._lock:
            self.machines[spec.droplet_id] = MemoryMachine(spec=spec, image=spec.image)

    def is_running(self, droplet_id: int) -> bool:
        machine = self.machines.get(droplet_id)
        return machine is not None and machine.running

    def power_on(self, droplet_id: int) -> None:
        self._obey("power_on")
        self._get(droplet_id).running = True

    def shutdown(self, droplet_id: int) -> None:
        self._obey("shutdown")
        machine = self._get(droplet_id)
        machine.running = machine.running and machine.ignores_shutdown

    def power_off(self, droplet_id: int) -> None:
        self._obey("power_off")
        self._get(droplet_id).running = False

    def reboot(self, droplet_id: int) -> None:
        self._obey("reboot")
        self._get(droplet_id).running = True

    def rebuild(self, droplet_id: int, image: str) -> None:
        self._obey("rebuild")
        machine = self._get(droplet_id)
        machine.image, machine.running = image, True

    def destroy(self, droplet_id: int) -> None:
        self._obey("destroy")
        with self._lock:
            self.machines.pop(droplet_id, None)

    def snapshot(self, droplet_id: int, key: str) -> int:
        self._obey("snapshot")
        image = self._get(droplet_id).image
        with self._lock:
            self.snapshots[key] = self.snapshots.get(image, image)
        return self._snapshot_bytes

    def delete_snapshot(self, key: str) -> None:
        self._obey("delete_snapshot")
        with self._lock:
            self.snapshots.pop(key, None)

    def close(self) -> None:
        self._closing.set()
        with self._lock:
            self.machines.clear()
        self.closed = True

    def _get(self, droplet_id: int) -> MemoryMachine:
        with self._lock:
            machine = self.machines.get(droplet_id)
        if machine is None:
            message = f"droplet {droplet_id} has no machine"
            raise MachineFailure(message)
        return machine

    def _obey(self, call: str) -> None:
        with self._lock:
            self.calls[call] += 1
            order = next((order for order in self._orders if order.call == call), None)
            if order is None:
                return
            order.times -= 1
            if order.times <= 0:
                self._orders.remove(order)
        if order.seconds:
            self._closing.wait(order.seconds)
        if order.failure is not None:
            raise MachineFailure(order.failure)
