"""An emulator that dies at any point of its life leaves nothing, once it was taken down; and two do not meet."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from bakery.emulator.daemon import lifecycle
from bakery.emulator.daemon.folder import EmulatorDir, EmulatorOptions, emulator_dir, is_alive, new_emulator
from bakery.emulator.daemon.lifecycle import EmulatorRecord
from bakery.emulator.host import cgroups
from bakery.emulator.host.record import ResourceRecord
from bakery.emulator.images import bases
from bakery.emulator.machines.interface import MachineFailure
from bakery.emulator.machines.nspawn_exec import exec_in
from bakery.emulator.network.router import cgroup_of
from bakery.errors import EmulatorError
from bakery.files import ensure_private_folder
from bakery.proc import start
from bakery.wait import Pending, wait_until
from tests.helpers.emulator_lab import host_rules, leftovers

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

CRASHING = Path(__file__).parents[1] / "helpers" / "crashing_emulator.py"
OPTIONS = EmulatorOptions(name="mortal", port=7197, public_range=IPv4Network("100.98.0.0/15"))
TWIN = EmulatorOptions(name="twin", port=7196, public_range=IPv4Network("100.96.0.0/15"))
DROPLET = {"name": "demo-1", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-12-x64"}
FAR = 100
"""More lines than the record gets before a droplet runs."""


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """State folders of the test's own; the base image stays where it is."""
    base = bases.base_image()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "bakery").symlink_to(base.parents[1])
    yield
    lifecycle.down(OPTIONS.name)
    lifecycle.down(TWIN.name)


def live_and_die(place: EmulatorDir, lines: int, number: signal.Signals) -> EmulatorRecord:
    """An emulator that makes a droplet and gets the signal when its record has so many lines, until its end."""
    planned = new_emulator(OPTIONS)
    ensure_private_folder(place.folder)
    place.write(planned)
    process = start([sys.executable, CRASHING, place.folder, str(lines), str(int(number))], output=place.log)

    def ready_or_dead() -> EmulatorRecord | Pending | None:
        if process.poll() is not None:
            return None
        return lifecycle.find_running(OPTIONS.name) or Pending("it does not answer")

    running = wait_until(ready_or_dead, what="the emulator", seconds=60, every=0.02)
    if running is not None:
        make_droplet(running)
        if lines == FAR:
            process.terminate()
    wait_until(
        lambda: Pending("it lives") if process.poll() is None else True, what="its end", seconds=120, every=0.02
    )
    return planned


def make_droplet(running: EmulatorRecord) -> None:
    """A droplet whose guest is under way, unless the emulator dies over it."""
    try:
        lifecycle.ask(running, "/v2/droplets", body=DROPLET)
        wait_until(
            lambda: True if lifecycle.status(running)["running"] else Pending("it is not active"),
            what="a droplet",
            seconds=60,
            every=0.02,
        )
    except EmulatorError:
        return


def found(planned: EmulatorRecord, place: EmulatorDir) -> dict[str, list[str]]:
    return {kind: names for kind, names in leftovers(planned.network, place.folder).items() if names}


def lines_of_a_whole_life(place: EmulatorDir) -> int:
    """How many lines the record has when a droplet runs; and, as a control, that all of it was there."""
    running = lifecycle.up(OPTIONS)
    make_droplet(running)
    there = found(running, place)
    assert {"namespaces", "links", "routes", "cgroups", "processes", "disks"} <= set(there)
    lines = len((place.folder / "record.jsonl").read_text().splitlines())
    assert lifecycle.down(OPTIONS.name)
    assert found(running, place) == {}
    return lines


@pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.e2e_sweep)])
def test_killed_at_a_step_of_up_and_of_a_droplets_creation(own_home: None, stride: int) -> None:
    """SIGKILL at lines of the record, each written before its thing is made and after the one before."""
    rules, place = host_rules(), emulator_dir(OPTIONS.name)
    left = []
    for line in range(stride, lines_of_a_whole_life(place) + 1, stride):
        planned = live_and_die(place, line, signal.SIGKILL)
        left.append(len(found(planned, place)))
        lifecycle.down(OPTIONS.name)
        assert found(planned, place) == {}, f"killed at line {line}"
    assert max(left) >= 6  # control: what a crash leaves is there before the down
    assert host_rules() == rules


