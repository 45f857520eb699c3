"""``bakery demo``: in memory from start to removal, and what it refuses before it makes anything."""

import json
import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from bakery.cli.demo_removal import remove_files
from bakery.cli.main import run
from bakery.emulator.daemon import lifecycle
from bakery.emulator.daemon.folder import list_emulators
from bakery.toolchain import source
from bakery.toolchain.source import MODULES
from tests.helpers.cli import BAKERY
from tests.helpers.environment import clear_environment
from tests.helpers.ports import free_port

pytestmark = pytest.mark.integration

PLACE = {"version": 1, "owner": "a-team", "name": "somewhere"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    clear_environment(monkeypatch)
    for kind in ("DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / "home" / kind.lower()))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    yield work
    lifecycle.down("demo")


def test_in_memory_from_start_to_removal(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before, port = dict(os.environ), str(free_port())
    assert run(["demo", "--memory", "--small", "--port", port]) == 0
    shown = capfd.readouterr()
    assert "demo is active: 1 droplet, 1 new" in shown.err
    assert "$ bakery launch --local --yes --wait active" in shown.out
    steps = [line.partition(".")[0] for line in shown.out.splitlines() if re.match(r"\d\. ", line)]
    assert steps == ["1", "2", "3", "4", "5"], "in memory there is no step for the programs"
    assert shown.out.rstrip().splitlines()[-1].endswith(f"demo --remove --name demo --folder {folder}/bakery-demo")
    assert (dict(os.environ), Path.cwd()) == (before, folder), "the shell of the commands has ended"
    file = (folder / "bakery-demo" / "bakery.yaml").read_text(encoding="utf-8")
    assert "all-in-one:    {count: 1, ports: [80/tcp, 8080/tcp, 8081/tcp from vpc]," in file

    assert run(["demo", "--memory", "--small", "--port", port, "--quiet"]) == 0, "the same command continues"
    assert "0 new" not in capfd.readouterr().err, "quiet is passed on"

    assert run(["demo", "--remove"]) == 0
    assert list(folder.iterdir()) == []
    assert list_emulators() == ()
    assert run(["demo", "--remove"]) == 0, "nothing is left to remove"


@pytest.mark.parametrize(("modules", "nomad"), [(MODULES, "1.11.3"), (Path("none"), "2.0.5")])
def test_a_checkout_runs_the_version_that_it_can_build_and_a_wheel_the_default(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], modules: Path, nomad: str
) -> None:
    monkeypatch.setattr(source, "MODULES", modules)
    assert run(["demo", "--memory", "--small", "--port", str(free_port())]) == 0
    shown = capfd.readouterr().out
    assert f"consul 1.22.5, nomad {nomad}, on debian-12-x64" in shown
    assert ("that this checkout builds from source" in shown) == (nomad == "1.11.3")
    assert f"  nomad: {nomad}\n" in (folder / "bakery-demo" / "bakery.yaml").read_text(encoding="utf-8")


def test_a_command_that_fails_ends_the_demo_with_its_code(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run(["demo", "--memory", "--port", port]) == 2
    shown = capfd.readouterr()
    assert f"error: port {port} on 127.0.0.1 is already in use" in shown.err
    assert "stand-in" not in shown.out
    assert "The cluster stays up" not in shown.out
    assert "The demo did not come to its end." in shown.out
    assert shown.out.rstrip().splitlines()[-1].endswith(f"demo --remove --name demo --folder {folder}/bakery-demo")


def test_without_root_the_other_ways_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert run(["demo"]) == 2
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == "error: booting droplets needs root"
    assert lines[1].startswith("help: sudo /")
    assert lines[1].endswith(" demo; or without root: bakery demo --memory or bakery tour")
    assert list(folder.iterdir()) == []


def test_missing_packages_are_named_with_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    found = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name in {"nft", "mmdebstrap"} else found(name))
    assert run(["demo"]) == 2
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == "error: not installed: mmdebstrap, nft"
    assert lines[-1] == "help: apt-get install --no-install-recommends mmdebstrap nftables"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("cluster", "endpoint"), [("prod", "http://127.0.0.1:7180"), ("demo", "https://api.digitalocean.com")]
)
def test_another_cluster_is_not_removed(
    folder: Path, capfd: pytest.CaptureFixture[str], cluster: str, endpoint: str
) -> None:
    made = folder / "bakery-demo"
    state = made / ".bakery" / cluster
    state.mkdir(parents=True)
    (made / "bakery.yaml").write_text(f"version: 1\ncluster: {cluster}\n", encoding="utf-8")
    (state / "cloud.json").write_text(json.dumps(PLACE | {"endpoint": endpoint}), encoding="utf-8")
    assert run(["demo", "--remove"]) == 2
    assert "help: bakery destroy -f bakery-demo/bakery.yaml" in capfd.readouterr().err
    assert (state / "cloud.json").exists()


def test_the_demo_on_this_machine_is_removed(folder: Path) -> None:
    """The control, and files that are not the demo's stay."""
    state = folder / ".bakery" / "demo"
    state.mkdir(parents=True)
    (folder / ".bakery" / "other").mkdir()
    (folder / "bakery.yaml").write_text("version: 1\ncluster: demo\n", encoding="utf-8")
    (state / "cloud.json").write_text(json.dumps(PLACE | {"endpoint": "http://127.0.0.1:1"}), encoding="utf-8")
    assert run(["demo", "--remove", "--folder", "."]) == 0
    assert [file.name for file in folder.iterdir()] == [".bakery"]
    assert [file.name for file in (folder / ".bakery").iterdir()] == ["other"]
    remove_files(folder)


def _demo(folder: Path, name: str) -> None:
    assert run(["demo", "--memory", "--small", "--name", name, "--folder", str(folder)]) == 0


@pytest.fixture
def two_demos(folder: Path) -> Iterator[Path]:
    """The demo of this folder is on the emulator b; the emulator demo is another folder's."""
    _demo(folder / "other", "demo")
    _demo(folder / "bakery-demo", "b")
    yield folder
    lifecycle.down("b")


def test_the_emulator_of_the_folder_is_removed_and_no_other(
    two_demos: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "--remove", "--name", "demo"]) == 2
    refused = capfd.readouterr().err
    assert "error: the demo in bakery-demo is not on the emulator demo" in refused
    assert "help: bakery demo --remove --name b --folder bakery-demo" in refused
    assert sorted(each.name for each in list_emulators()) == ["b", "demo"]

    assert run(["demo", "--remove"]) == 0
    assert "the emulator b and the demo in bakery-demo were removed" in capfd.readouterr().err
    assert [each.name for each in list_emulators()] == ["demo"]
    assert [made.name for made in two_demos.iterdir()] == ["other"]

    assert run(["demo", "--remove"]) == 0
    again = capfd.readouterr().err
    assert "there is nothing to remove: no demo is in bakery-demo" in again
    assert "removed" not in again
    assert lifecycle.find_running("demo") is not None

    assert run(["demo", "--remove", "--name", "demo"]) == 2
    assert "help: bakery emulator down --name demo" in capfd.readouterr().err
    assert lifecycle.find_running("demo") is not None


