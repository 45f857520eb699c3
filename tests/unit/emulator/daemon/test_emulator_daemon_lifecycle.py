"""Checks before anything is made, and the file that says where the running emulator is."""

import json
import os
import shutil
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from bakery.console import SILENT
from bakery.emulator.daemon import checks, lifecycle
from bakery.emulator.daemon.folder import (
    EmulatorOptions,
    emulator_dir,
    is_alive,
    list_emulators,
    list_running,
    new_emulator,
    parse_options,
    state_of,
    with_own_pid,
)
from bakery.emulator.host.process import start_time
from bakery.errors import EmulatorError, ExitCode, MissingToolError
from bakery.files import is_private

MOUNTS = """\
22 1 0:20 / / rw - overlay overlay rw
23 22 254:0 / /var/lib rw - ext4 /dev/vda rw
24 23 0:30 / /var/lib/docker rw - tmpfs tmpfs rw
25 22 254:1 / /var/library rw - xfs /dev/vdb rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/me", "overlay"),
        ("/var/lib/bakery", "ext4"),
        ("/var/lib/docker/x", "tmpfs"),
        ("/var/library/x", "xfs"),
    ],
)
def test_the_file_system_of_a_folder_is_that_of_its_nearest_mount(folder: str, kind: str) -> None:
    assert checks.filesystem(Path(folder), MOUNTS) == kind


def test_all_missing_programs_are_named_with_one_line_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def which(name: str) -> str | None:
        return None if name in {"slirp4netns", "nft"} else f"/usr/bin/{name}"

    monkeypatch.setattr(shutil, "which", which)
    with pytest.raises(MissingToolError) as caught:
        checks.check_tools()
    assert caught.value.message == "not installed: slirp4netns, nft"
    assert caught.value.hint == "apt-get install --no-install-recommends nftables slirp4netns"


def test_root_s_inotify_instances_bound_the_droplets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """128 is the kernel's default (fs/notify/inotify/inotify_user.c)."""
    monkeypatch.setattr(checks, "INOTIFY", tmp_path / "max_user_instances")
    for instances, droplets in ((128, 18), (1024, 146)):
        checks.INOTIFY.write_text(f"{instances}\n")
        assert checks.droplet_room() == droplets


@pytest.mark.parametrize("text", ["198.18.0.0/24", "10.16.0.0/14", "10.118.0.0/16"])
def test_a_range_that_is_too_small_or_used_inside_is_refused(text: str) -> None:
    """10.17.0.0/16 holds the anchors and 10.116.0.0/14 the default VPCs (emulator/account/settings.py)."""
    with pytest.raises(EmulatorError) as caught:
        checks.check_public_range(IPv4Network(text))
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.hint is not None
    assert "--public-range" in str(caught.value.hint)


@pytest.mark.parametrize("machines", ["nspawn", "memory"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("8.8.8.0", "the public range 8.8.8.0/32 is too small"),
        ("198.18.0.0/23", "the public range 198.18.0.0/23 is too small"),
        ("8.8.0.0/16", "the public range 8.8.0.0/16 has addresses of machines on the internet"),
        ("198.16.0.0/12", "the public range 198.16.0.0/12 has addresses of machines on the internet"),
        ("0.0.0.0/0", "the public range 0.0.0.0/0 has addresses of machines on the internet"),
        (
            "10.116.0.0/14",
            "the public range 10.116.0.0/14 overlaps 10.116.0.0/14, the range of VPC or anchor addresses",
        ),
    ],
)
def test_a_public_range_is_looked_at_before_anything_is_made(machines: str, text: str, message: str) -> None:
    """For droplets in memory too: the emulator's process would die of it, or a launch would dial strangers."""
    options = parse_options(name="range", port=7190, machines=machines, public_range=text)
    with pytest.raises(EmulatorError) as caught:
        lifecycle.up(options)
    assert caught.value.message == message
    assert caught.value.hint is not None
    assert "bakery emulator up --public-range 198.18.0.0/15" in str(caught.value.hint)
    assert not emulator_dir("range").folder.exists()


@pytest.mark.parametrize(
    "text", ["198.18.0.0/22", "127.64.0.0/10", "100.64.0.0/16", "10.0.0.0/20", "192.168.0.0/16"]
)
def test_ranges_that_nobody_owns_will_do(text: str) -> None:
    checks.check_public_range(IPv4Network(text))


def test_without_root_the_line_with_sudo_and_the_way_without_are_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(EmulatorError) as caught:
        checks.check_machine(tmp_path, SILENT)
    assert caught.value.message == "booting droplets needs root"
    assert caught.value.hint is not None
    assert str(caught.value.hint).startswith("sudo /")
    assert str(caught.value.hint).endswith(
        "emulator up; or to run without booting droplets: bakery emulator up --machines memory"
    )


def test_asking_for_the_running_emulator_makes_nothing() -> None:
    assert lifecycle.find_running("never-made") is None
    assert not emulator_dir("never-made").folder.exists()


def test_words_of_the_command_line_become_options() -> None:
    options = parse_options(name="x", port=7190, machines="memory", public_range="100.64.0.0/16")
    assert options == EmulatorOptions(
        name="x", port=7190, machines="memory", public_range=IPv4Network("100.64.0.0/16")
    )


