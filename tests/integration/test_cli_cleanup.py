"""``bakery cleanup``: what it lists, what it deletes, and what it keeps."""

import json
from pathlib import Path

import pytest

from bakery.bake.sweep import lock
from tests.helpers.cli import CliHarness
from tests.helpers.cli_schemas import check_answer

pytestmark = pytest.mark.integration


@pytest.fixture
def at(at: CliHarness, tmp_path: Path) -> CliHarness:
    """A home with programs, base images, a log of a bake, and the folder of an emulator that was taken down."""
    for name, size in (
        ("cache/bakery/toolchain/consul/consul", 3 * 1024**2),
        ("cache/bakery/bases/debian/etc/os-release", 2048),
        ("state/bakery/builds/one.log", 1024),
        ("data/bakery/emulator/ended.lock", 0),
    ):
        file = tmp_path / "home" / name
        file.parent.mkdir(parents=True)
        file.write_bytes(b"x" * size)
    return at


def _home(at: CliHarness) -> list[str]:
    home = at.folder.parent / "home"
    return sorted(str(path.relative_to(home)) for path in home.glob("*/bakery/*"))


def test_it_lists_names_and_sizes_and_deletes_after_a_yes(at: CliHarness) -> None:
    listed = at("cleanup", "--dry-run")
    assert (listed.code, listed.err) == (0, "")
    sizes = {row.split()[0]: " ".join(row.split()[1:3]) for row in listed.out.splitlines()[1:]}
    assert sizes == {"toolchain": "3 MiB", "bases": "2 KiB", "builds": "1 KiB", "emulator": "0 KiB"}
    refused = at("cleanup")
    assert (refused.code, "add --yes" in refused.err) == (2, True), "without a terminal nobody answers"
    assert len(_home(at)) == 4
    ran = at("cleanup", "--yes")
    assert (ran.code, ran.err) == (0, "deleted 4 folders (3 MiB)\n")
    assert _home(at) == []
    assert at("cleanup", "--yes").err == "nothing to delete\n"


def test_the_answer_has_its_schema(at: CliHarness) -> None:
    ran = at("cleanup", "--dry-run", "-o", "json")
    check_answer(ran.json, "cleanup")
    assert ran.json["deletes"] is False
    assert [folder["bytes"] for folder in ran.json["folders"]] == [2048, 3 * 1024**2, 1024, 0]
    assert at("cleanup", "--dry-run", "-o", "name").out.split() == ["bases", "toolchain", "builds", "emulator"]


def test_an_emulator_and_the_base_of_its_droplets_stay(at: CliHarness) -> None:
    """It runs, with droplets that boot; its record says so."""
    at.announce()
    record = at.folder.parent / "home/data/bakery/emulator/default/emulator.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"machines": "nspawn"}))
    ran = at("cleanup", "--yes")
    assert ran.code == 0
    assert "kept: bakery emulator down --name default" in ran.out
    assert "kept: droplets run from them: bakery emulator list" in ran.out
    assert _home(at) == ["cache/bakery/bases", "data/bakery/emulator"]
    assert record.exists()


def test_records_of_bakes_stay_while_they_are_needed(at: CliHarness) -> None:
    builds = at.folder.parent / "home/state/bakery/builds"
    with lock(builds):
        assert "kept: an image is being baked" in at("cleanup", "--yes").out
    (builds / "0123456789ab.build").write_text("account")
    assert "kept: a killed bake left resources in the account: bakery gc --delete" in at("cleanup", "--yes").out
    assert (builds / "one.log").exists()
    (builds / "0123456789ab.build").unlink()
    assert at("cleanup", "--yes").code == 0
    assert not builds.exists()


def test_credentials_need_their_own_option_and_a_destroyed_cluster(at: CliHarness) -> None:
    assert at("launch", "--yes", "--wait", "active").code == 0
    state = at.folder / ".bakery" / "demo"
    assert at("cleanup", "--yes").code == 0
    assert (state / "bundle.json").exists(), "without the option"
    ran = at("cleanup", "--yes", "--credentials")
    assert ran.code == 0, "the record is of an emulator that is not running any more"
    assert not state.exists()


def test_credentials_of_a_cluster_that_may_exist_stay(at: CliHarness) -> None:
    at.announce()
    assert at("--local", "launch", "--yes", "--wait", "active").code == 0
    state = at.folder / ".bakery" / "demo"
    ran = at("cleanup", "--yes", "--credentials")
    assert (ran.code, ran.err.splitlines()[-1]) == (2, "help: bakery destroy --local")
    ran = at("--local", "cleanup", "--yes", "--credentials")
    assert (ran.code, ran.err.splitlines()[-1]) == (2, "help: bakery destroy --local"), "once"
    place = json.loads((state / "cloud.json").read_text())
    (state / "cloud.json").write_text(json.dumps(place | {"endpoint": "https://api.digitalocean.com"}))
    ran = at("cleanup", "--yes", "--credentials")
    assert (ran.code, ran.err.splitlines()[-1]) == (2, "help: bakery destroy"), (
        "control: it was not on the emulator"
    )
    (state / "cloud.json").unlink()  # as bakery destroy does
    assert at("cleanup", "--yes", "--credentials").code == 0
    assert not state.exists()
    ran = at("cleanup", "--credentials")
    assert (ran.code, ran.err.splitlines()[-1]) == (2, "help: leave out --credentials")


def test_credentials_of_nodes_made_by_hand_stay(at: CliHarness) -> None:
    """No API shows whether they run."""
    assert at("render", "--role", "consul-server", "--first", "-o", "rendered/").code == 0
    state = at.folder / ".bakery" / "demo"
    ran = at("cleanup", "--yes", "--credentials")
    assert ran.code == 2
    assert "user-data was rendered for consul-server" in ran.err
    assert ran.err.splitlines()[-1] == f"help: if none of them runs, delete {state}"
    (state / "roles" / "consul-server.json").unlink()
    assert at("cleanup", "--yes", "--credentials").code == 0, "control"
    assert not state.exists()
