"""A role that is no longer in the cluster file has no known kind: Raft says whether its nodes are servers."""

from pathlib import Path

import pytest

from bakery.config.load import parse_cluster
from bakery.errors import UsageError
from bakery.launch.teardown.destroy_some import Removal, destroy_node, destroy_role
from bakery.plan.build import build_plan
from bakery.plan.model import ClusterPlan
from tests.helpers.launch_harness import SIZE
from tests.helpers.roll_harness import RollHarness, roll_harness

EXTRA = {
    "extra-consul-server": "consul-server",
    "extra-nomad-server": "nomad-server",
    "batch-nomad-client": "nomad-client",
}
BASE = {"consul-server": "consul-server", "nomad-server": "nomad-server", "nomad-client": "nomad-client"}


def _plan(roles: dict[str, str], count: int = 1) -> ClusterPlan:
    lines = "".join(f"  {role}: {{kind: {kind}, count: {count}, size: {SIZE}}}\n" for role, kind in roles.items())
    return build_plan(parse_cluster(f"version: 1\ncluster: demo\nroles:\n{lines}", Path("bakery.yaml")))


@pytest.fixture
def cluster(tmp_path: Path) -> RollHarness:
    """Two nodes of each of six roles run; three of the roles are no longer in the file."""
    made = roll_harness(tmp_path, plan=_plan(BASE | EXTRA, count=2))
    made.harness.plan = _plan(BASE, count=2)
    return made


def _destroy(cluster: RollHarness, role: str) -> Removal:
    seen: list[Removal] = []

    def approve(removal: Removal) -> bool:
        seen.append(removal)
        return True

    destroy_role(cluster.session, cluster.harness.removal(), role, approve)
    return seen[0]


@pytest.mark.parametrize("product", ["consul", "nomad"])
def test_the_quorum_is_asked(cluster: RollHarness, product: str) -> None:
    with pytest.raises(UsageError) as caught:
        _destroy(cluster, f"extra-{product}-server")
    assert f"{product.capitalize()} would have 2 of 4 voters, and 3 must be left" in caught.value.message
    _destroy_one(cluster, f"demo-extra-{product}-server-1")  # control: three of four are a majority
    assert len(cluster.voters(product)) == 3


def _destroy_one(cluster: RollHarness, name: str) -> None:
    destroy_node(cluster.session, cluster.harness.removal(), name, lambda removal: True)


@pytest.mark.parametrize("product", ["consul", "nomad"])
def test_a_server_leaves_raft_before_its_droplet_is_deleted(cluster: RollHarness, product: str) -> None:
    name, seen = f"demo-extra-{product}-server-1", []
    delete = cluster.cloud.delete_droplet

    def watched(droplet_id: int) -> None:
        seen.append(name in [peer.name for peer in cluster.agent(product).raft])
        delete(droplet_id)

    cluster.cloud.delete_droplet = watched  # type: ignore[method-assign]
    _destroy_one(cluster, name)
    assert seen == [False]
    assert name not in cluster.live.names(product)


def test_clients_are_drained_and_nothing_is_asked_of_them(cluster: RollHarness) -> None:
    removal = _destroy(cluster, "batch-nomad-client")
    names = "demo-batch-nomad-client-1, demo-batch-nomad-client-2"
    assert removal.notes == (f"the work of {names} moves to other clients first (at most 600 s)",)
    assert len([call for call in cluster.live.nomad.calls if call.startswith("drain ")]) == 2
    assert not [name for name in cluster.live.names("consul") if "batch" in name]


@pytest.mark.parametrize("product", ["consul", "nomad"])
def test_servers_are_found_if_no_role_of_the_file_has_one_that_runs(cluster: RollHarness, product: str) -> None:
    """The file calls both roles by other names now."""
    cluster.harness.plan = _plan(
        {"first": "consul-server", "second": "nomad-server", "nomad-client": "nomad-client"}
    )
    _destroy_one(cluster, f"demo-extra-{product}-server-1")
    with pytest.raises(UsageError, match="would have 1 of 3 voters, and 2 must be left"):
        _destroy(cluster, f"{product}-server")
    assert len(cluster.voters(product)) == 3


def test_without_credentials_a_node_that_may_be_a_server_needs_its_name(cluster: RollHarness) -> None:
    session = cluster.harness.session(running=None)
    with pytest.raises(UsageError, match="the cluster's credentials are not here"):
        destroy_role(session, cluster.harness.removal(), "batch-nomad-client", lambda removal: True)
    accepted = frozenset({"demo-batch-nomad-client-1", "demo-batch-nomad-client-2"})
    removal = cluster.harness.removal(accept_quorum_loss=accepted)
    destroy_role(session, removal, "batch-nomad-client", lambda removal: True)
    assert not [name for name in cluster.cloud.names() if "batch" in name]
