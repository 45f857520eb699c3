"""Droplets in memory run no agents: who waits for one is told so, and nobody is who waits for droplets only."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.cloud.model import has_metadata
from bakery.errors import AgentError, UnreachableError, UsageError
from bakery.launch.base.agentless import (
    NO_AGENTS,
    asks_agents_in_vain,
    check_agents_exist,
    none_will_answer,
)
from bakery.observe.health import observe_cluster
from tests.helpers.fake_agents import healthy_cluster
from tests.helpers.launch_harness import LaunchHarness


def in_memory(harness: LaunchHarness) -> LaunchHarness:
    harness.cloud.regions = tuple(replace(each, features=("backups",)) for each in harness.cloud.regions)
    return harness


def test_the_features_of_the_region_decide(tmp_path: Path) -> None:
    harness = LaunchHarness(tmp_path)
    assert has_metadata(harness.cloud.regions, "fra1")
    check_agents_exist(harness.cloud, "fra1")
    in_memory(harness)
    assert not has_metadata(harness.cloud.regions, "fra1")
    assert has_metadata(harness.cloud.regions, "fra9"), "an unknown region is another error"
    with pytest.raises(UsageError) as caught:
        check_agents_exist(harness.cloud, "fra1")
    assert caught.value.message == NO_AGENTS
    assert "bakery demo" in str(caught.value.hint)


def test_an_api_that_does_not_answer_says_nothing_about_agents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = in_memory(LaunchHarness(tmp_path))
    assert asks_agents_in_vain(harness.cloud, "fra1"), "control"

    def refuse() -> None:
        raise UnreachableError(message="no network")

    monkeypatch.setattr(harness.cloud, "list_regions", refuse)
    assert not asks_agents_in_vain(harness.cloud, "fra1")


def test_agents_that_answer_need_no_question_about_droplets(tmp_path: Path) -> None:
    harness, cluster = in_memory(LaunchHarness(tmp_path)), healthy_cluster()
    cluster.nomad.failures["gossip_keys"] = AgentError(message="no", status=500)
    unhealthy = observe_cluster(cluster.plan, cluster.droplets, cluster.clients)
    assert not unhealthy.healthy
    assert not none_will_answer(harness.cloud, "fra1", unhealthy)
    assert harness.cloud.calls == []
    cluster.unreachable = {str(droplet.public_ipv4) for droplet in cluster.droplets}
    silent = observe_cluster(cluster.plan, cluster.droplets, cluster.clients)
    assert none_will_answer(harness.cloud, "fra1", silent), "control"
    assert not none_will_answer(LaunchHarness(tmp_path).cloud, "fra1", silent)


@pytest.mark.parametrize("change", [in_memory, lambda harness: harness])
def test_a_launch_until_healthy_is_refused_before_its_first_change(
    tmp_path: Path, change: Callable[[LaunchHarness], LaunchHarness]
) -> None:
    harness = change(LaunchHarness(tmp_path))
    refused = harness.preview(until_healthy=True).obstacles
    assert harness.preview(until_healthy=False).obstacles == ()
    if change is not in_memory:
        assert refused == (), "control: where droplets boot it is not"
        return
    assert [each.code for each in refused] == ["no_agents"]
    assert "bakery launch --wait active" in str(refused[0].hint)
    with pytest.raises(UsageError, match=NO_AGENTS):
        harness.launch(until_healthy=True)
    assert harness.cloud.mutations == []
    harness.launch(until_healthy=False)
    assert harness.cloud.mutations != []
