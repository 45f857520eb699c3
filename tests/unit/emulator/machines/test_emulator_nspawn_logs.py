"""Logs found in an emulator's folder by the droplet's name or id."""

from pathlib import Path

import pytest

from bakery.emulator.machines import nspawn_logs
from bakery.emulator.machines.nspawn_disk import Disk
from bakery.errors import EmulatorError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two droplets, one of which has printed something; neither has a journal yet."""
    for number, name in ((400000006, "demo-1"), (400000008, "demo-2")):
        (tmp_path / "droplets" / str(number)).mkdir(parents=True)
        (tmp_path / "droplets" / str(number) / "name").write_text(name)
    (tmp_path / "consoles").mkdir()
    (tmp_path / "consoles" / "400000008.log").write_text("Welcome\n")
    return tmp_path


@pytest.mark.parametrize("droplet", ["demo-2", "400000008"])
def test_a_droplet_is_found_by_name_or_id(folder: Path, droplet: str) -> None:
    assert nspawn_logs.find(folder, droplet) == 400000008


def test_an_unknown_droplet_is_answered_with_those_that_are(folder: Path) -> None:
    with pytest.raises(EmulatorError) as caught:
        nspawn_logs.find(folder, "demo-3")
    assert (caught.value.message, caught.value.details) == (
        "there is no droplet demo-3",
        "droplets here: demo-1, demo-2",
    )


def test_a_journal_is_followed_once_there_is_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    droplet = folder / "droplets" / "400000008"
    with pytest.raises(EmulatorError, match="has not written a journal yet"):
        nspawn_logs.follow_command(droplet)
    files = Disk(folder=droplet, lower=()).upper / "var/log/journal"
    files.mkdir(parents=True)
    monkeypatch.setattr(nspawn_logs, "find_on_path", lambda name, **_: Path("/bin") / name)
    program, *words = nspawn_logs.follow_command(droplet)
    assert (program, words[0], words[-1]) == ("/bin/journalctl", f"--directory={files}", "--follow")


def test_logs_are_kept_private_and_the_folder_as_it_is(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "artifacts"
    target.mkdir(mode=0o755)
    nspawn_logs.write_all(folder, target)
    found = {path.name: (path.read_text(), path.stat().st_mode & 0o777) for path in target.iterdir()}
    assert found == {
        "demo-1.journal": ("", 0o600),
        "demo-2.journal": ("", 0o600),
        "demo-2.console": ("Welcome\n", 0o600),
    }
    assert target.stat().st_mode & 0o777 == 0o755


def test_a_droplet_that_is_being_removed_disturbs_nobody_who_looks_for_another(folder: Path) -> None:
    """Its folder is there, and the name in it is gone already."""
    (folder / "droplets" / "400000001").mkdir()

    assert nspawn_logs.find(folder, "demo-2") == 400000008
    with pytest.raises(EmulatorError):
        nspawn_logs.find(folder, "400000001")
