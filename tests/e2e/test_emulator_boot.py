"""Droplets that boot, seen from outside and inside; and nothing of them left afterwards."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.emulator.account.settings import VENDOR_DATA
from bakery.emulator.daemon import lifecycle
from bakery.emulator.daemon.folder import emulator_dir, is_alive, parse_options
from bakery.emulator.host.record import ResourceKind
from bakery.emulator.images import bases
from bakery.emulator.machines.interface import MachineFailure
from bakery.emulator.machines.nspawn_logs import journal
from bakery.errors import EmulatorError
from bakery.proc import run
from bakery.wait import Pending, wait_until
from tests.helpers.emulator_lab import Lab, host_rules, leftovers, running_lab

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

LAB_RANGE = "100.96.0.0/15"  # beside an emulator on the default range; RFC 6598
OTHER_RANGE = "100.98.0.0/15"
ONE, TWO, FOREIGN, COPY, PRIVATE = 1001, 1002, 1003, 1004, 1005


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Droplets 1 and 2 in one VPC and 3 in another, booted. At the end nothing is left."""
    folder = tmp_path_factory.mktemp("lab")
    rules = host_rules()
    with running_lab(folder, LAB_RANGE) as lab:
        lab.boot(lab.spec(1, vendor_data=VENDOR_DATA), lab.spec(2), lab.spec(3, vpc="vpc-b", third=1))
        up = leftovers(lab.plan, folder)
        assert all(up[kind] for kind in ("namespaces", "links", "routes", "cgroups", "processes", "disks"))
        yield lab
    assert {kind: found for kind, found in leftovers(lab.plan, folder).items() if found} == {}
    assert host_rules() == rules


def _public(lab: Lab, number: int) -> str:
    return str(lab.plan.range[10 + number])


def test_root_logs_in_with_the_registered_key(lab: Lab) -> None:
    done = lab.ssh(_public(lab, 1), "hostname", "&&", "cat", "/root/done")
    assert (done.returncode, done.stdout) == (0, "demo-1\n")


def test_another_key_does_not_open_it(lab: Lab, tmp_path: Path) -> None:
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"])
    flags = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"]
    done = run(["ssh", "-i", tmp_path / "other", *flags, f"root@{_public(lab, 1)}", "true"], check=False)
    assert done.returncode == 255
    assert "Permission denied" in done.stderr


def test_addresses_are_where_digitalocean_has_them(lab: Lab) -> None:
    """eth0: public and anchor; eth1: VPC (reference: droplet networking)."""
    shown = json.loads(lab.sh(ONE, "ip -json -4 addr").stdout)
    found = {
        link["ifname"]: {f"{each['local']}/{each['prefixlen']}" for each in link["addr_info"]} for link in shown
    }
    assert found["eth0"] == {f"{_public(lab, 1)}/15", "10.17.0.11/16"}
    assert found["eth1"] == {"10.100.0.11/24"}


def test_a_droplet_knows_its_own_name_by_its_vendor_data(lab: Lab) -> None:
    assert lab.sh(ONE, "hostname -f").stdout == "demo-1\n"
    assert lab.sh(TWO, "hostname -f").returncode != 0  # control: without it, Debian does not


def test_the_kernel_s_bridge_is_listed_and_no_disk_holds_the_list(lab: Lab) -> None:
    """Nomad looks for this very line (client/fingerprint/bridge_linux.go)."""
    file = "/lib/modules/$(uname -r)/modules.builtin"
    assert lab.sh(ONE, f"cat {file}").stdout == "kernel/net/bridge/bridge.ko\n"
    assert lab.sh(ONE, f"umount /lib/modules/* && cat {file}").returncode != 0  # control: it was a mount


def test_no_unit_failed(lab: Lab) -> None:
    assert lab.sh(ONE, "systemctl --failed --no-legend --plain").stdout == ""


def test_the_base_holds_nothing_that_the_bake_brings(lab: Lab) -> None:
    for program in ("docker", "dockerd", "containerd", "consul", "nomad"):
        assert lab.sh(TWO, f"command -v {program}").returncode != 0
    assert lab.sh(TWO, "ls -d /opt/cni").returncode != 0
    assert lab.sh(TWO, "command -v curl").returncode == 0  # control: the same question has a yes


def test_the_metadata_service_sees_who_asks(lab: Lab) -> None:
    assert lab.sh(ONE, "curl -sS -m 5 http://169.254.169.254/").stdout == _public(lab, 1)
    assert lab.sh(TWO, "curl -sS -m 5 http://169.254.169.254/").stdout == _public(lab, 2)


def test_a_foreign_source_address_goes_nowhere(lab: Lab) -> None:
    """Droplet 1 takes droplet 2's address: https://docs.digitalocean.com/products/droplets/details/limits/.

    Counted where the packets would arrive: an answer would go to droplet 2 in any case.
    """
    foreign = _public(lab, 2)
    lab.sh(ONE, f"ip addr add {foreign}/32 dev eth0")
    try:
        before = _echoes(lab, FOREIGN)
        lab.sh(ONE, f"ping -c 2 -W 1 -I {foreign} {_public(lab, 3)}")
        assert _echoes(lab, FOREIGN) == before
        lab.sh(ONE, f"ping -c 2 -W 5 -I {_public(lab, 1)} {_public(lab, 3)}")
        assert _echoes(lab, FOREIGN) == before + 2  # control: with its own address they arrive
    finally:
        lab.sh(ONE, f"ip addr del {foreign}/32 dev eth0")


