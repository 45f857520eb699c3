"""Destroy of one role: all of it, nothing else, and never a quorum."""

from pathlib import Path

import pytest

from bakery.errors import UsageError
from bakery.launch.teardown.destroy_some import destroy_role
from tests.helpers.launch_harness import NAMES, LaunchHarness
from tests.helpers.launch_strangers import add_strangers
from tests.helpers.live_cluster import LiveCluster


@pytest.fixture
def bench(tmp_path: Path) -> LaunchHarness:
    bench = LaunchHarness(tmp_path)
    add_strangers(bench.cloud)
    bench.launch()
    bench.cloud.revive()
    return bench


def _remove(bench: LaunchHarness, role: str) -> list[str]:
    gone = destroy_role(bench.session(running=LiveCluster(bench.cloud).running), bench.removal(), role)
    return [droplet.name for droplet in gone]


def test_every_droplet_of_the_role_goes_and_nothing_else(bench: LaunchHarness) -> None:
    before = bench.cloud.names()
    ours = [f"demo-nomad-client-{number}" for number in (1, 2, 3)]
    assert sorted(_remove(bench, "nomad-client")) == ours
    for name in ours:
        before.remove(name)
    assert bench.cloud.names() == before, "a stranger of the same name is still there"
    assert {call.name for call in bench.cloud.mutations} == {"delete_droplet"}
    bench.launch()
    assert bench.cloud.slots() == sorted([*before, *ours])
    assert not set(ours) & set(bench.cloud.names()) - set(before), "a name belongs to one droplet for ever"


@pytest.mark.parametrize(("role", "product"), [("consul-server", "Consul"), ("nomad-server", "Nomad")])
def test_servers_stay(bench: LaunchHarness, role: str, product: str) -> None:
    with pytest.raises(UsageError) as caught:
        _remove(bench, role)
    names = f"demo-{role}-1, demo-{role}-2, demo-{role}-3"
    assert caught.value.message == f"{names} hold all of {product}'s data: there is no other voter"
    assert set(NAMES) <= set(bench.cloud.names())


def test_a_role_of_another_cluster_is_not_ours(bench: LaunchHarness) -> None:
    """Cluster demo-nomad has a role "server", whose droplets have the names of our nomad servers."""
    with pytest.raises(UsageError) as caught:
        _remove(bench, "server")
    assert caught.value.message == "cluster demo has no droplet of a role 'server'"
    assert caught.value.hint == "roles with droplets: consul-server, nomad-client, nomad-server"


def test_declined_it_changes_nothing(bench: LaunchHarness) -> None:
    destroy_role(bench.session(), bench.removal(), "nomad-client", lambda removal: False)
    assert bench.cloud.mutations == []
