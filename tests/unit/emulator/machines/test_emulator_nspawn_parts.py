"""The pure parts of a booting machine: its words, its overlay, the hierarchies it joins, and its base image."""

import os
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from bakery.emulator.host import cgroups
from bakery.emulator.host.cgroups import parse_mountinfo
from bakery.emulator.host.record import ResourceRecord
from bakery.emulator.images import bases, debian
from bakery.emulator.images.apt_sources import Source
from bakery.emulator.machines.nspawn import NspawnMachines
from bakery.emulator.machines.nspawn_disk import Disk
from bakery.emulator.machines.nspawn_process import Boot, boot_command
from bakery.emulator.network.plan import NetworkPlan
from bakery.emulator.network.router import Router

HYBRID = """\
30 24 0:26 / /sys/fs/cgroup rw,relatime shared:9 - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/memory rw,relatime shared:10 - cgroup cgroup rw,memory
32 30 0:28 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
33 30 0:29 / /sys/fs/cgroup/unified rw,relatime shared:12 - cgroup2 cgroup2 rw
40 24 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
"""
UNIFIED = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


def test_every_hierarchy_of_a_hybrid_machine_is_found() -> None:
    found = [(str(hierarchy.mount), hierarchy.unified) for hierarchy in parse_mountinfo(HYBRID)]
    assert found == [
        ("/sys/fs/cgroup/memory", False),
        ("/sys/fs/cgroup/systemd", False),
        ("/sys/fs/cgroup/unified", True),
    ]


def test_a_machine_with_version_2_alone_has_one() -> None:
    assert [str(hierarchy.mount) for hierarchy in parse_mountinfo(UNIFIED)] == ["/sys/fs/cgroup"]


def test_the_newest_layer_comes_first_and_separators_are_escaped() -> None:
    """https://docs.kernel.org/filesystems/overlayfs.html, "Multiple lower layers"."""
    disk = Disk(folder=Path("/state/a:b"), lower=(Path("/state/snap,1"), Path("/base")))
    assert disk.mount_options() == (
        r"lowerdir=/state/snap\,1:/base,upperdir=/state/a\:b/upper,workdir=/state/a\:b/work"
    )


def test_the_words_that_boot_a_machine() -> None:
    disk = Disk(folder=Path("/state/droplets/1001"), lower=(Path("/base"),))
    boot = Boot(
        machine="bk-3f2a-1001",
        namespace="bk-3f2a-1001",
        interfaces=("eth0", "eth1"),
        disk=disk,
        seed=Path("/seed"),
    )
    words = boot_command(boot, [Path("/cg/memory/x"), Path("/cg/systemd/x")])
    assert words[:2] == ["sh", "-ec"]
    assert words[4:6] == ["/cg/memory/x /cg/systemd/x", "/run/netns/bk-3f2a-1001"]
    assert words[7:] == [
        "lowerdir=/base,upperdir=/state/droplets/1001/upper,workdir=/state/droplets/1001/work",
        "/state/droplets/1001/root",
        "/seed",
        "bk-3f2a-1001",
        "/state/droplets/1001/docker",
        "/state/droplets/1001/exit-code",
        "/state/droplets/1001/modules",
        "/state/droplets/1001/modules",
        "--network-interface=eth0",
        "--network-interface=eth1",
    ]
    for option in ("--keep-unit", "--register=no", "--system-call-filter=@keyring", "--system-call-filter=bpf"):
        assert option in words[6]


SOURCE = Source(uris=("http://mirror.example/debian",), suites=("bookworm",), components=("main",))


def test_another_recipe_or_source_is_another_base(monkeypatch: pytest.MonkeyPatch) -> None:
    first = bases.digest([SOURCE])
    assert bases.digest([SOURCE]) == first
    assert bases.digest([replace(SOURCE, uris=("http://other.example/debian",))]) != first
    monkeypatch.setattr(debian, "PACKAGES", (*debian.PACKAGES, "jq"))
    assert bases.digest([SOURCE]) != first


def test_the_base_holds_nothing_that_the_bake_brings() -> None:
    assert not {"docker.io", "consul", "nomad", "containernetworking-plugins"} & set(debian.PACKAGES)


def test_mmdebstrap_reads_the_sources_from_a_file() -> None:
    words = bases.mmdebstrap_command("bookworm", Path("/cache/half"), Path("/cache/listing.sources"))
    assert words[0] == "mmdebstrap"
    assert words[-3:] == ["bookworm", "/cache/half", "/cache/listing.sources"]


def test_an_images_own_module_lists_win_over_the_bases() -> None:
    """cloud-init reads cloud.cfg.d in the order of names; a bake's file is called 95-something."""
    lists = [file.path for file in debian.FILES if "_modules:" in file.text]
    assert lists == ["/etc/cloud/cloud.cfg.d/10-emulator-modules.cfg"]
    assert lists[0] < "/etc/cloud/cloud.cfg.d/95-bakery.cfg"
    assert all("_modules:" not in file.text for file in debian.FILES if "/99-" in file.path)


def test_what_can_be_booted_and_why_not(tmp_path: Path) -> None:
    record = ResourceRecord(tmp_path / "record.jsonl")
    plan = NetworkPlan(id="3f2a", range=IPv4Network("198.18.0.0/15"))
    router = Router(plan, folder=tmp_path, record=record)
    machines = NspawnMachines(folder=tmp_path, router=router, record=record, base=tmp_path)
    assert machines.check_image("debian-12-x64") is None
    assert machines.check_image("debian-13-x64") is None
    assert machines.check_image("ubuntu-24-04-x64") == (
        "ubuntu-24-04-x64 cannot be built from Debian's packages; use debian-12-x64, debian-13-x64, "
        "or a snapshot of this account"
    )


def test_a_cgroup_that_vanishes_during_the_look_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd in the guest removes the groups of services that have ended, at any moment."""
    hierarchy = cgroups.Hierarchy(mount=tmp_path, unified=True)
    monkeypatch.setattr(cgroups, "hierarchies", lambda: (hierarchy,))
    for name, pid in (("", 1), ("a", 2), ("b", 3)):
        folder = tmp_path / "bakery-x" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup.procs").write_text(f"{pid}\n")
    assert cgroups.members("bakery-x") == {1, 2, 3}

    scandir = os.scandir

    def vanishing(path: str) -> object:
        if Path(path).name == "a":
            (tmp_path / "bakery-x" / "a" / "cgroup.procs").unlink()
            message = "it has vanished"
            raise FileNotFoundError(message)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", vanishing)
    assert cgroups.members("bakery-x") == {1, 3}
