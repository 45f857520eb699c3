"""Servers are replaced by the documented commands, leaders first, without a pause and without a lost write.

Health is asked of Raft, the gossip pools, the catalog and the scheduler, in their own words.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bakery.errors import ExitCode
from tests.helpers.cluster_e2e import Cluster
from tests.helpers.kv_writer import PREFIX, KvWriter

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

CONSUL, NOMAD = "consul-server", "nomad-server"


@dataclass(frozen=True)
class Peer:
    """A line of ``operator raft list-peers``."""

    name: str
    state: str
    voter: bool


@pytest.fixture(autouse=True, scope="module")
def _tidy(cluster: Cluster) -> Iterator[None]:
    cluster.wait_healthy()
    yield
    cluster.tool("consul", "kv", "delete", "-recurse", f"{PREFIX}/", check=False)


def servers(cluster: Cluster, role: str) -> list[str]:
    return [droplet.name for droplet in cluster.droplets(f"bakery:demo:role:{role}")]


def peers(cluster: Cluster, role: str) -> list[Peer]:
    """Raft's word, through the first server that answers."""
    lines = cluster.ask(servers(cluster, role)[0], "operator", "raft", "list-peers").splitlines()[1:]
    words = [line.split() for line in lines]
    return [Peer(name=w[0].removesuffix(".global"), state=w[3], voter=w[4] == "true") for w in words]


def members(cluster: Cluster, role: str) -> dict[str, str]:
    """The gossip pool's word on each member, by name."""
    command = ("members",) if role == CONSUL else ("server", "members")
    column = 2 if role == CONSUL else 3
    lines = cluster.ask(servers(cluster, role)[0], *command).splitlines()[1:]
    return {words[0].removesuffix(".global"): words[column] for words in map(str.split, lines)}


def leader(cluster: Cluster, role: str) -> str:
    (found,) = [peer.name for peer in peers(cluster, role) if peer.state == "leader"]
    return found


def slot_of(name: str) -> str:
    return re.sub("-[0-9a-f]{4}$", "", name)


@pytest.mark.parametrize("role", [CONSUL, NOMAD])
def test_the_leader_is_replaced_and_no_acknowledged_write_or_allocation_is_lost(
    cluster: Cluster, role: str
) -> None:
    allocations = {each["ID"] for each in cluster.allocations("web")}
    assert len(allocations) == 2  # control: there is work to lose
    old = leader(cluster, role)
    with KvWriter(cluster, [cluster.droplet(name).public for name in servers(cluster, CONSUL)]) as writer:
        cluster.bakery("destroy", "--local", "--yes", "--node", old)
        cluster.forget_env()
        assert old not in members(cluster, role)
        assert {peer.name for peer in peers(cluster, role)} == set(servers(cluster, role))
        refused = cluster.bakery("destroy", "--local", "--yes", "--node", servers(cluster, role)[0], check=False)
        cluster.bakery("launch", "--local", "--yes")
        after = peers(cluster, role)
    assert refused.returncode == ExitCode.USAGE
    assert "would have 1 of 2 voters, and 2 must be left" in refused.stderr
    assert [peer.voter for peer in after] == [True, True, True]
    assert {peer.name for peer in after} == set(servers(cluster, role))
    assert set(members(cluster, role).values()) == {"alive"}
    (new,) = [name for name in servers(cluster, role) if slot_of(name) == slot_of(old)]
    assert new != old
    assert len(writer.acknowledged) > 0  # control: there were writes to lose
    assert writer.lost() == {}
    assert {each["ID"] for each in cluster.allocations("web")} == allocations


def test_nothing_is_left_of_the_replaced(cluster: Cluster) -> None:
    """In the catalog, and among the ACL tokens."""
    names = {droplet.name for droplet in cluster.droplets()}
    lines = cluster.tool("consul", "catalog", "nodes").stdout.splitlines()[1:]
    assert {line.split()[0] for line in lines} == names
    described = re.findall(r"bakery: Consul agent of (\S+)", cluster.tool("consul", "acl", "token", "list").stdout)
    assert set(described) == names
