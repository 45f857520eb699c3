"""Real servers that come, go and die, and strangers among them: what Raft, gossip and health say of each.

The tests share one cluster, and each leaves it as it was. ``make sweep`` has the rest: a rogue Nomad client, and
servers that join, leave, die and lose their majority (tests/sweep/test_sweep_servers.py).
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.agents.model import GossipKeys
from bakery.config.defaults import TESTED_CONSUL_VERSION as CONSUL_VERSION
from bakery.config.defaults import TESTED_NOMAD_VERSION as NOMAD_VERSION
from bakery.errors import UsageError
from bakery.launch.base.running import Running
from bakery.launch.base.session import Session
from bakery.launch.roll.versions import check_versions
from bakery.observe.leaders import servers_with_leader
from bakery.wait import Pending
from tests.helpers.fake_cloud import FakeCloud
from tests.helpers.real_servers import (
    RealServers,
    eventually,
    healthy,
    running_servers,
)
from tests.helpers.state import paths_in

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ROGUE = "rogue"
ROGUE_NUMBER = 9


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServers]:
    with running_servers(tmp_path_factory.mktemp("servers")) as running:
        healthy(running)
        yield running


def test_three_voters_are_healthy_after_three_looks(servers: RealServers) -> None:
    report = servers.observe()
    assert [node.consul_voter for node in report.nodes] == [True] * 3
    assert [node.nomad_voter for node in report.nodes] == [True] * 3
    assert healthy(servers) == 3


@pytest.mark.parametrize("product", ["consul", "nomad"])
def test_raft_and_autopilot_name_every_server_at_its_address(servers: RealServers, product: str) -> None:
    api = servers.consul(2) if product == "consul" else servers.nomad(2)
    expected = {f"demo-server-{number}": servers.address(number) for number in (1, 2, 3)}
    peers, autopilot = api.raft_peers(), api.autopilot()
    assert {peer.name: peer.address for peer in peers} == expected
    assert {server.name: server.address for server in autopilot.servers} == expected
    assert {peer.id for peer in peers} == {server.id for server in autopilot.servers}
    assert sum(peer.leader for peer in peers) == sum(server.leader for server in autopilot.servers) == 1
    assert all(server.alive and server.healthy and server.voter for server in autopilot.servers)
    assert (autopilot.healthy, autopilot.failure_tolerance) == (True, 1)
    assert set(api.raft_peers(stale=True)) == set(peers)


def test_members_report_the_versions_that_run(servers: RealServers) -> None:
    assert {member.version for member in servers.consul(1).members()} == {CONSUL_VERSION}
    assert {member.version for member in servers.nomad(1).members()} == {NOMAD_VERSION}


def test_the_rules_of_versions_are_those_of_the_agents_that_run(servers: RealServers, tmp_path: Path) -> None:
    running = Running(clients=servers.clients, tokens_of=lambda name: ())
    session = Session(cloud=FakeCloud(), cluster="demo", paths=paths_in(tmp_path), running=running)
    tags = {node.name: node.tags for node in servers.plan.nodes}
    droplets = [replace(droplet, tags=tags[droplet.name]) for droplet in servers.droplets]

    def check(consul: str, nomad: str) -> None:
        check_versions(session, servers.plan, (consul, nomad), servers.plan.nodes, droplets)

    check(CONSUL_VERSION, NOMAD_VERSION)
    with pytest.raises(
        UsageError, match=f"runs Consul {CONSUL_VERSION}: servers cannot be changed back to 1.21.5"
    ):
        check("1.21.5", NOMAD_VERSION)
    with pytest.raises(UsageError, match=f"runs Nomad {NOMAD_VERSION}: servers cannot be changed back to 1.11.2"):
        check(CONSUL_VERSION, "1.11.2")


@pytest.mark.parametrize("product", ["consul", "nomad"])
def test_leadership_goes_to_whom_it_is_handed(servers: RealServers, product: str) -> None:
    api = servers.consul(1) if product == "consul" else servers.nomad(1)
    follower = next(peer for peer in api.raft_peers() if not peer.leader)
    api.transfer_leadership(follower.id)

    def leads() -> bool | Pending:
        (leader,) = [peer.id for peer in api.raft_peers() if peer.leader] or [""]
        return leader == follower.id or Pending(f"{leader} leads")

    eventually(leads, "the new leader")
    api.transfer_leadership(follower.id)  # which is no error


def test_every_server_sees_the_leader(servers: RealServers) -> None:
    found = servers_with_leader(servers.plan, servers.droplets, servers.clients)
    addresses = [servers.address(number) for number in (1, 2, 3)]
    for servers_of_one in (found.consul, found.nomad):
        assert [(server.address, server.sees_leader) for server in servers_of_one] == [
            (address, True) for address in addresses
        ]


def test_a_rogue_consul_member_is_named(servers: RealServers) -> None:
    """The gossip key alone is enough to become a member."""
    address = servers.address(ROGUE_NUMBER)
    servers.start_consul(ROGUE, address, server=False)

    def named() -> dict[str, str] | Pending:
        unmet = servers.unmet()
        return unmet if "strangers" in unmet else Pending(f"it has not joined: {unmet}")

    unmet = eventually(named, "the stranger")
    assert unmet["strangers"] == f"Consul member {ROGUE} at {address} is not a droplet of the cluster"
    consul = servers.consul(1)
    assert consul.gossip_keys() == GossipKeys(members=4, with_ours=4, others=0)
    servers.end("consul", ROGUE)

    def failed() -> bool | Pending:
        found = {member.status for member in consul.members() if member.name == ROGUE}
        return found == {"failed"} or Pending(str(found))

    eventually(failed, "gossip to notice")
    consul.force_leave(ROGUE)
    healthy(servers)


def _keyring(servers: RealServers, method: str, key: str) -> None:
    """As somebody would who is in the cluster; bakery itself only reads."""
    servers.http("consul", 1).call(method, "/v1/operator/keyring", {"Key": key})


def test_a_foreign_gossip_key_is_noticed_and_our_own_can_be_rotated_back(servers: RealServers) -> None:
    healthy(servers)  # control
    theirs = "Q0FOQVJZLWZvcmVpZ24ta2V5LTAxMjM0NTY3ODkwMTI="
    _keyring(servers, "POST", theirs)
    assert servers.unmet() == {"keyrings": "another gossip key is installed on Consul's members"}
    _keyring(servers, "PUT", theirs)
    _keyring(servers, "DELETE", servers.bundle.consul_gossip_key)
    report = servers.observe()
    assert [condition.message for condition in report.missing] == [
        "3 of 3 Consul members lack the cluster's gossip key; another gossip key is installed on Consul's members"
    ]
    assert theirs not in repr(report)
    assert servers.bundle.consul_gossip_key not in repr(report)
    _keyring(servers, "POST", servers.bundle.consul_gossip_key)
    _keyring(servers, "PUT", servers.bundle.consul_gossip_key)
    _keyring(servers, "DELETE", theirs)
    assert servers.unmet() == {}


def test_nomads_keys_are_ours(servers: RealServers) -> None:
    assert servers.nomad(3).gossip_keys() == GossipKeys(members=3, with_ours=3, others=0)