def test_the_metadata_service_hears_no_foreign_source(lab: Lab) -> None:
    foreign = _public(lab, 2)
    lab.sh(ONE, f"ip addr add {foreign}/32 dev eth0")
    try:
        lab.heard.clear()
        done = lab.sh(ONE, f"curl -sS -m 3 --interface {foreign} http://169.254.169.254/")
        assert done.returncode == 28  # curl(1): time-out
        assert lab.heard == []
    finally:
        lab.sh(ONE, f"ip addr del {foreign}/32 dev eth0")


def test_droplets_of_one_vpc_reach_each_other_and_no_other_vpc(lab: Lab) -> None:
    """Counted where the packets would arrive: the other VPC has no way back for an answer."""
    assert lab.sh(ONE, "ping -c 1 -W 5 10.100.0.12").returncode == 0
    before = _echoes(lab, FOREIGN)
    for way in ("dev eth1", "via 10.100.0.12", f"via {lab.plan.gateway}"):
        lab.sh(ONE, f"ip route replace 10.100.1.0/24 {way}")
        assert lab.sh(ONE, "ping -c 1 -W 2 10.100.1.13").returncode == 1
    assert _echoes(lab, FOREIGN) == before
    assert lab.sh(ONE, f"ping -c 1 -W 5 {_public(lab, 3)}").returncode == 0  # by public addresses
    assert _echoes(lab, FOREIGN) == before + 1  # control: the counter counts


def _echoes(lab: Lab, droplet_id: int) -> int:
    """How many echo requests have reached the droplet (proc(5), /proc/net/snmp)."""
    names, values = (line.split() for line in lab.sh(droplet_id, "grep ^Icmp: /proc/net/snmp").stdout.splitlines())
    return int(dict(zip(names, values, strict=True))["InEchos"])


def test_a_droplet_reaches_the_package_sources_of_the_host(lab: Lab) -> None:
    done = lab.sh(ONE, "apt-get update -o APT::Update::Error-Mode=any")
    assert (done.returncode, "Reading package lists" in done.stdout) == (0, True)


def test_docker_runs_and_a_snapshot_carries_it_but_no_seed(lab: Lab) -> None:
    assert lab.sh(ONE, _DOCKER).stdout.splitlines()[-1] == "out of a container"
    size = lab.machines.snapshot(ONE, "snapshot-1")
    assert size > 100 * 1024**2
    layer = lab.folder / "snapshots" / "snapshot-1"
    assert not (layer / "var/lib/cloud/seed/config_drive").exists()
    assert list((layer / "var/lib/docker").iterdir()) == []
    assert (lab.folder / "droplets" / str(ONE) / "upper/var/lib/cloud/seed/config_drive").exists()  # control

    lab.boot(lab.spec(4, image="snapshot-1"))
    assert lab.sh(COPY, "hostname; docker info --format {{.Driver}}").stdout.split() == ["demo-4", "overlay2"]
    lab.machines.delete_snapshot("snapshot-1")
    assert lab.machines.check_image("snapshot-1") is not None
    assert lab.sh(COPY, "docker --version").returncode == 0  # its disk still stands on the layer
    lab.machines.destroy(COPY)
    assert [path for path in (lab.folder / "snapshots").iterdir() if path.is_dir()] == []


_DOCKER = """
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get install -y -q --no-install-recommends docker.io busybox-static >/dev/null 2>&1
mkdir -p /tmp/image/bin
cp /bin/busybox /tmp/image/bin/
tar -C /tmp/image -c . | docker import - tiny >/dev/null
docker run --rm tiny /bin/busybox echo out of a container
"""


def test_reboot_keeps_the_disk_and_runs_user_data_once(lab: Lab) -> None:
    lab.sh(TWO, "touch /root/kept; rm /root/done")
    before = lab.sh(
        TWO, "cat /proc/sys/kernel/random/boot_id; systemctl show -p UserspaceTimestampMonotonic"
    ).stdout
    lab.machines.reboot(TWO)
    _wait_changed(lab, before)
    lab.wait_done(TWO)
    assert lab.sh(TWO, "ls /root").stdout.split() == ["kept"]
    assert lab.sh(TWO, "journalctl --list-boots --no-pager | wc -l").stdout.strip() in {"2", "3"}


def test_a_guest_that_reboots_itself_comes_back(lab: Lab) -> None:
    before = lab.sh(TWO, "systemctl show -p UserspaceTimestampMonotonic").stdout
    lab.sh(TWO, "systemctl reboot")
    _wait_changed(lab, before)
    lab.wait_done(TWO)