def test_whether_addresses_are_reused_is_kept_for_a_resume() -> None:
    options = parse_options(name="x", port=7190, machines="memory", public_range=None, reuse_addresses=True)
    place = emulator_dir("x")
    place.write(new_emulator(options))
    found = place.read()
    assert found is not None
    assert found.reuse_addresses
    assert not new_emulator(EmulatorOptions()).reuse_addresses  # control


def test_the_latency_is_kept_for_a_resume() -> None:
    options = parse_options(
        name="x", port=7190, machines="memory", public_range=None, latency="digitalocean,create=2"
    )
    place = emulator_dir("x")
    place.write(new_emulator(options))
    found = place.read()
    assert found is not None
    assert found.latency == "digitalocean,create=2"
    assert new_emulator(EmulatorOptions()).latency == "none"  # control
    with pytest.raises(EmulatorError, match="'fast' is not a profile"):
        parse_options(name="x", port=7190, machines="memory", public_range=None, latency="fast")


@pytest.mark.parametrize("text", ["198.18.0.1/15", "fe80::/64", "everything"])
def test_a_range_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(EmulatorError, match="is not an IPv4 network"):
        parse_options(name="x", port=7190, machines="memory", public_range=text)


@pytest.mark.parametrize("name", ["", "../x", "A", "a/b", "-a", "a" * 32])
def test_a_name_that_is_no_folder_is_refused(name: str) -> None:
    with pytest.raises(EmulatorError, match="cannot be the name of an emulator"):
        emulator_dir(name)


def test_only_the_very_process_is_the_running_emulator() -> None:
    place = emulator_dir("default")
    planned = new_emulator(EmulatorOptions())
    place.write(planned)
    assert lifecycle.find_running() is None  # planned, not started
    place.write(with_own_pid(planned, ready=False))
    assert lifecycle.find_running() is None  # does not answer yet
    running = with_own_pid(planned, ready=True)
    place.write(running)
    assert lifecycle.find_running() == running
    place.write(replace(running, started=running.started - 1))  # another process had the number before
    assert lifecycle.find_running() is None


def test_all_emulators_are_listed_with_their_state() -> None:
    assert list_emulators() == ()
    made = {}
    for name, ready in (("ready", True), ("begun", False), ("dead", True), ("planned", False)):
        record = new_emulator(EmulatorOptions(name=name))
        if name in {"ready", "begun"}:
            record = with_own_pid(record, ready=ready)
        elif name == "dead":
            record = replace(with_own_pid(record, ready=ready), started=1)
        made[name] = record
        emulator_dir(name).write(record)
    (emulator_dir("empty").folder).mkdir()
    assert list_emulators() == tuple(made[name] for name in ("begun", "dead", "planned", "ready"))
    assert {record.name: state_of(record) for record in list_emulators()} == {
        "begun": "starting",
        "dead": "crashed",
        "planned": "crashed",
        "ready": "running",
    }
    assert list_running() == (made["ready"],)


def test_the_token_is_in_a_private_file_and_nowhere_else() -> None:
    place = emulator_dir("default")
    planned = new_emulator(EmulatorOptions())
    place.write(planned)
    file = place.folder / "emulator.json"
    assert is_private(file)
    assert json.loads(file.read_text())["token"] == planned.token
    assert planned.token not in repr(planned)
    assert len(planned.token) == len("dop_v1_") + 64


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": "default"}'])
def test_a_spoilt_file_is_no_emulator(content: str) -> None:
    place = emulator_dir("default")
    place.write(new_emulator(EmulatorOptions()))
    (place.folder / "emulator.json").write_text(content)
    assert lifecycle.find_running() is None


def test_start_time_of_this_process_and_of_none() -> None:
    assert start_time(os.getpid()) == start_time(os.getpid())
    assert start_time(os.getpid()) is not None
    assert start_time(2**22 + 1) is None  # above the kernel's highest pid (proc(5), pid_max)


def test_an_emulator_that_never_started_is_not_alive() -> None:
    assert not is_alive(new_emulator(EmulatorOptions()))


@pytest.mark.parametrize(("machines", "network"), [("memory", "127.64.0.0/10"), ("nspawn", "198.18.0.0/15")])
def test_addresses_of_droplets_that_nobody_can_reach_stay_on_this_machine(machines: str, network: str) -> None:
    options = parse_options(name="x", port=7190, machines=machines, public_range=None)

    assert str(options.public_range) == network


def test_an_account_that_cannot_be_read_is_not_resumed_and_not_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator's process would remove everything when it fails."""
    place = emulator_dir("default")
    place.write(new_emulator(EmulatorOptions()))
    place.account.write_text("{")
    monkeypatch.setattr(lifecycle, "_router_is_there", lambda planned: True)
    started = []
    monkeypatch.setattr(lifecycle, "start", lambda *words, **more: started.append(words))
    with pytest.raises(EmulatorError, match="the account that the emulator had saved cannot be read"):
        lifecycle.resume()
    assert started == []
    assert place.account.read_text() == "{"
    assert place.read() is not None
