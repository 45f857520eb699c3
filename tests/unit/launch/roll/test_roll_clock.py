"""A roll of every droplet by its age, on a machine whose clock is ahead of the API's."""

from dataclasses import replace
from pathlib import Path

from bakery.launch.base.journal import load_journal
from bakery.launch.roll.model import RollRequest
from bakery.launch.roll.need import Because
from bakery.operations.roll_cluster import roll_cluster
from tests.helpers.roll_harness import roll_harness

HOUR = 3600


def test_a_droplet_that_the_roll_has_just_made_is_not_old(tmp_path: Path) -> None:
    cluster = roll_harness(tmp_path)
    session = replace(cluster.session, wall=lambda: cluster.cloud.clock.wall() + HOUR)
    request = RollRequest(replace=cluster.request(), because=frozenset(Because), oldest_days=0)
    done = roll_cluster(session, request, lambda plan: True)
    assert len(done) == len({each.slot for each in done}) == len(cluster.harness.plan.nodes)
    assert load_journal(cluster.harness.paths.journal, "demo").roll is None
