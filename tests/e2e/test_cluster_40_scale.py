"""Launching again: more clients are added, nothing is done twice, nothing is taken away unasked."""

import pytest

from tests.helpers.cluster_e2e import Cluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

CLIENTS = "bakery:demo:role:nomad-client"
MORE = ("launch", "--local", "--yes", "--role", "nomad-client", "--count", "5")


def mutating_requests(cluster: Cluster) -> list[str]:
    """What the API has been asked to change since its log was cleared."""
    asked = cluster.api("GET", "/_emulator/requests").body["requests"]
    assert asked, "control: the log has the reads"
    return [f"{each['method']} {each['path']}" for each in asked if each["method"] not in {"GET", "HEAD"}]


def test_more_clients_join_by_themselves(cluster: Cluster) -> None:
    before = cluster.droplets()
    cluster.api("DELETE", "/_emulator/requests")
    cluster.bakery(*MORE)
    after = cluster.droplets()
    added = {droplet.name for droplet in after} - {droplet.name for droplet in before}
    assert added == {"demo-nomad-client-4", "demo-nomad-client-5"}
    assert set(before) <= set(after)
    assert mutating_requests(cluster).count("POST /v2/droplets") == 2
    for name in sorted(added):
        cluster.wait_ready(name)


def test_the_same_again_asks_for_nothing(cluster: Cluster) -> None:
    before = cluster.droplets()
    cluster.api("DELETE", "/_emulator/requests")
    done = cluster.bakery(*MORE)
    assert "demo is healthy: 11 droplets, 0 new" in done.stderr
    assert mutating_requests(cluster) == []
    assert cluster.droplets() == before


def test_a_launch_of_less_reports_and_destroys_nothing(cluster: Cluster) -> None:
    before = cluster.droplets()
    cluster.api("DELETE", "/_emulator/requests")
    done = cluster.bakery("launch", "--local", "--yes")
    for name in ("demo-nomad-client-4", "demo-nomad-client-5"):
        assert name in done.stderr
    assert mutating_requests(cluster) == []
    assert cluster.droplets() == before


def test_one_node_is_destroyed_by_name(cluster: Cluster) -> None:
    before = cluster.droplets(CLIENTS)
    cluster.bakery("destroy", "--local", "--yes", "--node", "demo-nomad-client-5")
    after = cluster.droplets(CLIENTS)
    assert {droplet.name for droplet in before} - {droplet.name for droplet in after} == {"demo-nomad-client-5"}
    assert set(after) < set(before)
    cluster.wait_healthy()


def test_a_droplet_that_never_boots_is_named_and_only_it_is_replaced(cluster: Cluster) -> None:
    before = cluster.droplets()
    assert cluster.api("POST", "/_emulator/faults", {"action": "create", "outcome": "unbootable"}).status == 201

    missed = cluster.bakery(*MORE, "--deadline", "20", check=False)

    assert missed.returncode == 6
    dead = cluster.in_slot("demo-nomad-client-5")
    assert dead.name != "demo-nomad-client-5", "its predecessor had that name"
    assert f"{dead.name} never joined" in missed.stderr
    assert set(before) <= set(cluster.droplets())
    cluster.api("DELETE", "/_emulator/requests")

    done = cluster.bakery(*MORE)

    assert "demo is healthy: 11 droplets, 1 new" in done.stderr
    assert [each for each in mutating_requests(cluster) if "/v2/droplets" in each] == [
        f"DELETE /v2/droplets/{dead.id}",
        "POST /v2/droplets",
    ]
    assert set(before) <= set(cluster.droplets())
    cluster.bakery("destroy", "--local", "--yes", "--node", "demo-nomad-client-5")
