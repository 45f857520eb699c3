"""A dead server of real Consul and Nomad stays in Raft, because autopilot keeps as many voters as planned."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bakery.agents.interface import AclApi
from bakery.launch.base.running import Running
from bakery.launch.base.session import Session
from bakery.launch.base.voters import keep_voters
from bakery.wait import Pending
from tests.helpers.fake_cloud import FakeCloud
from tests.helpers.real_servers import RealServers, eventually, running_servers
from tests.helpers.state import paths_in

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

DEAD = "demo-server-3"
LOOKS = 12.0
"""Autopilot looks for dead servers every ten seconds (hashicorp/raft-autopilot, DefaultReconcileInterval)."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServers]:
    with running_servers(tmp_path_factory.mktemp("quorum")) as running:
        yield running


def _keep(servers: RealServers, folder: Path) -> None:
    running = Running(clients=servers.clients, tokens_of=lambda name: ())
    session = Session(cloud=FakeCloud(), cluster="demo", paths=paths_in(folder), running=running)
    keep_voters(session, servers.plan, servers.droplets)


def _peers(agent: AclApi) -> list[str]:
    return sorted(peer.name for peer in agent.raft_peers())


def _is_gone(agent: AclApi) -> bool | Pending:
    return DEAD not in _peers(agent) or Pending("still a peer")


def _wait_until_failed(agent: AclApi) -> None:
    def failed() -> bool | Pending:
        status = {member.name: member.status for member in agent.members()}.get(DEAD)
        return True if status in {"failed", "left"} else Pending(f"{DEAD} is {status}")

    eventually(failed, "the dead server to be missed")


def test_a_dead_server_stays_a_peer_until_the_limit_is_lowered(servers: RealServers, tmp_path: Path) -> None:
    agents: tuple[AclApi, AclApi] = (servers.consul(1), servers.nomad(1))
    _keep(servers, tmp_path)
    assert [agent.min_quorum() for agent in agents] == [3, 3]
    for product in ("consul", "nomad"):
        servers.end(product, DEAD)
    for agent in agents:
        _wait_until_failed(agent)
    time.sleep(LOOKS)
    assert [_peers(agent) for agent in agents] == [["demo-server-1", "demo-server-2", DEAD]] * 2

    for agent in agents:  # control: without the limit both remove it, as after a launch of bakery 0.1
        agent.set_min_quorum(0)
        eventually(partial(_is_gone, agent), "autopilot to remove the dead server")
