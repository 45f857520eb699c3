"""Autopilot keeps as many voters as planned: set where it differs, and a server that refuses is asked again."""

from dataclasses import replace
from pathlib import Path

import pytest

from bakery.errors import AgentError, DeadlineError
from bakery.launch.base.members import list_members
from bakery.launch.base.voters import keep_voters
from tests.helpers.launch_harness import small_plan
from tests.helpers.roll_harness import RollHarness, roll_harness


@pytest.fixture
def cluster(tmp_path: Path) -> RollHarness:
    return roll_harness(tmp_path)


def _keep(cluster: RollHarness) -> tuple[int, int]:
    keep_voters(cluster.session, small_plan(), list_members(cluster.session))
    return cluster.live.consul.autopilot_min_quorum, cluster.live.nomad.autopilot_min_quorum


def test_both_products_keep_as_many_voters_as_planned(cluster: RollHarness) -> None:
    assert (cluster.live.consul.autopilot_min_quorum, cluster.live.nomad.autopilot_min_quorum) == (0, 0)
    assert _keep(cluster) == (3, 3)


def test_a_cluster_without_nomad_servers_sets_consul_alone(cluster: RollHarness) -> None:
    plan = small_plan()
    consul = replace(plan, nodes=plan.consul_servers)
    keep_voters(cluster.session, consul, list_members(cluster.session))
    assert (cluster.live.consul.autopilot_min_quorum, cluster.live.nomad.autopilot_min_quorum) == (3, 0)


def test_a_refusal_ends_at_the_deadline_with_its_reason(cluster: RollHarness) -> None:
    cluster.live.nomad.failures["set_min_quorum"] = AgentError(message="Nomad says no", status=500)
    with pytest.raises(DeadlineError) as caught:
        _keep(cluster)
    assert caught.value.details == "Nomad says no"


def test_without_credentials_nothing_is_set(cluster: RollHarness) -> None:
    keep_voters(cluster.harness.session(), small_plan(), list_members(cluster.session))
    assert cluster.live.consul.autopilot_min_quorum == 0


def test_a_replacement_sets_it_before_the_first_droplet(cluster: RollHarness) -> None:
    cluster.live.keeps_out = lambda droplet: droplet.name.startswith("demo-nomad-client-2-")
    with pytest.raises(DeadlineError):
        cluster.replace("demo-nomad-client-2")
    assert (cluster.live.consul.autopilot_min_quorum, cluster.live.nomad.autopilot_min_quorum) == (3, 3)
