"""An interrupted roll, then a run for fewer nodes: the roll keeps its snapshot, and is still unfinished."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.cloud.model import Image
from bakery.launch.base.journal import Rolling, load_journal
from bakery.launch.roll.model import RollRequest
from bakery.launch.roll.need import Because
from bakery.operations.roll_cluster import roll_cluster
from tests.helpers.fake_cloud import Killed
from tests.helpers.launch_harness import IMAGE
from tests.helpers.roll_harness import Death, RollHarness, roll_harness

NEWER = replace(IMAGE, id=78, name="bakery-newer", created_at="2026-11-20T00:00:00Z")
NEWEST = replace(IMAGE, id=79, name="bakery-newest", created_at="2026-11-25T00:00:00Z")


@pytest.fixture
def interrupted(tmp_path: Path) -> RollHarness:
    """Nine nodes of which a roll of all to NEWER has replaced some."""
    cluster = roll_harness(tmp_path)
    cluster.cloud.images |= {NEWER.id: NEWER, NEWEST.id: NEWEST}
    with Death(cluster, at=40, after=True), pytest.raises(Killed):
        _roll(cluster, NEWER)
    cluster.cloud.revive()
    return cluster


def _roll(
    cluster: RollHarness,
    image: Image,
    *,
    roles: tuple[str, ...] = (),
    because: Collection[Because] = tuple(Because),
) -> int:
    one = cluster.request()
    one = replace(one, launch=replace(one.launch, image=image))
    request = RollRequest(replace=one, because=frozenset(because), roles=roles)
    return len(roll_cluster(cluster.session, request, lambda plan: True))


def _journal(cluster: RollHarness) -> Rolling | None:
    return load_journal(cluster.harness.paths.journal, "demo").roll


def _images(cluster: RollHarness) -> set[int | None]:
    return {d.image_id for d in cluster.cloud.droplets.values() if cluster.cloud.is_there(d.id)}


@pytest.mark.parametrize(
    ("roles", "because"), [(("consul-server",), Because), ((), (Because.SIZE,)), (("nomad-client",), Because)]
)
def test_a_run_for_fewer_nodes_keeps_the_snapshot_of_the_rest(
    interrupted: RollHarness, roles: tuple[str, ...], because: Collection[Because]
) -> None:
    assert _images(interrupted) == {IMAGE.id, NEWER.id}, "control: some nodes are replaced, and some are not"
    _roll(interrupted, NEWEST, roles=roles, because=because)
    left = _journal(interrupted)
    assert left is not None
    assert (left.image_id, left.roles, set(left.because)) == (NEWER.id, (), set(Because))
    assert "the roll that was interrupted is not finished" in str(interrupted.harness.reporter.warnings[-1])
    _roll(interrupted, NEWEST)
    assert (_images(interrupted), _journal(interrupted)) == ({NEWER.id}, None)


def test_a_roll_of_one_role_is_finished_with_that_role(tmp_path: Path) -> None:
    cluster = roll_harness(tmp_path)
    cluster.cloud.images |= {NEWER.id: NEWER, NEWEST.id: NEWEST}
    with Death(cluster, at=20, after=True), pytest.raises(Killed):
        _roll(cluster, NEWER, roles=("nomad-client",))
    cluster.cloud.revive()
    _roll(cluster, NEWEST, roles=("nomad-client",))
    assert (_images(cluster), _journal(cluster)) == ({IMAGE.id, NEWER.id}, None)