@pytest.mark.parametrize("line", [2, 5, 8, FAR])
def test_terminated_on_the_way_it_removes_everything_itself(own_home: None, line: int) -> None:
    place = emulator_dir(OPTIONS.name)
    planned = live_and_die(place, line, signal.SIGTERM)
    assert found(planned, place) == {}
    assert place.record.resources() == ()
    assert place.read() is None


def test_a_record_that_forgets_would_be_noticed(own_home: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of the two above: with an empty record things are left, and the comparison finds them."""
    place = emulator_dir(OPTIONS.name)
    planned = live_and_die(place, lines=8, number=signal.SIGKILL)
    with monkeypatch.context() as broken:
        broken.setattr(ResourceRecord, "resources", lambda record: ())
        broken.setattr(ResourceRecord, "clear", lambda record: None)
        lifecycle.down(OPTIONS.name)
    assert found(planned, place) != {}
    lifecycle.down(OPTIONS.name)
    assert found(planned, place) == {}


def test_two_emulators_do_not_meet(own_home: None) -> None:
    """The same droplet ids and VPC addresses in both; taking one down leaves the other alone."""
    both = [lifecycle.up(OPTIONS), lifecycle.up(TWIN)]
    for running in both:
        lifecycle.ask(running, "/v2/droplets", body={**DROPLET, "name": running.name})
    one, two = (droplet_of(running) for running in both)
    assert one["id"] == two["id"]
    ours, theirs = (
        {each["type"]: each["ip_address"] for each in droplet["networks"]["v4"]} for droplet in (one, two)
    )
    assert ours["private"] == theirs["private"]
    for running, addresses in zip(both, (ours, theirs), strict=True):
        wait_until(partial(listens, addresses["public"]), what="sshd", seconds=60, every=0.2)
        cgroup = f"{cgroup_of(running.network)}/{one['id']}"
        assert exec_in(cgroup, ["hostname"]).stdout == f"{running.name}\n"

    assert lifecycle.down(OPTIONS.name)
    assert found(both[0], emulator_dir(OPTIONS.name)) == {}
    assert lifecycle.find_running(TWIN.name) == both[1]
    assert listens(theirs["public"]) is True


def test_droplets_run_on_when_the_emulator_is_killed(own_home: None) -> None:
    """No guest boots again; the account, its token and what the API can do are as before."""
    running, place = lifecycle.up(OPTIONS), emulator_dir(OPTIONS.name)
    make_droplet(running)
    first = droplet_of(running)
    guest = f"{cgroup_of(running.network)}/{first['id']}"
    wait_until(partial(booted, guest), what="the guest", seconds=60, every=0.1)
    ways = ways_in(running, first["id"])
    for address in ways:
        wait_until(partial(greets, address), what=f"sshd by {address}", seconds=60, every=0.2)
    began = exec_in(guest, ["stat", "-c", "%Y", "/proc/1"]).stdout, cgroups.guest_init(guest)
    os.kill(running.pid, signal.SIGKILL)
    wait_until(lambda: Pending("alive") if is_alive(running) else True, what="its end", seconds=30, every=0.02)
    with pytest.raises(EmulatorError):
        lifecycle.status(running)

    resumed = lifecycle.resume(OPTIONS.name)
    assert (resumed.token, resumed.id) == (running.token, running.id)
    assert resumed.pid != running.pid
    assert droplet_of(resumed) == first
    assert (exec_in(guest, ["stat", "-c", "%Y", "/proc/1"]).stdout, cgroups.guest_init(guest)) == began
    for address in ways:
        wait_until(partial(greets, address), what=f"sshd by {address}", seconds=60, every=0.2)

    # A guest that reboots, and one that ends, of a process that is not the emulator's child.
    assert exec_in(guest, ["systemctl", "reboot"]).returncode == 0
    wait_until(
        lambda: Pending("the old boot") if cgroups.guest_init(guest) in {None, began[1]} else True,
        what="another boot",
        seconds=60,
        every=0.1,
    )
    wait_until(partial(booted, guest), what="the guest", seconds=60, every=0.1)
    assert lifecycle.restart(OPTIONS.name).pid != resumed.pid
    exec_in(guest, ["systemctl", "poweroff"])
    wait_until(
        lambda: True if status_of(resumed, first["id"]) == "off" else Pending("on"),
        what="the droplet to be off",
        seconds=60,
        every=0.1,
    )
    lifecycle.ask(resumed, f"/v2/droplets/{first['id']}/actions", body={"type": "snapshot", "name": "kept"})
    # Listed a moment before it is on the disk: the work of an action is saved after it.
    wait_until(
        lambda: True if '"kept"' in place.account.read_text(encoding="utf-8") else Pending("none"),
        what="a saved snapshot",
        seconds=60,
        every=0.1,
    )
    lifecycle.restart(OPTIONS.name)
    (kept,) = lifecycle.ask(resumed, "/v2/snapshots")["snapshots"]
    lifecycle.ask(resumed, "/v2/droplets", body={**DROPLET, "name": "copy", "image": int(kept["id"])})
    wait_until(
        lambda: True if lifecycle.status(resumed)["running"] else Pending("not active"), what="a copy", seconds=60
    )
    assert lifecycle.down(OPTIONS.name)
    assert found(running, place) == {}
    assert not place.account.exists()


def test_nothing_to_go_on_with_is_said(own_home: None) -> None:
    with pytest.raises(EmulatorError, match="there is nothing to resume of the emulator mortal"):
        lifecycle.resume(OPTIONS.name)


def booted(cgroup: str) -> bool | Pending:
    try:
        done = exec_in(cgroup, ["test", "-e", "/run/cloud-init/result.json"])
    except MachineFailure as error:
        return Pending(str(error))
    return True if done.returncode == 0 else Pending("cloud-init runs")


def status_of(running: EmulatorRecord, droplet_id: int) -> str:
    return str(lifecycle.ask(running, f"/v2/droplets/{droplet_id}")["droplet"]["status"])


def droplet_of(running: EmulatorRecord) -> dict[str, Any]:
    """The one droplet, active."""

    def active() -> dict[str, Any] | Pending:
        (droplet,) = lifecycle.ask(running, "/v2/droplets")["droplets"]
        return dict(droplet) if droplet["status"] == "active" else Pending("it is not active")

    return wait_until(active, what="a droplet", seconds=60, every=0.1)


def greets(address: str) -> bool | Pending:
    """Whether sshd says its name there: a load balancer alone accepts connections too."""
    with suppress(OSError), socket.create_connection((address, 22), timeout=2) as client:
        if client.recv(16).startswith(b"SSH-2.0"):
            return True
    return Pending(f"{address} does not greet")


def ways_in(running: EmulatorRecord, droplet_id: int) -> list[str]:
    """The addresses of a load balancer and a reserved IP that both lead to the droplet's sshd."""
    rule = {"entry_protocol": "tcp", "entry_port": 22, "target_protocol": "tcp", "target_port": 22}
    check = {"protocol": "tcp", "port": 22, "check_interval_seconds": 3, "healthy_threshold": 2}
    body = {"name": "ssh", "region": "fra1", "droplet_ids": [droplet_id], "forwarding_rules": [rule]}
    lifecycle.ask(running, "/v2/load_balancers", body={**body, "health_check": check})
    lifecycle.ask(running, "/v2/reserved_ips", body={"droplet_id": droplet_id})

    def balancer() -> str | Pending:
        (found,) = lifecycle.ask(running, "/v2/load_balancers")["load_balancers"]
        return str(found["ip"]) or Pending(f"it is {found['status']}")

    first = wait_until(balancer, what="the load balancer", seconds=30, every=0.1)
    return [first, lifecycle.ask(running, "/v2/reserved_ips")["reserved_ips"][0]["ip"]]


def listens(address: str) -> bool | Pending:
    """Whether sshd answers there, from the host."""
    with socket.socket() as client:
        client.settimeout(2)
        return True if client.connect_ex((address, 22)) == 0 else Pending(f"{address} does not listen")
