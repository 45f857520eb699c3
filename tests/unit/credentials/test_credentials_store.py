"""The bundle on disk: made once, read back whole or refused, never overwritten."""

import errno
import json
import os
import threading
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bakery.config.paths import StatePaths
from bakery.credentials import codec, publish, store
from bakery.credentials.authority import ca_fingerprint
from bakery.credentials.model import Bundle
from bakery.credentials.operator import write_operator_files
from bakery.credentials.store import create_bundle, ensure_bundle, find_bundle
from bakery.errors import CredentialsError, ExitCode, LockedError
from bakery.files import write_secret
from tests.helpers.reporter import RecordingReporter
from tests.helpers.state import paths_in

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    return paths_in(tmp_path)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """A good bundle as JSON data."""
    loaded: dict[str, Any] = json.loads(codec.encode(create_bundle("demo", now=NOW)))
    return loaded


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def write(paths: StatePaths, content: bytes) -> None:
    paths.ensure()
    paths.bundle.write_bytes(content)
    paths.bundle.chmod(0o600)


def test_there_is_none_before_one_is_made(paths: StatePaths) -> None:
    assert find_bundle(paths) is None
    assert not paths.folder.exists()


def test_what_was_made_is_found_again_whole(paths: StatePaths) -> None:
    made = ensure_bundle(paths, "demo", now=NOW)
    assert find_bundle(paths) == made
    assert made.cluster == "demo"
    assert made.generation == 1


def test_a_second_call_changes_no_byte(paths: StatePaths) -> None:
    made = ensure_bundle(paths, "demo", now=NOW)
    before = paths.bundle.read_bytes()
    assert ensure_bundle(paths, "demo", now=NOW.replace(year=2027)) == made
    assert paths.bundle.read_bytes() == before


def test_two_new_bundles_share_nothing() -> None:
    first, second = create_bundle("demo", now=NOW), create_bundle("demo", now=NOW)
    assert first.consul_gossip_key != second.consul_gossip_key
    assert first.consul_gossip_key != first.nomad_gossip_key
    assert first.token_seed != second.token_seed
    assert ca_fingerprint(first) != ca_fingerprint(second)


def test_no_file_or_folder_is_open_to_others_even_with_umask_0(paths: StatePaths) -> None:
    before = os.umask(0)
    try:
        bundle = ensure_bundle(paths, "demo", now=NOW)
        write_operator_files(bundle, paths, now=NOW)
    finally:
        os.umask(before)
    files = [file for file in paths.folder.iterdir() if file.name != ".credentials.lock"]
    assert {file.name: mode(file) for file in files} == {
        "bundle.json": 0o600,
        "consul-ca.pem": 0o600,
        "consul-cert.pem": 0o600,
        "consul-key.pem": 0o600,
        "nomad-ca.pem": 0o600,
        "nomad-cert.pem": 0o600,
        "nomad-key.pem": 0o600,
    }
    assert mode(paths.folder) == 0o700
    assert all(mode(file) & 0o077 == 0 for file in paths.folder.iterdir())


@pytest.mark.parametrize("loose", [0o640, 0o604, 0o620, 0o644])
def test_a_looser_mode_is_warned_of(paths: StatePaths, loose: int) -> None:
    ensure_bundle(paths, "demo", now=NOW)
    paths.bundle.chmod(loose)
    reporter = RecordingReporter()
    assert ensure_bundle(paths, "demo", now=NOW, reporter=reporter)
    file = paths.bundle
    assert reporter.warnings == [f"{file} can be read or written by other users; run: chmod 600 {file}"]


def test_the_right_mode_is_not_warned_of(paths: StatePaths) -> None:
    ensure_bundle(paths, "demo", now=NOW)
    reporter = RecordingReporter()
    find_bundle(paths, reporter=reporter)
    assert reporter.warnings == []


