"""Real processes whose state is lost, foreign, read-only or has no room: the exit code, plain words, no change."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bakery.config.paths import StatePaths
from bakery.proc import run
from tests.helpers.launch_cases import assert_exactly_the_plan, assert_one_droplet_in_each_slot, paths_of
from tests.helpers.launch_harness import NAMES
from tests.helpers.launch_processes import DESTROY, LAUNCH, Account, Forker, Lab, forker, lab

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def hand() -> Iterator[Forker]:
    with forker() as running:
        yield running


@pytest.fixture
def empty(tmp_path: Path, hand: Forker) -> Iterator[Account]:
    """What an account holds beside the cluster."""
    with lab(tmp_path / "empty", hand) as place:
        yield place.account()


@pytest.fixture
def place(tmp_path: Path, hand: Forker) -> Iterator[Lab]:
    """A cluster that runs."""
    with lab(tmp_path / "place", hand) as place:
        place.run(LAUNCH)
        yield place


def _changes(place: Lab) -> list[tuple[str, str]]:
    return [request for request in place.api.requests() if request[0] != "GET"]


def _refused(place: Lab, code: int, *, limit: int | None = None) -> str:
    """What the launch said; it changed nothing."""
    before = place.account()
    place.api.forget_requests()
    running = place.start((*LAUNCH, "--quiet"), largest_file=limit)
    assert running.wait() == code, running.text
    assert _changes(place) == []
    assert place.account() == before
    assert "Traceback" not in running.text
    return running.text


def test_a_lost_journal_changes_nothing(place: Lab, empty: Account) -> None:
    paths_of(place).journal.unlink()
    place.api.forget_requests()
    place.run(LAUNCH)
    assert _changes(place) == []
    assert_exactly_the_plan(empty, place.account())
    paths_of(place).journal.unlink(missing_ok=True)
    place.run(DESTROY)
    assert place.account() == empty


def test_lost_credentials_are_never_made_anew(place: Lab) -> None:
    shutil.rmtree(paths_of(place).root)
    text = _refused(place, 3)
    assert "cluster demo has 9 droplets, but its credentials are not here" in text
    assert not paths_of(place).bundle.exists()


def test_credentials_of_another_generation_are_refused(place: Lab, tmp_path: Path, hand: Forker) -> None:
    with lab(tmp_path / "other", hand) as other:
        other.run(LAUNCH)
        shutil.copy(paths_of(other).bundle, paths_of(place).bundle)
    text = _refused(place, 3)
    assert "the credentials here are not those of cluster demo" in text
    assert "another CA made the certificates of demo-consul-server-1" in text


def _rename_cluster(paths: StatePaths) -> None:
    bundle = json.loads(paths.bundle.read_text())
    paths.bundle.write_text(json.dumps(bundle | {"cluster": "other"}))


def _cut_journal(paths: StatePaths) -> None:
    paths.journal.write_text(paths.journal.read_text()[:-20])


def _newer_journal(paths: StatePaths) -> None:
    journal = json.loads(paths.journal.read_text())
    paths.journal.write_text(json.dumps(journal | {"version": 2}))


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (_rename_cluster, 3, "belongs to the cluster other, not demo"),
        (_cut_journal, 2, "cannot read the launch journal"),
        (_newer_journal, 2, "has version 2, this bakery writes 1"),
    ],
)
def test_state_that_is_not_ours_to_read(
    place: Lab, spoil: Callable[[StatePaths], None], code: int, words: str
) -> None:
    spoil(paths_of(place))
    assert words in _refused(place, code)


def test_the_way_out_of_a_broken_journal_works(place: Lab) -> None:
    """The hint says to move it away."""
    _cut_journal(paths_of(place))
    assert "mv " in _refused(place, 2)
    paths_of(place).journal.rename(paths_of(place).folder / "journal.json.broken")
    place.api.forget_requests()
    place.run(LAUNCH)
    assert _changes(place) == []


def test_a_folder_that_may_not_be_written_to(place: Lab) -> None:
    with _unwritable(paths_of(place).folder):
        assert "cannot write" in _refused(place, 2)


@contextmanager
def _unwritable(folder: Path) -> Iterator[None]:
    """By its mode; root, whom no mode stops, is stopped by the immutable attribute (chattr(1))."""
    if os.geteuid() != 0:
        folder.chmod(0o500)
        yield
        folder.chmod(0o700)
        return
    run(["chattr", "+i", folder])
    try:
        yield
    finally:
        run(["chattr", "-i", folder])


def test_no_room_for_the_credentials(tmp_path: Path, hand: Forker, empty: Account) -> None:
    """RLIMIT_FSIZE: a write beyond it fails as on a full disk. Our output is a file too, hence --quiet."""
    with lab(tmp_path / "new", hand) as place:
        text = _refused(place, 3, limit=1000)
        assert "cannot write" in text
        assert not paths_of(place).bundle.exists()
        place.run(LAUNCH)
        assert_exactly_the_plan(empty, place.account())


def test_no_room_for_the_journal(place: Lab, empty: Account) -> None:
    state = place.api.emulator.state
    with state.lock:
        lost = [d.id for d in state.droplets.all() if "bakery:demo" in d.tags and "client" in d.name]
    for number in lost:
        place.api.delete(f"/v2/droplets/{number}")
    place.api.settle()
    text = _refused(place, 2, limit=1000)
    assert "cannot write" in text
    assert "File too large" in text
    place.run(LAUNCH)
    after = place.account()
    assert_one_droplet_in_each_slot(empty, after)
    ours = Counter(after.droplets) - Counter(empty.droplets)
    assert [name for name in NAMES if ours[name]] == [name for name in NAMES if "client" not in name]