def test_off_is_off_and_on_again(lab: Lab) -> None:
    lab.machines.shutdown(TWO)
    wait_until(
        lambda: Pending("it runs") if lab.machines.is_running(TWO) else True, what="an orderly end", seconds=120
    )
    with pytest.raises(MachineFailure):
        lab.sh(TWO, "true")
    assert lab.sh(ONE, "ping -c 1 -W 2 10.100.0.12").returncode == 1
    lab.machines.power_on(TWO)
    lab.wait_done(TWO)
    lab.machines.power_off(TWO)
    assert not lab.machines.is_running(TWO)
    assert [line for line in leftovers(lab.plan, lab.folder)["processes"] if str(TWO) in line] == []
    lab.machines.power_on(TWO)
    lab.wait_done(TWO)
    assert "Reached target" in journal(lab.folder / "droplets" / str(TWO))
    assert lab.machines.console(TWO).stat().st_mode & 0o777 == 0o600


def test_rebuild_starts_from_the_image_again(lab: Lab) -> None:
    lab.sh(TWO, "touch /root/kept")
    lab.machines.rebuild(TWO, "debian-12-x64")
    lab.wait_done(TWO)
    assert lab.sh(TWO, "ls /root").stdout.split() == ["done"]


def test_a_droplet_without_public_networking(lab: Lab) -> None:
    """Its VPC address is on eth0, and it reaches its VPC alone."""
    private = replace(lab.spec(5), public=None, anchor=None)
    lab.boot(private)
    assert "10.100.0.15/24" in lab.sh(PRIVATE, "ip -4 -br addr show eth0").stdout
    assert lab.sh(PRIVATE, "ip link show eth1").returncode == 1
    assert lab.sh(PRIVATE, "ping -c 1 -W 5 10.100.0.11").returncode == 0
    assert lab.sh(PRIVATE, f"ping -c 1 -W 2 {_public(lab, 1)}").returncode != 0
    lab.machines.destroy(PRIVATE)


def test_a_disk_in_use_is_not_taken_again(lab: Lab) -> None:
    with pytest.raises(MachineFailure, match="exists already"):
        lab.machines.create(lab.spec(1))
    assert lab.machines.is_running(ONE)


def test_destroy_leaves_nothing_of_the_droplet(lab: Lab) -> None:
    lab.machines.destroy(FOREIGN)
    lab.machines.destroy(FOREIGN)
    left = leftovers(lab.plan, lab.folder)
    assert [line for lines in left.values() for line in lines if str(FOREIGN) in line] == []
    assert [
        resource
        for resource in lab.record.resources()
        if str(FOREIGN) in resource.name and resource.kind is not ResourceKind.LINK
    ] == []


def _wait_changed(lab: Lab, before: str) -> None:
    def changed() -> bool | Pending:
        try:
            now = lab.sh(TWO, "systemctl show -p UserspaceTimestampMonotonic").stdout
        except MachineFailure:
            return Pending("it is not running")
        return True if now and now not in before else Pending("it still runs the old boot")

    wait_until(changed, what="the droplet to boot again", seconds=120)


BAKERY = Path(sys.executable).with_name("bakery")


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A state folder of the test's own; the base image stays where it is."""
    base = bases.bases_folder()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(bases, "bases_folder", lambda: base)
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "bakery").symlink_to(base.parent)
    yield "crash"
    lifecycle.down("crash")


def test_nothing_is_left_after_the_emulator_was_killed(own_home: str) -> None:
    """kill -9 of the emulator with a booting droplet; down, and down again."""
    options = parse_options(name=own_home, port=7197, machines="nspawn", public_range=OTHER_RANGE)
    rules = host_rules()
    running = lifecycle.up(options)
    place = emulator_dir(own_home)
    assert lifecycle.up(options) == running
    _create_droplet(running)
    wait_until(
        lambda: True if leftovers(running.network, place.folder)["disks"] else Pending("no droplet yet"),
        what="a droplet to boot",
        seconds=60,
    )
    os.kill(running.pid, signal.SIGKILL)
    wait_until(lambda: Pending("alive") if is_alive(running) else True, what="its end", seconds=30, every=0.05)
    assert lifecycle.find_running(own_home) is None
    left = leftovers(running.network, place.folder)
    assert left["processes"]  # control: a crash does leave things behind
    assert left["namespaces"]

    assert lifecycle.down(own_home)
    assert {kind: found for kind, found in leftovers(running.network, place.folder).items() if found} == {}
    assert host_rules() == rules
    assert not lifecycle.down(own_home)


def test_a_range_in_use_is_refused_before_anything_is_made(lab: Lab, own_home: str) -> None:
    options = parse_options(name=own_home, port=7197, machines="nspawn", public_range=LAB_RANGE)
    with pytest.raises(EmulatorError) as caught:
        lifecycle.up(options)
    assert caught.value.message == f"this machine already uses addresses of the range {LAB_RANGE}"
    assert emulator_dir(own_home).record.resources() == ()


def _create_droplet(running: lifecycle.EmulatorRecord) -> None:
    body = {"name": "demo-1", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-12-x64"}
    lifecycle.ask(running, "/v2/droplets", body=body)
