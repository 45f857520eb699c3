"""The record: what it still lists after makes, removals and crashes."""

import json
from pathlib import Path

import pytest

from bakery.emulator.host import cgroups
from bakery.emulator.host.record import HostResource, ResourceKind, ResourceRecord, parse

NAMESPACE = HostResource(kind=ResourceKind.NAMESPACE, name="bk-3f2a-r")
LINK = HostResource(kind=ResourceKind.LINK, name="bk-3f2a-h")


def _line(event: str, resource: HostResource) -> str:
    return json.dumps({"event": event, "kind": resource.kind.value, "name": resource.name})


def test_it_is_on_disk_as_soon_as_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    ResourceRecord(path).will_make(ResourceKind.NAMESPACE, "bk-3f2a-r")
    assert ResourceRecord(path).resources() == (NAMESPACE,)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_gone_is_not_listed(tmp_path: Path) -> None:
    record = ResourceRecord(tmp_path / "record.jsonl")
    record.will_make(ResourceKind.NAMESPACE, "bk-3f2a-r")
    record.will_make(ResourceKind.LINK, "bk-3f2a-h")
    record.gone(ResourceKind.NAMESPACE, "bk-3f2a-r")
    assert record.resources() == (LINK,)


def test_made_again_after_it_was_gone() -> None:
    lines = [_line("made", NAMESPACE), _line("made", LINK), _line("gone", NAMESPACE), _line("made", NAMESPACE)]
    assert parse(lines) == (LINK, NAMESPACE)


@pytest.mark.parametrize(
    "torn",
    ['{"event": "made", "kind": "na', "", "[]", '{"kind": "link"}', '{"event":"made","kind":"?","name":"x"}'],
)
def test_a_torn_line_hides_nothing_else(torn: str) -> None:
    assert parse([_line("made", NAMESPACE), torn, _line("made", LINK)]) == (NAMESPACE, LINK)


def test_no_record_is_an_empty_one(tmp_path: Path) -> None:
    record = ResourceRecord(tmp_path / "record.jsonl")
    assert record.resources() == ()
    assert record.remove_all() == ()


def test_a_foreign_folder_in_the_record_is_left_alone(tmp_path: Path) -> None:
    """A process would raise here (unit tests start none), so nothing tried to remove it."""
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (tmp_path / "home").mkdir()
    record = ResourceRecord(tmp_path / "home" / "record.jsonl")
    record.will_make(ResourceKind.FOLDER, str(foreign))
    assert record.remove_all() == ()
    assert foreign.is_dir()


def test_control_an_own_folder_would_be_removed(tmp_path: Path) -> None:
    own = tmp_path / "droplets"
    own.mkdir()
    record = ResourceRecord(tmp_path / "record.jsonl")
    record.will_make(ResourceKind.FOLDER, str(own))
    with pytest.raises(BaseException, match="start a process"):
        record.remove_all()


@pytest.mark.parametrize("name", ["", "/", "system.slice", "user.slice/x", "..", "bakery-3f2a/../.."])
def test_only_cgroups_of_ours_can_be_named(name: str) -> None:
    with pytest.raises(ValueError, match="not a cgroup of the emulator"):
        cgroups.members(name)
