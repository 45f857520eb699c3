"""What gossip lists without a droplet is pruned after a replacement, unless it is somebody's live server."""

from pathlib import Path

import pytest

from bakery.agents.model import Member, RaftPeer
from bakery.launch.base.members import list_members
from bakery.launch.roll.prune import prune_everywhere
from tests.helpers.roll_harness import RollHarness, roll_harness

GHOST = Member(name="demo-nomad-server-2-7f3a", address="10.100.0.99", status="alive")
"""As a server that joined within 40 seconds of its end takes it for alive."""


@pytest.fixture
def cluster(tmp_path: Path) -> RollHarness:
    return roll_harness(tmp_path)


def _prune(cluster: RollHarness) -> None:
    prune_everywhere(cluster.session, cluster.harness.plan, None, list_members(cluster.session))


def test_a_nomad_server_that_only_gossip_takes_for_alive_is_pruned(cluster: RollHarness) -> None:
    cluster.live.nomad.pool += (GHOST,)
    _prune(cluster)
    assert GHOST.name not in cluster.live.names("nomad")


def test_a_dead_node_of_an_earlier_run_is_pruned(cluster: RollHarness) -> None:
    cluster.live.consul.pool += (Member(name="demo-nomad-client-9", address="10.100.0.98", status="failed"),)
    cluster.replace("demo-nomad-client-2")
    assert "demo-nomad-client-9" not in cluster.live.names("consul")


@pytest.mark.parametrize(
    "stranger",
    [
        Member(name="demo-nomad-server-9", address="10.100.0.97", status="alive"),
        Member(name="their-server", address="10.100.0.96", status="failed"),
    ],
    ids=["a voter", "another name"],
)
def test_what_may_be_somebodys_is_not_touched(cluster: RollHarness, stranger: Member) -> None:
    nomad = cluster.live.nomad
    nomad.pool += (stranger,)
    nomad.raft += (RaftPeer(id="theirs", name=stranger.name, address=stranger.address, voter=True, leader=False),)
    _prune(cluster)
    assert stranger.name in cluster.live.names("nomad")
    assert not [call for call in nomad.calls if call.startswith("force_leave")]
