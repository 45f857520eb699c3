"""Droplets that really boot: systemd-nspawn on an overlay, in the emulator's network."""

import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from bakery.emulator.host import cgroups, nspawn_leftovers
from bakery.emulator.host.process import Process, end
from bakery.emulator.host.record import ResourceKind, ResourceRecord
from bakery.emulator.images import bases, debian
from bakery.emulator.machines import nspawn_logs, nspawn_process
from bakery.emulator.machines.boot_order import BootOrder
from bakery.emulator.machines.interface import (
    BootFault,
    EdgePolicy,
    FirewallPolicy,
    Impairment,
    MachineFailure,
    MachineSpec,
)
from bakery.emulator.machines.nspawn_disk import Disk, Snapshots, find_disk
from bakery.emulator.machines.nspawn_process import POWER_OFF, REBOOT
from bakery.emulator.machines.nspawn_seed import write_seed
from bakery.emulator.machines.nspawn_veths import veth_pairs
from bakery.emulator.network.router import Router
from bakery.errors import BakeryError, DeadlineError
from bakery.files import ensure_private_folder
from bakery.proc import start
from bakery.wait import Pending, wait_until

ORDERLY_SECONDS = 60.0

log = logging.getLogger("bakery.emulator")


@dataclass
class _Machine:
    """A droplet's machine. ``process`` is None while it is off; ``lock`` guards every change."""

    spec: MachineSpec
    disk: Disk
    process: Process | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)


