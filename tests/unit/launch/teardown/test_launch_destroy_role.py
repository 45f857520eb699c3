"""Destroy of one role: all of it, nothing else, and never a quorum."""

from pathlib import Path

import pytest

from bakery.errors import UsageError
from bakery.launch.teardown.destroy_some import destroy_role
from tests.helpers.launch_harness import NAMES, LaunchHarness
from tests.helpers.launch_strangers import add_strangers
from tests.helpers.live_cluster import LiveCluster


@pytest.fixture
def harness(tmp_path: Path) -> LaunchHarness:
    harness = LaunchHarness(tmp_path)
    add_strangers(harness.cloud)
    harness.launch()
    harness.cloud.revive()
    return harness


def _remove(harness: LaunchHarness, role: str) -> list[str]:
    gone = destroy_role(harness.session(running=LiveCluster(harness.cloud).running), harness.removal(), role)
    return [droplet.name for droplet in gone]


def test_every_droplet_of_the_role_goes_and_nothing_else(harness: LaunchHarness) -> None:
    before = harness.cloud.names()
    ours = [f"demo-nomad-client-{number}" for number in (1, 2, 3)]
    assert sorted(_remove(harness, "nomad-client")) == ours
    for name in ours:
        before.remove(name)
    assert harness.cloud.names() == before, "a stranger of the same name is still there"
    assert {call.name for call in harness.cloud.mutations} == {"delete_droplet"}
    harness.launch()
    assert harness.cloud.slots() == sorted([*before, *ours])
    assert not set(ours) & set(harness.cloud.names()) - set(before), "a name belongs to one droplet for ever"


@pytest.mark.parametrize(("role", "product"), [("consul-server", "Consul"), ("nomad-server", "Nomad")])
def test_servers_stay(harness: LaunchHarness, role: str, product: str) -> None:
    with pytest.raises(UsageError) as caught:
        _remove(harness, role)
    names = f"demo-{role}-1, demo-{role}-2, demo-{role}-3"
    assert caught.value.message == f"{names} hold all of {product}'s data: there is no other voter"
    assert set(NAMES) <= set(harness.cloud.names())


def test_a_role_of_another_cluster_is_not_ours(harness: LaunchHarness) -> None:
    """Cluster demo-nomad has a role "server", whose droplets have the names of our nomad servers."""
    with pytest.raises(UsageError) as caught:
        _remove(harness, "server")
    assert caught.value.message == "cluster demo has no droplet of a role 'server'"
    assert (
        caught.value.hint
        == "did you mean nomad-server? roles with droplets: consul-server, nomad-client, nomad-server"
    )


def test_declined_it_changes_nothing(harness: LaunchHarness) -> None:
    destroy_role(harness.session(), harness.removal(), "nomad-client", lambda removal: False)
    assert harness.cloud.mutations == []
