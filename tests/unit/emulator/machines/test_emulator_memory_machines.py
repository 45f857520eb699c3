"""The machines that are in memory only keep the port's promises."""

import pytest

from bakery.emulator.machines.interface import MachineFailure, Machines, MachineSpec
from bakery.emulator.machines.memory import InMemoryMachines
from bakery.emulator.work.machine_spec import machine_spec
from tests.helpers.emulated import add_droplet, make_state
from tests.helpers.scripted_machines import ScriptedMachines


def make_spec() -> MachineSpec:
    state = make_state()
    droplet, _ = add_droplet(state)
    return machine_spec(state, droplet)


def test_they_are_machines() -> None:
    machines: Machines = InMemoryMachines()
    assert machines.check_image("debian-12-x64") is None


def test_a_machine_runs_until_it_is_stopped() -> None:
    machines, spec = InMemoryMachines(), make_spec()
    machines.create(spec)
    assert machines.is_running(spec.droplet_id)

    machines.shutdown(spec.droplet_id)
    assert not machines.is_running(spec.droplet_id)

    machines.power_on(spec.droplet_id)
    assert machines.is_running(spec.droplet_id)

    machines.power_off(spec.droplet_id)
    assert not machines.is_running(spec.droplet_id)


def test_destroy_is_idempotent_and_leaves_nothing() -> None:
    machines, spec = InMemoryMachines(), make_spec()
    machines.create(spec)
    machines.destroy(spec.droplet_id)
    machines.destroy(spec.droplet_id)

    assert not machines.is_running(spec.droplet_id)
    assert machines.machines == {}
    with pytest.raises(MachineFailure):
        machines.power_on(spec.droplet_id)


def test_a_snapshot_is_an_image_until_it_is_deleted() -> None:
    machines, spec = InMemoryMachines(), make_spec()
    machines.create(spec)

    assert machines.snapshot(spec.droplet_id, "snapshot-1") == 2 * 1024**3
    assert machines.check_image("snapshot-1") is None
    machines.delete_snapshot("snapshot-1")
    machines.delete_snapshot("snapshot-1")
    assert machines.check_image("snapshot-1") == "snapshot-1 is gone"


def test_scripted_machines_fail_as_a_test_asks() -> None:
    machines, spec = ScriptedMachines(unbootable=("debian-13-x64",)), make_spec()
    machines.fail("create", "no space left", times=2)

    for _ in range(2):
        with pytest.raises(MachineFailure, match="no space left"):
            machines.create(spec)
    machines.create(spec)
    assert machines.calls["create"] == 3
    assert machines.check_image("debian-13-x64") == "debian-13-x64 cannot boot here"