class NspawnMachines:
    """The machines of one emulator, in ``folder``. Each resource is in ``record`` before it is created."""

    def __init__(self, *, folder: Path, router: Router, record: ResourceRecord, base: Path) -> None:
        self._folder = folder
        self._router = router
        self._record = record
        self._base = base
        self._machines: dict[int, _Machine] = {}
        self._snapshots = Snapshots(folder / "snapshots")
        self._boot_faults: dict[int, BootFault] = {}
        self._boot_order = BootOrder()
        self._listeners: list[Callable[[int], None]] = []
        for name in ("snapshots", "consoles"):
            record.will_make(ResourceKind.FOLDER, str(folder / name))

    @property
    def enforces_firewalls(self) -> bool:
        return True

    def enforce(self, policy: FirewallPolicy) -> None:
        self._router.enforce(policy)

    @property
    def forwards(self) -> bool:
        return True

    def serve(self, policy: EdgePolicy) -> dict[str, str]:
        return self._router.serve(policy)

    def impair(self, droplet_id: int, impairment: Impairment) -> None:
        self._router.impair(droplet_id, impairment)

    def on_stop(self, listener: Callable[[int], None]) -> None:
        self._listeners.append(listener)

    def inject_boot_fault(self, droplet_id: int, what: BootFault) -> None:
        self._boot_faults[droplet_id] = what

    def check_image(self, image: str) -> str | None:
        if bases.known(image) or self._snapshots.layers(image) is not None:
            return None
        known = ", ".join(debian.CODENAMES)
        return f"{image} cannot be built from Debian's packages; use {known}, or a snapshot of this account"

    def create(self, spec: MachineSpec) -> None:
        disk = self._new_disk(spec, spec.image)
        self.console(spec.droplet_id).unlink(missing_ok=True)
        machine = _Machine(spec=spec, disk=disk)
        self._machines[spec.droplet_id] = machine
        self._start(machine)

    def adopt(self, specs: Iterable[MachineSpec]) -> None:
        """Take over the droplets of an emulator that was killed, if their disks still exist.

        Running droplets keep running. A guest that has stopped since is off, or boots if it had rebooted.
        """
        self._snapshots.adopt()
        for spec in specs:
            disk = find_disk(self._folder / "droplets" / str(spec.droplet_id))
            if disk is None:
                continue
            machine = _Machine(spec=spec, disk=disk, process=nspawn_process.find_started(disk.folder))
            self._machines[spec.droplet_id] = machine
            self._snapshots.use(str(spec.droplet_id), disk.lower)
            self._resume(machine)

    def _resume(self, machine: _Machine) -> None:
        process = machine.process
        if process is not None:
            self._boot_order.end(self._cgroup(machine.spec.droplet_id))
            self._in_background(lambda: self._watch(machine, process), f"droplet {machine.spec.droplet_id}")
            return
        self._stop(machine)
        if nspawn_process.exit_code(machine.disk.folder) == nspawn_process.REBOOTED:
            self._start(machine)

    def is_running(self, droplet_id: int) -> bool:
        return self._find(droplet_id).process is not None

    def power_on(self, droplet_id: int) -> None:
        self._start(self._find(droplet_id))

    def shutdown(self, droplet_id: int) -> None:
        machine = self._find(droplet_id)
        before = machine.process
        if before is not None:
            self._in_background(lambda: self._insist(machine, before, POWER_OFF), f"shutdown {droplet_id}")

    def power_off(self, droplet_id: int) -> None:
        self._stop(self._find(droplet_id))

    def reboot(self, droplet_id: int) -> None:
        machine = self._find(droplet_id)
        before = machine.process
        if before is None:
            self._start(machine)
            return
        self._in_background(lambda: self._reboot(machine, before), f"reboot {droplet_id}")

    def rebuild(self, droplet_id: int, image: str) -> None:
        machine = self._find(droplet_id)
        with machine.lock:
            self._stop(machine)
            machine.disk.wipe()
            machine.spec = replace(machine.spec, image=image)
            machine.disk = self._new_disk(machine.spec, image)
            self._start(machine)

    def destroy(self, droplet_id: int) -> None:
        machine = self._machines.get(droplet_id)
        if machine is None:
            return
        with machine.lock:
            self._stop(machine)
            machine.disk.wipe()
            self._record.gone(ResourceKind.FOLDER, str(machine.disk.folder))
            self._snapshots.release(str(droplet_id))
            self._router.forget(droplet_id)
            del self._machines[droplet_id]

    def snapshot(self, droplet_id: int, key: str) -> int:
        machine = self._find(droplet_id)
        if machine.process is None:
            return self._snapshots.add(key, machine.disk)
        with cgroups.frozen(self._cgroup(droplet_id)):
            return self._snapshots.add(key, machine.disk)

    def delete_snapshot(self, key: str) -> None:
        self._snapshots.delete(key)

    def close(self) -> None:
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(self.destroy, list(self._machines)))

    def console(self, droplet_id: int) -> Path:
        """Return the file with everything that the droplet has printed on its console."""
        return nspawn_logs.console(self._folder, droplet_id)

    def _find(self, droplet_id: int) -> _Machine:
        machine = self._machines.get(droplet_id)
        if machine is None:
            message = f"there is no machine for droplet {droplet_id}"
            raise MachineFailure(message)
        return machine

    def _cgroup(self, droplet_id: int) -> str:
        return f"{self._router.cgroup}/{droplet_id}"

    def _new_disk(self, spec: MachineSpec, image: str) -> Disk:
        layers = self._layers(image)
        disk = Disk(folder=self._folder / "droplets" / str(spec.droplet_id), lower=layers)
        if disk.folder.exists():
            message = f"the disk of droplet {spec.droplet_id} exists already"
            raise MachineFailure(message)
        self._snapshots.use(str(spec.droplet_id), layers)
        self._record.will_make(ResourceKind.FOLDER, str(disk.folder))
        disk.make()
        disk.note_layers()
        (disk.folder / nspawn_logs.NAME_FILE).write_text(spec.name, encoding="utf-8")
        return disk

    def _layers(self, image: str) -> tuple[Path, ...]:
        """Return the layers of an image, after building its base image if needed."""
        if image == debian.SLUG:
            return (self._base,)
        layers = self._snapshots.layers(image)
        if layers is not None:
            return layers
        message = self.check_image(image)
        if message is not None:
            raise MachineFailure(message)
        try:
            return (bases.base_image(image),)
        except BakeryError as error:
            message = f"the base image {image} cannot be built: {error}"
            raise MachineFailure(message) from error

    def _start(self, machine: _Machine) -> None:
        with machine.lock:
            if machine.process is not None:
                return
            try:
                machine.process = self._boot(machine)
            except (BakeryError, OSError) as error:
                self._stop(machine)
                message = f"droplet {machine.spec.droplet_id} does not start: {error}"
                raise MachineFailure(message) from error
            process = machine.process
        self._in_background(lambda: self._watch(machine, process), f"droplet {machine.spec.droplet_id}")

    def _boot(self, machine: _Machine) -> Process:
        spec = machine.spec
        veths = veth_pairs(spec)
        name = self._router.plan.namespace(spec.droplet_id)
        leftover = nspawn_leftovers.name(name, machine.disk.upper)
        self._record.will_make(ResourceKind.NSPAWN, leftover)
        nspawn_leftovers.remove(leftover)
        write_seed(spec, machine.disk.folder / "seed")
        boot = nspawn_process.Boot(
            machine=name,
            namespace=self._router.attach(spec.droplet_id, veths, spec.dns),
            interfaces=[veth.guest for veth in veths],
            disk=machine.disk,
            seed=machine.disk.folder / "seed",
            boot_fault=self._boot_faults.pop(spec.droplet_id, None),
        )
        cgroup = self._cgroup(spec.droplet_id)
        self._record.will_make(ResourceKind.CGROUP, cgroup)
        groups = cgroups.make(cgroup, memory=spec.memory)
        self._boot_order.begin(cgroup, memory=spec.memory, droplet_id=spec.droplet_id)
        console = self.console(spec.droplet_id)
        ensure_private_folder(console.parent)
        (machine.disk.folder / nspawn_process.ENDED).unlink(missing_ok=True)
        process = start(nspawn_process.boot_command(boot, groups), output=console)
        nspawn_process.note_start(process, machine.disk.folder)
        return process

    def _stop(self, machine: _Machine) -> None:
        """Kill the machine's processes and remove its network. Idempotent."""
        with machine.lock:
            process, machine.process = machine.process, None
            cgroup = self._cgroup(machine.spec.droplet_id)
            self._boot_order.end(cgroup)
            end(process, cgroup)
            self._record.gone(ResourceKind.CGROUP, cgroup)
            namespace = self._router.plan.namespace(machine.spec.droplet_id)
            leftover = nspawn_leftovers.name(namespace, machine.disk.upper)
            nspawn_leftovers.remove(leftover)
            self._record.gone(ResourceKind.NSPAWN, leftover)
            self._router.detach(machine.spec.droplet_id, veth_pairs(machine.spec))

    def _watch(self, machine: _Machine, process: Process) -> None:
        """Wait until the machine ends; start it again if the guest rebooted, else it is off."""
        code = process.wait()
        with machine.lock:
            if machine.process is not process:
                return
            self._stop(machine)
            if code == nspawn_process.REBOOTED:
                self._start(machine)
                return
        log.info("droplet %d (%s) has stopped, code %d", machine.spec.droplet_id, machine.spec.name, code)
        for listener in self._listeners:
            listener(machine.spec.droplet_id)

    def _power_cycle(self, machine: _Machine) -> None:
        with machine.lock:
            self._stop(machine)
            self._start(machine)

    def _reboot(self, machine: _Machine, before: Process) -> None:
        if not self._insist(machine, before, REBOOT):
            self._power_cycle(machine)

    def _insist(self, machine: _Machine, before: Process, number: int) -> bool:
        """Send the signal every second until the guest ends: early in a boot systemd ignores it.

        Return False if the guest still runs after ``ORDERLY_SECONDS``.
        """

        def ended() -> bool | Pending:
            if machine.process is not before:
                return True
            nspawn_process.signal_guest(self._cgroup(machine.spec.droplet_id), number)
            return Pending("it still runs")

        try:
            return wait_until(ended, what="a guest to end", seconds=ORDERLY_SECONDS, every=1.0)
        except DeadlineError:
            return False

    @staticmethod
    def _in_background(work: Callable[[], object], name: str) -> None:
        threading.Thread(target=work, name=name, daemon=True).start()
