"""The first Consul server dies between the two waves of a first launch: real agents on loopback.

Servers 2 and 3 and a client have its address only, and no Nomad server has the address of another.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.cloud.model import Droplet
from bakery.config.model import Kind, Role
from bakery.launch.acl.ensure import AclRequest, ensure_acls
from bakery.launch.base.running import Running
from bakery.launch.base.session import Session
from bakery.launch.base.stranded import STRANDED_SECONDS, Stranded
from bakery.observe.health import observe_cluster
from bakery.plan.model import ClusterPlan
from bakery.wait import Pending
from tests.helpers.clusters import make_node, make_plan
from tests.helpers.fake_agents import make_droplet
from tests.helpers.fake_cloud import FakeClock, FakeCloud
from tests.helpers.real_servers import SECONDS, RealServers, eventually, no_servers
from tests.helpers.state import paths_in

pytestmark = pytest.mark.integration

CLIENT = "demo-nomad-client-1"


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[RealServers]:
    """Servers 2 and 3, which know server 1 only, and 4, which the next launch makes in its place."""
    with no_servers(tmp_path) as servers:
        servers.nomad_joins = False
        servers.add_server(2, expect=3)
        servers.add_server(3, expect=3)
        servers.start_consul(CLIENT, servers.address(5), server=False)
        # bakery.launch.converge.droplets.join_for: all servers that are there
        servers.join, servers.joins_too = 2, (3,)
        servers.add_server(4, expect=3)
        yield servers


def plan() -> ClusterPlan:
    nodes = (*(make_node(Kind.SERVER, number) for number in (2, 3, 4)), make_node(Kind.NOMAD_CLIENT, 1))
    return replace(make_plan(), nodes=nodes, consul_expect=3, nomad_expect=3)


def test_the_next_launch_brings_all_of_them_together(servers: RealServers, tmp_path: Path) -> None:
    address = servers.address(5)
    client = replace(make_droplet(5, CLIENT), public_ipv4=address, private_ipv4=address)
    droplets: list[Droplet] = [*servers.droplets, client]
    addresses = tuple(servers.address(number) for number in (2, 3, 4))
    request = AclRequest(
        plan=plan(),
        roles=(Role(name="server", kind=Kind.SERVER, count=3, size="s-1vcpu-1gb", node_pool="default"),),
        bundle=servers.bundle,
        droplets=tuple(droplets),
        consul_servers=addresses,
        nomad_servers=addresses,
    )
    ensure_acls(request, servers.clients, seconds=SECONDS)
    assert [peer.voter for peer in servers.nomad(2).raft_peers()] == [True] * 3

    clock = FakeClock()
    session = Session(
        cloud=FakeCloud(),
        cluster="demo",
        paths=paths_in(tmp_path),
        running=Running(clients=servers.clients, tokens_of=lambda name: ()),
        clock=clock,
    )
    stranded = Stranded(session, plan(), lambda: droplets)

    def join_overdue() -> dict[str, str]:
        stranded.join(observe_cluster(plan(), droplets, servers.clients))
        clock.sleep(STRANDED_SECONDS)
        return {member.name: member.status for member in servers.consul(4).members()}

    def is_member() -> bool | Pending:
        found = join_overdue()
        return found.get(CLIENT) == "alive" or Pending(str(found))

    assert CLIENT not in join_overdue(), "control: nobody has joined it yet"
    assert eventually(is_member, "the client to be a member")
