"""Carries out the API's actions on the machines, and records their results in the account."""

import logging
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future

from bakery.emulator.account.catalog import Size
from bakery.emulator.account.errors import NotFound, Unprocessable
from bakery.emulator.account.images import snapshot_key
from bakery.emulator.account.model import Action, Droplet, Image, ReservedIp
from bakery.emulator.account.state import AccountState
from bakery.emulator.faults.table import Fault, Faults, Outcome
from bakery.emulator.machines.interface import BootFault, Impairment, MachineFailure, Machines, MachineSpec
from bakery.emulator.work.machine_spec import machine_spec
from bakery.emulator.work.queues import Queues
from bakery.errors import DeadlineError
from bakery.wait import Pending, wait_until

log = logging.getLogger("bakery.emulator")

Step = Callable[[], None]

BOOT_FAULTS: dict[Outcome, BootFault] = {"unbootable": "boot", "unconfigured": "cloud-init"}

_FAILURES = (MachineFailure, DeadlineError)


class ActionRunner:
    """Starts work on machines. Every method returns at once; call it with the account's lock held."""

    def __init__(self, state: AccountState, machines: Machines, faults: Faults) -> None:
        self.queues = Queues(state.settings.workers)
        self._state = state
        self._machines = machines
        self._faults = faults
        self._latency = state.settings.latency
        machines.on_stop(self._stopped)

    def create(self, droplet: Droplet, action: Action) -> None:
        """Create the machine. The droplet is active when its boot has begun; after a failure it stays ``new``."""
        spec = machine_spec(self._state, droplet)

        def step() -> None:
            self._machines.create(spec)

        self._run(droplet, action, step, lambda: self._state.droplets.set_active(droplet))

    def power_on(self, droplet: Droplet, action: Action) -> None:
        """Start the boot; the droplet is active then."""
        self._run(droplet, action, lambda: self._machines.power_on(droplet.id), _set_status(droplet, "active"))

    def power_off(self, droplet: Droplet, action: Action) -> None:
        self._run(droplet, action, lambda: self._machines.power_off(droplet.id), _set_status(droplet, "off"))

    def power_cycle(self, droplet: Droplet, action: Action) -> None:
        """Stop the machine and start its boot."""

        def step() -> None:
            self._machines.power_off(droplet.id)
            self._machines.power_on(droplet.id)

        self._run(droplet, action, step, _set_status(droplet, "active"))

    def reboot(self, droplet: Droplet, action: Action) -> None:
        self._run(droplet, action, lambda: self._machines.reboot(droplet.id), _set_status(droplet, "active"))

    def shutdown(self, droplet: Droplet, action: Action) -> None:
        """Ask the guest to stop; the action is errored if it still runs after ``shutdown_timeout_s``."""

        def step() -> None:
            self._machines.shutdown(droplet.id)
            self._wait_stopped(droplet)

        self._run(droplet, action, step, _set_status(droplet, "off"))

    def rebuild(self, droplet: Droplet, action: Action, image: Image) -> None:
        """Replace the droplet's disk by a new one from ``image``, and start the boot."""

        def done() -> None:
            droplet.image_id = image.id
            droplet.status = "active"

        self._run(droplet, action, lambda: self._machines.rebuild(droplet.id, image.key), done)

    def rename(self, droplet: Droplet, action: Action, name: str) -> None:
        """Change the name that the API shows; the guest keeps its host name."""

        def done() -> None:
            droplet.name = name

        self._run(droplet, action, lambda: None, done)

    def resize(self, droplet: Droplet, action: Action, size: Size, *, with_disk: bool) -> None:
        """Change the size that the API shows; the machine keeps the memory it was created with."""

        def done() -> None:
            droplet.size = size.slug
            droplet.disk = size.disk if with_disk else droplet.disk

        self._run(droplet, action, lambda: None, done)

    def snapshot(self, droplet: Droplet, action: Action, name: str) -> None:
        """Take a snapshot; its image is in the account when the action has completed."""
        image_id = self._state.images.new_id()
        disk = droplet.disk
        sizes: list[int] = []

        def step() -> None:
            sizes.append(self._machines.snapshot(droplet.id, snapshot_key(image_id)))

        def done() -> None:
            self._state.images.add_snapshot(image_id, name=name, droplet=droplet, disk=disk, size=sizes[0])

        self._run(droplet, action, step, done)

    def transfer(self, image: Image, action: Action, region: str) -> None:
        """Add the region to the image's regions."""

        def end(outcome: Outcome | None) -> None:
            if outcome is None and region not in image.regions:
                image.regions.append(region)
            self._state.actions.finish(action, errored=outcome is not None)

        self._run_without_machine(("image", image.id), image.name, action, end)

    def assign(self, reserved: ReservedIp, action: Action, droplet_id: int | None) -> None:
        """Point the reserved IP at the droplet, or at none."""

        def end(outcome: Outcome | None) -> None:
            gone = droplet_id is not None and not self._state.droplets.exists(droplet_id)
            errored = outcome is not None or gone
            if not errored:
                reserved.droplet_id = droplet_id
            self._state.reserved_ips.finish_action(reserved, action, errored=errored)

        self._run_without_machine(("reserved IP", reserved.ip), reserved.ip, action, end)

    def destroy(self, droplet: Droplet) -> None:
        """Remove the machine after the work that is queued for it; then free the droplet's addresses."""

        def task() -> None:
            try:
                self._machines.destroy(droplet.id)
            except Exception as error:
                log.exception("droplet %d (%s): its machine could not be removed", droplet.id, droplet.name)
                droplet.failure = str(error)
                return
            with self._state.lock:
                self._state.droplets.left(droplet)

        self.queues.submit(droplet.id, task, delay=self._latency.draw("delete", droplet.name))

    def delete_snapshot(self, image: Image) -> None:
        def task() -> None:
            try:
                self._machines.delete_snapshot(image.key)
            except Exception:
                log.exception("image %d (%s): its snapshot could not be removed", image.id, image.name)

        self.queues.submit(("image", image.id), task)

    @property
    def enforces_firewalls(self) -> bool:
        """Whether the machines enforce the account's firewalls."""
        return self._machines.enforces_firewalls

    def check_image(self, image: Image) -> str | None:
        """Return None if droplets can be created from the image, else the reason, for the API's error."""
        return self._machines.check_image(image.key)

    def impair(self, droplet_id: int, numbers: Mapping[str, float]) -> tuple[Impairment, Future[None]]:
        """Give the droplet's links the impairment whose fields are in ``numbers``.

        The future is done when the impairment is in force. It raises NotFound if the droplet is gone by then, and
        Unprocessable if this machine's kernel cannot impair it so.
        """
        impairment = Impairment(
            loss=numbers.get("loss", 0.0),
            delay_s=numbers.get("delay_s", 0.0),
            rate=int(numbers.get("rate", 0)),
            partition_s=numbers.get("partition_s", 0.0),
        )

        def apply() -> None:
            if not self._state.droplets.exists(droplet_id):
                raise NotFound
            try:
                self._machines.impair(droplet_id, impairment)
            except MachineFailure as error:
                raise Unprocessable(str(error)) from None

        # a queue beside the droplet's own: a partition must not wait for the end of a snapshot or of a shutdown
        return impairment, self.queues.call(("links", droplet_id), apply)

    def specs(self) -> list[MachineSpec]:
        """Return the spec of every droplet that may have a machine."""
        with self._state.lock:
            droplets = [*self._state.droplets.all(), *self._state.droplets.leaving()]
            return [machine_spec(self._state, droplet) for droplet in droplets]

    def resume(self) -> None:
        """Finish the deletions of an earlier emulator, and update statuses, once its machines are adopted."""
        with self._state.lock:
            for droplet in self._state.droplets.leaving():
                self.destroy(droplet)
            for droplet in self._state.droplets.all():
                if droplet.status == "new":
                    droplet.failure = "the emulator ended while the droplet was created"
                elif droplet.status == "active":
                    self._stopped(droplet.id)

    def close(self) -> None:
        """Finish the tasks that run, and start no others."""
        self.queues.close()

    def stop_machines(self) -> None:
        """Stop every machine. Call :meth:`close`, and close the syncs of firewalls and of the edge, first."""
        self._machines.close()

    def _run(self, droplet: Droplet, action: Action, step: Step, done: Step) -> None:
        def task() -> None:
            if not self._state.droplets.exists(droplet.id):
                self._finish(droplet, action, errored=True)
                return
            fault = self._faults.take_action(action.type) or Fault()
            if fault.outcome == "endless":
                return
            try:
                self._execute(droplet, step, fault)
                self.queues.pause(fault.delay_s)
            except Exception as error:
                self._fail(droplet, action, error)
                return
            with self._state.lock:
                done()
                self._state.droplets.finish_action(droplet, action)

        # The machine boots when its droplet becomes active, as at DigitalOcean.
        self.queues.submit(droplet.id, task, delay=self._latency.of_action(action.type, droplet.name))

    def _run_without_machine(
        self, key: Hashable, name: str, action: Action, end: Callable[[Outcome | None], None]
    ) -> None:
        """Call ``end`` when the action of the resource is due, with its fault's outcome, and the lock held."""

        def task() -> None:
            fault = self._faults.take_action(action.type) or Fault()
            self.queues.pause(fault.delay_s)
            if fault.outcome == "endless":
                return
            with self._state.lock:
                end(fault.outcome)

        self.queues.submit(key, task, delay=self._latency.of_action(action.type, name))

    def _stopped(self, droplet_id: int) -> None:
        """Set a droplet off whose guest has stopped by itself, after the tasks that are queued for it."""

        def task() -> None:
            with self._state.lock:
                if not self._state.droplets.exists(droplet_id):
                    return
                droplet = self._state.droplets.get(droplet_id)
                if droplet.status == "active" and not self._machines.is_running(droplet_id):
                    droplet.status = "off"

        self.queues.submit(droplet_id, task)

    def _execute(self, droplet: Droplet, step: Step, fault: Fault) -> None:
        if fault.outcome == "errored":
            message = "a fault was added for this action"
            raise MachineFailure(message)
        if fault.outcome in BOOT_FAULTS:
            self._machines.inject_boot_fault(droplet.id, BOOT_FAULTS[fault.outcome])
        step()
        if fault.outcome == "dead":
            self._machines.power_off(droplet.id)

    def _fail(self, droplet: Droplet, action: Action, error: Exception) -> None:
        trace = None if isinstance(error, _FAILURES) else error
        log.error("droplet %d (%s): %s failed: %s", droplet.id, droplet.name, action.type, error, exc_info=trace)
        if action.type == "create":
            droplet.failure = str(error)
        self._finish(droplet, action, errored=True)

    def _finish(self, droplet: Droplet, action: Action, *, errored: bool) -> None:
        with self._state.lock:
            self._state.droplets.finish_action(droplet, action, errored=errored)

    def _wait_stopped(self, droplet: Droplet) -> None:
        def check() -> Pending | None:
            given_up = self.queues.is_closing or not self._state.droplets.exists(droplet.id)
            if given_up or not self._machines.is_running(droplet.id):
                return None
            return Pending(f"{droplet.name} still runs")

        wait_until(
            check,
            what=f"{droplet.name} to shut down",
            seconds=self._state.settings.shutdown_timeout_s,
            every=0.1,
            clock=self.queues.clock,
        )


def _set_status(droplet: Droplet, status: str) -> Step:
    def done() -> None:
        droplet.status = status

    return done