def test_in_the_folder_of_the_demo_nothing_is_removed_without_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    _demo(folder / "bakery-demo", "demo")
    monkeypatch.chdir(folder / "bakery-demo")
    assert run(["demo", "--remove"]) == 2
    assert "help: bakery demo --remove --folder ." in capfd.readouterr().err
    assert lifecycle.find_running("demo") is not None
    assert run(["demo", "--remove", "--folder", "."]) == 0
    assert list(Path().iterdir()) == []
    assert list_emulators() == ()


def test_without_a_record_of_its_emulator_the_demo_is_removed_by_name(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """As after an interruption before the launch. The emulator may be another folder's."""
    _demo(folder / "bakery-demo", "demo")
    (folder / "bakery-demo" / ".bakery" / "demo" / "cloud.json").unlink()
    assert run(["demo", "--remove"]) == 2
    refused = capfd.readouterr().err
    assert "if it is of this demo: bakery demo --remove --name demo --folder bakery-demo" in refused
    assert lifecycle.find_running("demo") is not None
    assert run(["demo", "--remove", "--name", "demo"]) == 0
    assert list_emulators() == ()


def test_only_what_was_there_is_said_to_be_removed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _demo(folder / "bakery-demo", "demo")
    lifecycle.down("demo")
    lifecycle.up(lifecycle.EmulatorOptions(name="demo", port=free_port(), machines="memory"))
    assert run(["demo", "--remove", "--name", "demo"]) == 2, "another emulator has its name now"
    assert (folder / "bakery-demo").exists()
    capfd.readouterr()
    assert run(["demo", "--remove"]) == 0
    assert "the demo in bakery-demo was removed; its emulator was gone already" in capfd.readouterr().err
    assert lifecycle.find_running("demo") is not None
    assert list(folder.iterdir()) == []


def test_credentials_of_an_account_stay_also_without_the_cluster_file(folder: Path) -> None:
    state = folder / "bakery-demo" / ".bakery" / "demo"
    state.mkdir(parents=True)
    record = PLACE | {"endpoint": "https://api.digitalocean.com"}
    (state / "cloud.json").write_text(json.dumps(record), encoding="utf-8")
    assert run(["demo", "--remove"]) == 2
    assert (state / "cloud.json").exists()


def test_an_interrupted_tour_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(folder))
    child = pexpect.spawn(str(BAKERY), ["tour"], encoding="utf-8", timeout=60, dimensions=(24, 80))
    child.expect_exact("$ bakery launch --local --yes --wait active")
    assert [path.name.partition(".")[0] for path in folder.iterdir()] == ["bakery-tour"], "control"
    child.sendintr()
    child.expect("interrupted; nothing was changed")
    child.expect(pexpect.EOF)
    assert "what was created stays" not in child.before
    child.close()
    assert child.exitstatus == 130
    assert list(folder.iterdir()) == []
