"""The bundle under kill -9 and under many processes at once."""

import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bakery.config.paths import StatePaths
from bakery.credentials.authority import ca_fingerprint
from bakery.credentials.publish import exclusive
from bakery.credentials.store import ensure_bundle, find_bundle
from bakery.errors import CredentialsError
from bakery.proc import run, start
from bakery.wait import Pending, wait_until
from tests.helpers.environment import clear_environment
from tests.helpers.state import paths_in

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

PRELUDE = """
import os, signal, sys, types
from datetime import UTC, datetime
from pathlib import Path
from bakery import files
from bakery.config.paths import state_paths
from bakery.credentials import publish, store
from bakery.credentials.authority import ca_fingerprint

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
paths = state_paths(Path(sys.argv[1]) / "bakery.yaml", "demo")

def die():
    os.kill(os.getpid(), signal.SIGKILL)
"""

DIES_AT = (
    PRELUDE
    + """
name, when = sys.argv[2:]
real = getattr(os, name)

def deadly(*arguments, **options):
    if when == "before":
        die()
    real(*arguments, **options)
    die()

paths.ensure()  # the bundle's own write is meant
publish.os = files.os = types.SimpleNamespace(**vars(os))
setattr(files.os, name, deadly)
store.ensure_bundle(paths, "demo", now=NOW)
"""
)

DIES_IN_A_PLAIN_WRITE = (
    PRELUDE
    + """
def plain(path, content):
    with path.open("wb") as stream:
        stream.write(content[: len(content) // 2])
        stream.flush()
        die()

store.publish_once = plain
store.ensure_bundle(paths, "demo", now=NOW)
"""
)

RACES = (
    PRELUDE
    + """
print("ready", flush=True)
print(ca_fingerprint(store.ensure_bundle(paths, "demo", now=NOW)), flush=True)
"""
)


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StatePaths:
    clear_environment(monkeypatch)
    return paths_in(tmp_path)


def killed(script: str, *arguments: str | Path) -> bool:
    done = run([sys.executable, "-c", script, *arguments], check=False)
    return done.returncode == -signal.SIGKILL


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", ["fchmod", "fsync", "link"])
def test_killed_anywhere_it_leaves_no_bundle_or_a_whole_one(
    paths: StatePaths, tmp_path: Path, call: str, when: str
) -> None:
    assert killed(DIES_AT, tmp_path, call, when)
    found = find_bundle(paths)
    assert (found is not None) == ((call, when) == ("link", "after"))
    made = ensure_bundle(paths, "demo", now=NOW)
    assert found in (None, made)
    assert find_bundle(paths) == made
    leftovers = [file for file in paths.folder.iterdir() if file.stat().st_mode & 0o077]
    assert leftovers == []


def test_a_plain_write_would_leave_half_a_bundle(paths: StatePaths, tmp_path: Path) -> None:
    """Control: the same kill, with the temporary name and the link taken away."""
    assert killed(DIES_IN_A_PLAIN_WRITE, tmp_path)
    with pytest.raises(CredentialsError, match="is damaged"):
        find_bundle(paths)


def test_processes_that_start_together_get_one_bundle(paths: StatePaths, tmp_path: Path) -> None:
    outputs = [tmp_path / f"output-{i}" for i in range(4)]
    paths.ensure()
    with exclusive(paths.folder):
        processes = [start([sys.executable, "-c", RACES, tmp_path], output=output) for output in outputs]
        wait_until(
            lambda: True if all("ready" in output.read_text() for output in outputs) else Pending("starting"),
            what="four processes to start",
            seconds=60,
            every=0.1,
        )
        assert find_bundle(paths) is None
    assert [process.wait(60) for process in processes] == [0, 0, 0, 0]
    bundle = find_bundle(paths)
    assert bundle is not None
    assert [output.read_text().split() for output in outputs] == [["ready", ca_fingerprint(bundle)]] * 4