def test_every_cut_of_the_file_is_refused(paths: StatePaths, document: dict[str, Any]) -> None:
    whole = codec.encode(codec.decode(json.dumps(document).encode(), source=paths.bundle))
    for length in [0, 1, len(whole) // 3, len(whole) // 2, len(whole) - 3]:
        write(paths, whole[:length])
        with pytest.raises(CredentialsError, match="is damaged") as caught:
            find_bundle(paths)
        assert caught.value.hint
        assert caught.value.exit_code is ExitCode.CREDENTIALS
    write(paths, whole)
    assert find_bundle(paths) is not None


def test_the_document_on_disk(document: dict[str, Any]) -> None:
    """Every bakery that reads format 1 knows these names; another one needs another number."""
    pair, token = ["certificate", "key"], ["accessor", "secret"]
    assert {name: list(part) if isinstance(part, dict) else None for name, part in document.items()} == {
        "format": None, "cluster": None, "generation": None, "consul_ca": pair, "nomad_ca": pair,
        "consul_gossip_key": None, "nomad_gossip_key": None, "token_seed": None, "consul_operator": pair,
        "nomad_operator": pair, "consul_management": token, "nomad_management": token,
    }  # fmt: skip


def without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda document: document.pop(name)


def with_value(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda document: document.update({name: value})


def swapped(document: dict[str, Any]) -> None:
    document["consul_ca"]["key"] = document["nomad_ca"]["key"]


def wrong_secret(document: dict[str, Any]) -> None:
    document["consul_management"]["secret"] = "not a UUID"


@pytest.mark.parametrize(
    ("damage", "details"),
    [
        (without("format"), "its format number is wrong"),
        (with_value("format", 0), "its format number is wrong"),
        (with_value("format", "1"), "its format number is wrong"),
        (without("cluster"), "cluster is missing or wrong"),
        (with_value("cluster", ""), "cluster is missing or wrong"),
        (with_value("cluster", "a\x1b[2J"), "cluster is missing or wrong"),
        (with_value("generation", 0), "generation is missing or wrong"),
        (with_value("generation", 1.0), "generation is missing or wrong"),
        (with_value("generation", "1"), "generation is missing or wrong"),
        (with_value("cluster", 7), "cluster is missing or wrong"),
        (with_value("nomad_management", ["x"]), "nomad_management is missing or wrong"),
        (without("consul_ca"), "consul_ca is missing or wrong"),
        (with_value("nomad_ca", {"certificate": "x", "key": "y"}), "nomad_ca is not a certificate with its key"),
        (swapped, "consul_ca is not a certificate with its key"),
        (with_value("consul_operator", {"certificate": 1}), "consul_operator.certificate is missing or wrong"),
        (with_value("consul_gossip_key", "c2hvcnQ="), "consul_gossip_key is missing or wrong"),
        (with_value("nomad_gossip_key", "?" * 44), "nomad_gossip_key is missing or wrong"),
        (with_value("token_seed", "00"), "token_seed is missing or wrong"),
        (with_value("token_seed", "z" * 64), "token_seed is missing or wrong"),
        (wrong_secret, "consul_management.secret is missing or wrong"),
    ],
)
def test_damage_is_named_by_field(
    paths: StatePaths, document: dict[str, Any], damage: Callable[[dict[str, Any]], None], details: str
) -> None:
    copy = json.loads(json.dumps(document))
    damage(copy)
    write(paths, json.dumps(copy).encode())
    with pytest.raises(CredentialsError) as caught:
        find_bundle(paths)
    assert caught.value == CredentialsError(
        message=f"{paths.bundle} is damaged",
        details=details,
        hint="restore it from a backup; without it the cluster's nodes cannot be reached",
    )


@pytest.mark.parametrize("content", [b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b"{}"])
def test_other_documents_are_refused(paths: StatePaths, content: bytes) -> None:
    write(paths, content)
    with pytest.raises(CredentialsError, match="is damaged"):
        find_bundle(paths)


def test_a_newer_format_asks_for_a_newer_bakery(paths: StatePaths) -> None:
    write(paths, b'{"format": 2, "what": "ever"}')
    with pytest.raises(CredentialsError) as caught:
        ensure_bundle(paths, "demo", now=NOW)
    assert caught.value == CredentialsError(
        message=f"{paths.bundle} was written by a newer bakery (format 2, this one reads 1)", hint="upgrade bakery"
    )
    assert paths.bundle.read_bytes() == b'{"format": 2, "what": "ever"}'


def test_another_clusters_bundle_is_refused(tmp_path: Path, paths: StatePaths) -> None:
    other = paths_in(tmp_path, "other")
    ensure_bundle(other, "other", now=NOW)
    paths.ensure()
    other.bundle.rename(paths.bundle)
    with pytest.raises(CredentialsError, match="belongs to the cluster other, not demo") as caught:
        find_bundle(paths)
    assert caught.value.hint
    with pytest.raises(CredentialsError, match="belongs to the cluster other, not demo"):
        ensure_bundle(paths, "demo", now=NOW)


def test_a_bundle_that_cannot_be_read_is_no_reason_for_a_second(paths: StatePaths) -> None:
    paths.ensure()
    paths.bundle.symlink_to(paths.folder / "gone")
    with pytest.raises(CredentialsError, match="cannot be read"):
        ensure_bundle(paths, "demo", now=NOW)
    assert paths.bundle.is_symlink()


@pytest.mark.may_sleep(reason="eight threads wait for one file lock")
def test_of_many_callers_at_once_one_makes_the_bundle(paths: StatePaths) -> None:
    start = threading.Barrier(8)
    bundles: list[Bundle] = []

    def call() -> None:
        start.wait()
        bundles.append(ensure_bundle(paths, "demo", now=NOW))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bundles) == 8
    assert {ca_fingerprint(bundle) for bundle in bundles} == {ca_fingerprint(bundles[0])}
    assert find_bundle(paths) == bundles[0]


def test_without_the_lock_and_the_link_there_would_be_many(
    paths: StatePaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control for the test above, with all callers held until each has seen that there is no bundle."""
    together = threading.Barrier(4)

    def make(cluster: str, *, now: datetime) -> Bundle:
        together.wait()
        return create_bundle(cluster, now=now)

    monkeypatch.setattr(store, "exclusive", nullcontext)
    monkeypatch.setattr(store, "publish_once", write_secret)
    monkeypatch.setattr(store, "create_bundle", make)
    bundles: list[Bundle] = []
    threads = [
        threading.Thread(target=lambda: bundles.append(ensure_bundle(paths, "demo", now=NOW))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({ca_fingerprint(bundle) for bundle in bundles}) == 4


def test_a_bundle_that_appears_meanwhile_is_not_overwritten(
    paths: StatePaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the user restores a backup at that moment: a lock of ours does not stop it, the link does."""

    def restore(cluster: str, *, now: datetime) -> Bundle:
        paths.bundle.write_bytes(b"restored")
        return create_bundle(cluster, now=now)

    monkeypatch.setattr(store, "create_bundle", restore)
    with pytest.raises(CredentialsError, match="created by another process"):
        ensure_bundle(paths, "demo", now=NOW)
    assert paths.bundle.read_bytes() == b"restored"
    assert list(paths.folder.glob(".bundle*")) == []


def test_a_held_lock_ends_in_an_error_that_says_so(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    paths.ensure()
    with (
        publish.exclusive(paths.folder),
        pytest.raises(LockedError, match="another bakery"),
        publish.exclusive(paths.folder, seconds=0),
    ):
        pytest.fail("two hold it at once")


@pytest.mark.parametrize("failing", ["link", "fsync", "open"])
def test_a_failing_disk_leaves_no_bundle_and_no_litter(
    paths: StatePaths, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    paths.ensure()

    def fail(*args: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, failing, fail)
        with pytest.raises(CredentialsError, match="cannot write") as caught:
            ensure_bundle(paths, "demo", now=NOW)
    assert caught.value.details == "No space left on device"
    assert list(paths.folder.glob("*bundle*")) == []
    assert ensure_bundle(paths, "demo", now=NOW) == find_bundle(paths)


def test_what_a_killed_attempt_left_is_swept(paths: StatePaths) -> None:
    paths.ensure()
    left = paths.folder / ".bundle.json.0123456789ab.tmp"
    left.write_bytes(b"half a bun")
    assert find_bundle(paths) is None
    ensure_bundle(paths, "demo", now=NOW)
    assert not left.exists()
