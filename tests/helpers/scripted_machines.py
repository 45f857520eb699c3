"""Machines in memory that a test makes slow, lets fail, or stops."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from bakery.emulator.machines.interface import BootFault, MachineFailure, MachineSpec
from bakery.emulator.machines.memory import SNAPSHOT_BYTES, InMemoryMachines


@dataclass(kw_only=True)
class _Script:
    call: str
    times: int
    failure: str | None
    seconds: float


class ScriptedMachines(InMemoryMachines):
    """``snapshot_bytes`` is the size of every snapshot; images in ``unbootable`` are refused."""

    def __init__(self, *, snapshot_bytes: int = SNAPSHOT_BYTES, unbootable: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()
        """How often each method was called."""
        self.boot_faults: list[tuple[int, BootFault]] = []
        self.ignoring_shutdown: set[int] = set()
        """Ids of droplets that keep running when they are asked to shut down."""
        self._listeners: list[Callable[[int], None]] = []
        self._snapshot_bytes = snapshot_bytes
        self._unbootable = unbootable
        self._scripts: list[_Script] = []
        self._closing = threading.Event()

    def fail(self, call: str, message: str, *, times: int = 1) -> None:
        """Make the next ``times`` calls of that method raise MachineFailure."""
        self._scripts.append(_Script(call=call, times=times, failure=message, seconds=0))

    def delay(self, call: str, seconds: float, *, times: int = 1) -> None:
        """Make the next ``times`` calls of that method take ``seconds``."""
        self._scripts.append(_Script(call=call, times=times, failure=None, seconds=seconds))

    def stop_by_itself(self, droplet_id: int) -> None:
        """Let the guest power itself off."""
        self._get(droplet_id).running = False
        for listener in self._listeners:
            listener(droplet_id)

    def on_stop(self, listener: Callable[[int], None]) -> None:
        self._listeners.append(listener)

    def inject_boot_fault(self, droplet_id: int, what: BootFault) -> None:
        self.boot_faults.append((droplet_id, what))

    def check_image(self, image: str) -> str | None:
        return f"{image} cannot boot here" if image in self._unbootable else super().check_image(image)

    def create(self, spec: MachineSpec) -> None:
        self._follow_script("create")
        super().create(spec)

    def power_on(self, droplet_id: int) -> None:
        self._follow_script("power_on")
        super().power_on(droplet_id)

    def shutdown(self, droplet_id: int) -> None:
        self._follow_script("shutdown")
        if droplet_id not in self.ignoring_shutdown:
            super().shutdown(droplet_id)

    def power_off(self, droplet_id: int) -> None:
        self._follow_script("power_off")
        super().power_off(droplet_id)

    def reboot(self, droplet_id: int) -> None:
        self._follow_script("reboot")
        super().reboot(droplet_id)

    def rebuild(self, droplet_id: int, image: str) -> None:
        self._follow_script("rebuild")
        super().rebuild(droplet_id, image)

    def destroy(self, droplet_id: int) -> None:
        self._follow_script("destroy")
        super().destroy(droplet_id)

    def snapshot(self, droplet_id: int, key: str) -> int:
        self._follow_script("snapshot")
        super().snapshot(droplet_id, key)
        return self._snapshot_bytes

    def delete_snapshot(self, key: str) -> None:
        self._follow_script("delete_snapshot")
        super().delete_snapshot(key)

    def close(self) -> None:
        self._closing.set()
        super().close()

    def _follow_script(self, call: str) -> None:
        with self._lock:
            self.calls[call] += 1
            script = next((script for script in self._scripts if script.call == call), None)
            if script is None:
                return
            script.times -= 1
            if script.times <= 0:
                self._scripts.remove(script)
        if script.seconds:
            self._closing.wait(script.seconds)
        if script.failure is not None:
            raise MachineFailure(script.failure)
