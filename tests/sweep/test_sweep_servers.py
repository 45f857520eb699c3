"""Real servers that leave, die and lose their majority. The tests share one cluster and run in order."""

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


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServers]:
    with running_servers(tmp_path_factory.mktemp("servers")) as running:
        add_fourth(running)
        healthy(running)
        yield running


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
