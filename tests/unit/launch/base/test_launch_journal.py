"""The journal and the lock on disk."""

import json
import os
import socket
from pathlib import Path

import pytest

from bakery.errors import LockedError, UsageError
from bakery.launch.base.journal import JournalFile, load_journal
from bakery.launch.base.lock import locked


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "demo" / "journal.json"


def test_what_was_written_is_read_again(path: Path) -> None:
    file = JournalFile(path, "demo")
    file.begin("aaaa0001")
    file.record_create("demo-nomad-client-1", 10.0)
    file.record_created("demo-nomad-client-1", 42, 11.0)
    file.record_create("vpc", 12.0)
    file.record_vpc("vpc-1")
    file.record_firewall("fw-1", "firewall demo-nomad-client")
    file.record_ssh_key(7)
    file.record_deleted(41)
    again = load_journal(path, "demo")
    assert again == file.now
    request = again.request("demo-nomad-client-1")
    assert request is not None
    assert (request.at, request.droplet_id) == (10.0, 42)
    assert (again.vpc_id, again.firewall_ids, again.ssh_key_id) == ("vpc-1", ("fw-1",), 7)
    assert again.deleted_ids == (41,)


def test_the_file_has_the_keys_of_version_1(path: Path) -> None:
    """A bakery of yesterday reads the journal of today, and the other way round."""
    file = JournalFile(path, "demo")
    file.begin("aaaa0001")
    file.record_created("a", 1, 5.0)
    file.record_not_joined(["a"])
    file.record_deleted(41)
    assert json.loads(path.read_text()) == {
        "version": 1, "cluster": "demo", "launch_id": "aaaa0001", "launches": ["aaaa0001"],
        "requests": [{"what": "a", "at": 5.0, "droplet_id": 1, "failed": False, "absent": True}],
        "gone": [41], "leaving": [], "drained": [], "formed": [], "never_joined": [], "vpc_id": None,
        "firewall_ids": [], "ssh_key_id": None,
    }  # fmt: skip
    assert load_journal(path, "demo") == file.now


def test_an_unfinished_launch_keeps_its_id(path: Path) -> None:
    assert JournalFile(path, "demo").begin("aaaa0001") == "aaaa0001"
    assert JournalFile(path, "demo").begin("aaaa0002") == "aaaa0001"
    JournalFile(path, "demo").finish(listed_since=0)
    assert JournalFile(path, "demo").begin("aaaa0003") == "aaaa0003"
    assert load_journal(path, "demo").launches == ("aaaa0001", "aaaa0003")


def test_a_removed_droplet_is_gone_with_its_request_and_its_twin_stays_known(path: Path) -> None:
    file = JournalFile(path, "demo")
    file.record_created("a", 1, 0)
    file.record_created("b", 2, 0)
    file.record_deleted(1)
    file.record_deleted(3)  # a twin of b
    assert load_journal(path, "demo").deleted_ids == (1, 3)
    assert [(request.what, request.droplet_id) for request in file.now.requests] == [("b", 2)]


def test_finishing_keeps_what_failed(path: Path) -> None:
    file = JournalFile(path, "demo")
    file.begin("aaaa0001")
    file.record_created("a", 1, 0)
    file.record_created("b", 2, 0)
    file.record_failed({"b": 2}, 5)
    file.finish(listed_since=0)
    assert load_journal(path, "demo").failed_ids == {2}


def test_finishing_keeps_what_lists_may_not_show_yet(path: Path) -> None:
    file = JournalFile(path, "demo")
    file.record_created("old", 1, 10)
    file.record_created("young", 2, 60)
    file.finish(listed_since=20)
    assert [request.what for request in load_journal(path, "demo").requests] == ["young"]
    file.finish(listed_since=100)
    assert load_journal(path, "demo").requests == ()


def test_it_is_private_and_says_its_version(path: Path) -> None:
    JournalFile(path, "demo").begin("aaaa0001")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert json.loads(path.read_text())["version"] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot read the launch journal"),
        (b"{", "cannot read the launch journal"),
        (b"[]", "cannot read the launch journal"),
        (b"5", "cannot read the launch journal"),
        (b'"journal"', "cannot read the launch journal"),
        (b"null", "cannot read the launch journal"),
        (b"{}", "cannot read the launch journal"),
        (b"\xff", "cannot read the launch journal"),
        (b"[" * 100_000, "cannot read the launch journal"),
        (b'{"version": 1, "cluster": "demo", "requests": [{"x": 1}]}', "cannot read the launch journal"),
        (b'{"version": 2, "cluster": "demo", "requests": []}', "has version 2, this bakery writes 1"),
        (b'{"version": 1, "cluster": "other", "requests": []}', "belongs to cluster other"),
    ],
)
def test_a_journal_that_cannot_be_read_is_a_clear_error(path: Path, content: bytes, message: str) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        load_journal(path, "demo")


def test_a_write_that_fails_leaves_the_old_journal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = JournalFile(path, "demo")
    file.begin("aaaa0001")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UsageError) as caught:
        file.record_create("demo-nomad-client-1", 1.0)
    assert (caught.value.message, caught.value.details) == (f"cannot write {path}", "No space left on device")
    monkeypatch.undo()
    assert load_journal(path, "demo").requests == ()
    assert file.now.requests == ()
    assert [p.name for p in path.parent.iterdir()] == ["journal.json"]


def test_the_lock_names_its_holder(tmp_path: Path) -> None:
    lock = tmp_path / "demo" / "lock"
    with locked(lock, cluster="demo"):
        with pytest.raises(LockedError) as caught, locked(lock, cluster="demo"):
            pass
        assert caught.value.exit_code == 5
        details = str(caught.value.details)
        assert f"process {os.getpid()} on {socket.gethostname()}, since 2" in details
    with locked(lock, cluster="demo"):
        pass  # control: free again


@pytest.mark.may_sleep("the holder gets a second to write its name")
def test_a_lock_whose_holder_left_no_name(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with locked(lock, cluster="demo"):
        lock.with_name("lock.owner").write_text("?")
        with pytest.raises(LockedError) as caught, locked(lock, cluster="demo"):
            pass
        assert caught.value.details == "its process is not known"
