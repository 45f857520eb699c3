"""A rogue client; real servers that join, leave, die and lose their majority. In order, on one cluster."""

from collections.abc import Iterator
from typing import Any

import pytest

from bakery.errors import AgentError
from bakery.observe.leaders import servers_with_leader
from bakery.wait import Pending
from tests.helpers.real_servers import (
    FOURTH,
    SECONDS,
    RealServers,
    add_fourth,
    eventually,
    healthy,
    running_servers,
)

pytestmark = pytest.mark.sweep

ROGUE = "rogue"
ROGUE_NUMBER = 9


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServers]:
    with running_servers(tmp_path_factory.mktemp("servers")) as running:
        yield running


def test_a_rogue_nomad_client_is_named_and_can_be_taken_out(servers: RealServers) -> None:
    """One stolen client certificate registers a node that may read every job's secrets."""
    healthy(servers)  # control
    address = servers.address(ROGUE_NUMBER)
    servers.start_nomad(ROGUE, address, servers.nomad_client())

    def named() -> dict[str, str] | Pending:
        return servers.unmet() or Pending("it is not registered")

    unmet = eventually(named, "the stranger")
    assert unmet == {"strangers": f"Nomad client {ROGUE} at {address} is not a droplet of the cluster"}
    nomad = servers.nomad(1)
    (node,) = [node for node in nomad.nodes() if node.name == ROGUE]
    assert nomad.allocations(node.id) == ()
    nomad.drain(node.id, seconds=60)
    assert [each.eligible for each in nomad.nodes()] == [False]
    nomad.set_eligible(node.id)
    assert [(each.eligible, each.draining) for each in nomad.nodes()] == [(True, False)]
    servers.end("nomad", ROGUE)
    nomad.purge(node.id)
    nomad.purge(node.id)  # which is no error
    assert nomad.nodes() == ()
    assert servers.unmet() == {}


def test_a_server_that_has_joined_is_not_healthy_before_it_votes(servers: RealServers) -> None:
    """Autopilot gives it a vote when it has been stable; until then the old meaning of healthy was met."""
    unmet = add_fourth(servers)
    assert unmet["consul-peers"] == f"{FOURTH}: a Raft peer that does not vote yet"
    healthy(servers)
    assert [node.consul_voter for node in servers.observe().nodes] == [True] * 4


def test_a_consul_server_leaves_and_is_gone_everywhere(servers: RealServers) -> None:
    servers.consul(4).leave()
    assert servers.processes.pop(("consul", FOURTH)).wait(SECONDS) == 0, "so its unit does not start it again"
    consul = servers.consul(1)
    assert servers.address(4) not in {peer.address for peer in consul.raft_peers()}
    assert {member.status for member in consul.members() if member.name == FOURTH} == {"left"}
    consul.force_leave(FOURTH)
    consul.force_leave(FOURTH)  # which is no error
    consul.deregister_node(FOURTH)
    consul.deregister_node(FOURTH)

    def gone() -> bool | Pending:
        names = {member.name for member in consul.members()} | {node.name for node in consul.catalog_nodes()}
        return FOURTH not in names or Pending(f"{FOURTH} is still in {names}")

    eventually(gone, "nobody to know it")


def test_a_dead_nomad_server_is_taken_out_and_health_does_not_wait_for_gossip(servers: RealServers) -> None:
    servers.end("nomad", FOURTH)
    droplet = servers.droplets.pop()
    nomad = servers.nomad(1)
    peer = next(peer for peer in nomad.raft_peers() if peer.address == droplet.private_ipv4)
    nomad.remove_peer(peer.id)
    nomad.remove_peer(peer.id)  # which is no error
    nomad.force_leave(FOURTH)

    def struck() -> bool | Pending:
        found = [member.name for each in (1, 2, 3) for member in servers.nomad(each).members()]
        return FOURTH not in found or Pending(str(found))

    eventually(struck, "Nomad's members to forget it")
    nomad.force_leave(FOURTH)  # which is no error
    healthy(servers)
    assert FOURTH not in {peer.name for peer in nomad.raft_peers()}


def test_a_token_is_deleted_once_and_for_all(servers: RealServers) -> None:
    consul = servers.consul(1)
    token = next(token for token in consul.list_tokens() if FOURTH in token.grant.description)
    consul.delete_token(token.accessor)
    assert token not in consul.list_tokens()
    consul.delete_token(token.accessor)


def test_without_a_majority_raft_is_still_read_stale(servers: RealServers) -> None:
    """Last: it ends two of the three."""
    for number in (2, 3):
        for product in ("consul", "nomad"):
            servers.end(product, f"demo-server-{number}")

    for api in (servers.consul(1), servers.nomad(1)):

        def leaderless(api: Any = api) -> bool | Pending:  # noqa: ANN401 - either product
            return not api.leader() or Pending("there is a leader yet")

        eventually(leaderless, "the leader to go")
        assert len(api.raft_peers(stale=True)) == 3
    with pytest.raises(AgentError):
        servers.nomad(1).raft_peers()
    found = servers_with_leader(servers.plan, servers.droplets, servers.clients)
    assert not any(server.sees_leader for server in (*found.consul, *found.nomad))
