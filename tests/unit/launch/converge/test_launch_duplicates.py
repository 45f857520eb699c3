"""Of two things with one name the oldest stays: who removes what, and what else has to go with it."""

from dataclasses import replace
from pathlib import Path

import pytest

from bakery.errors import LockedError
from bakery.launch.base.journal import JournalFile
from bakery.launch.base.session import Session
from bakery.launch.converge.duplicates import (
    resolve_duplicate_firewalls,
    resolve_duplicates,
    resolve_from_earlier_run,
)
from bakery.launch.converge.firewalls import find_firewall
from tests.helpers.fake_cloud import FakeCloud
from tests.helpers.launch_harness import NAMES, LaunchHarness, small_plan
from tests.helpers.state import paths_in

TAGS = ("bakery:demo",)


@pytest.fixture
def cloud() -> FakeCloud:
    return FakeCloud()


@pytest.fixture
def session(cloud: FakeCloud, tmp_path: Path) -> Session:
    return Session(cloud=cloud, cluster="demo", paths=paths_in(tmp_path))


def _made(session: Session, cloud: FakeCloud, name: str) -> int:
    """A droplet that this run asked for."""
    number = cloud.add_droplet(name, tags=TAGS)
    session.journal.record_create(name, 0)
    session.journal.record_created(name, number, 0)
    return number


def test_ours_goes_if_it_is_younger(session: Session, cloud: FakeCloud) -> None:
    theirs = cloud.add_droplet("demo-a-1", tags=TAGS)
    ours = _made(session, cloud, "demo-a-1")
    members = resolve_duplicates(session, {"demo-a-1": cloud.droplets[ours]}, cloud.droplets.values())
    assert members["demo-a-1"].id == theirs
    assert cloud.names() == ["demo-a-1"]
    assert session.journal.now.deleted_ids == (ours,)


def test_ours_stays_if_it_is_older(session: Session, cloud: FakeCloud) -> None:
    ours = _made(session, cloud, "demo-a-1")
    cloud.add_droplet("demo-a-1", tags=TAGS)
    members = resolve_duplicates(session, {"demo-a-1": cloud.droplets[ours]}, cloud.droplets.values())
    assert members["demo-a-1"].id == ours
    assert cloud.mutations == [], "the other launch removes its own"


def test_a_twin_that_we_did_not_make_is_not_ours_to_remove(session: Session, cloud: FakeCloud) -> None:
    cloud.add_droplet("demo-a-1", tags=TAGS)
    other = cloud.add_droplet("demo-a-1", tags=TAGS)
    resolve_duplicates(session, {"demo-a-1": cloud.droplets[other]}, cloud.droplets.values())
    assert cloud.mutations == []


def test_those_who_were_told_a_lost_servers_address_go_with_it(session: Session, cloud: FakeCloud) -> None:
    """They would join a server that is gone, for ever."""
    theirs = cloud.add_droplet("demo-a-1", tags=TAGS)
    lost = _made(session, cloud, "demo-a-1")
    session.addresses_given_to[lost] = {"demo-b-1", "demo-b-2"}
    _made(session, cloud, "demo-b-1")
    _made(session, cloud, "demo-c-1")
    with pytest.raises(LockedError) as caught:
        resolve_duplicates(session, {"demo-a-1": cloud.droplets[lost]}, cloud.droplets.values())
    assert caught.value.message == "another launch of cluster demo is under way"
    assert caught.value.details == "removed again: demo-b-1"
    assert session.journal.now.never_joined == ("demo-b-1",), "if it was a product's only server, no data is gone"
    assert cloud.names() == ["demo-a-1", "demo-c-1"]
    assert cloud.is_there(theirs)


def test_a_run_that_died_settles_in_the_next(tmp_path: Path) -> None:
    harness = LaunchHarness(tmp_path)
    harness.launch()
    theirs = next(d for d in harness.cloud.droplets.values() if d.name == "demo-nomad-client-1")
    twin = harness.cloud.add_droplet(theirs.name, tags=theirs.tags)
    journal = JournalFile(harness.paths.journal, "demo")
    journal.record_created(theirs.name, twin, harness.cloud.clock.wall())
    harness.cloud.revive()
    harness.launch()
    assert harness.cloud.names() == NAMES
    assert not harness.cloud.is_there(twin)
    harness.cloud.revive()
    harness.launch()
    assert harness.cloud.mutations == []


def test_nothing_to_settle(session: Session, cloud: FakeCloud) -> None:
    _made(session, cloud, "demo-a-1")
    assert not resolve_from_earlier_run(session, cloud.droplets.values())


@pytest.mark.parametrize(
    ("ours_at", "left"), [("2026-01-01T00:00:09Z", "theirs"), ("2026-01-01T00:00:01Z", "both")]
)
def test_the_oldest_firewall_stays_and_whoever_made_another_removes_it(
    session: Session, cloud: FakeCloud, ours_at: str, left: str
) -> None:
    planned = small_plan().firewalls[0]
    theirs = cloud.add_firewall(f"{planned.name}-0000beef", tags=(planned.tag,), created_at="2026-01-01T00:00:05Z")
    ours = cloud.add_firewall(f"{planned.name}-0000aaaa", tags=(planned.tag,), created_at=ours_at)
    session.journal.record_firewall(ours.id, "x")
    listed = resolve_duplicate_firewalls(session, [planned], cloud.firewalls.values())
    found = find_firewall(planned, listed)
    if left == "theirs":
        assert list(cloud.firewalls) == [theirs.id]
        assert found == theirs
        assert theirs.id in session.journal.now.firewall_ids, "so that our destroy knows it"
    else:
        assert len(cloud.firewalls) == 2
        assert found is not None
        assert replace(found) == ours
