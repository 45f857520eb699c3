"""What the start of a droplet gives to Nomad's look for the bridge: its own script, other programs."""

import os
import subprocess  # noqa: TID251 - the shell that starts a droplet
from pathlib import Path

import pytest

from bakery.emulator.machines.nspawn_disk import Disk
from bakery.emulator.machines.nspawn_process import Boot, boot_command

pytestmark = pytest.mark.integration

RELEASE = os.uname().release


def start(folder: Path, *, bridges: bool) -> list[str]:
    """Run the inner script; the words that systemd-nspawn was given. Without ``bridges`` the kernel makes none."""
    programs, disk = folder / "programs", Disk(folder=folder / "a:b", lower=(folder / "base",))
    programs.mkdir(exist_ok=True)
    for name, script in (
        ("mount", "exit 0"),
        ("ip", f"exit {0 if bridges else 2}"),
        ("systemd-nspawn", f'printf "%s\\n" "$@" > {folder}/words'),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    for made in (disk.root, folder / "seed"):
        made.mkdir(parents=True, exist_ok=True)
    boot = Boot(machine="m", namespace="n", interfaces=("eth0",), disk=disk, seed=folder / "seed")
    inner, *words = boot_command(boot, [])[6:]
    environment = {"PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run(
        ["sh", "-ec", inner, "sh", *words], env=environment, check=True, capture_output=True, timeout=30
    )
    return (folder / "words").read_text().splitlines()


def bound(folder: Path) -> str:
    return f"--bind-ro={folder}/a\\:b/modules:/lib/modules/{RELEASE}"


def test_the_kernel_s_bridge_is_listed_where_nomad_looks(tmp_path: Path) -> None:
    for _ in range(2):  # after a reboot too
        words = start(tmp_path, bridges=True)
        assert words[-2:] == [bound(tmp_path), "--network-interface=eth0"]
    listed = (tmp_path / "a:b" / "modules" / "modules.builtin").read_text()
    assert listed == "kernel/net/bridge/bridge.ko\n"
    assert not (tmp_path / "a:b" / "root" / "lib").exists(), "nothing is written into the guest's disk"


def test_a_kernel_without_bridges_is_not_said_to_have_them(tmp_path: Path) -> None:
    assert not [word for word in start(tmp_path, bridges=False) if word.startswith("--bind-ro")]


def test_an_image_with_modules_of_its_own_keeps_them(tmp_path: Path) -> None:
    own = tmp_path / "a:b" / "root" / "lib" / "modules" / RELEASE
    own.mkdir(parents=True)
    assert bound(tmp_path) in start(tmp_path, bridges=True), "control: an empty folder holds nothing to keep"
    (own / "modules.builtin").write_text("kernel/fs/ext4/ext4.ko\n")
    assert not [word for word in start(tmp_path, bridges=True) if word.startswith("--bind-ro")]
