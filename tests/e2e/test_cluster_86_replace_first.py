"""``bakery replace`` on droplets that boot: the new droplet first, so that no voter is missing in between."""

from collections.abc import Iterator

import pytest

from tests.helpers.cluster_e2e import Cluster
from tests.helpers.kv_writer import PREFIX, KvWriter
from tests.helpers.servers_e2e import CONSUL, NOMAD, Servers, slot_of
from tests.helpers.service_poller import ServicePoller
from tests.helpers.voter_sampler import VoterSampler

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

PLANNED = {f"demo-nomad-client-{number}" for number in (1, 2, 3)}
GAP = 15.0
"""Seconds without an acknowledged write: five times what a quiet machine needs. make sweep measures the bar."""


@pytest.fixture(scope="module")
def servers(cluster: Cluster) -> Iterator[Servers]:
    cluster.wait_healthy()
    yield Servers(cluster)
    cluster.tool("consul", "kv", "delete", "-recurse", f"{PREFIX}/", check=False)


def _addresses(servers: Servers) -> list[str]:
    return [droplet.public for droplet in servers.droplets(CONSUL)]


def test_the_leader_leaves_once_its_successor_votes(servers: Servers) -> None:
    old = servers.leader(CONSUL)
    with (
        KvWriter(servers.cluster, _addresses(servers)) as writer,
        VoterSampler(servers.cluster, _addresses(servers)) as sampler,
    ):
        servers.replace(old)
    assert servers.voters(CONSUL) == servers.names(CONSUL)
    assert len(servers.voters(CONSUL)) == 3
    assert old not in servers.members(CONSUL)
    (new,) = [name for name in servers.names(CONSUL) if slot_of(name) == slot_of(old)]
    assert new != old
    assert min(sampler.counts) == 3
    assert max(sampler.counts) == 4  # control: it saw the successor vote beside the old one
    assert len(writer.acknowledged) > 0
    assert writer.lost() == {}
    assert writer.longest_gap <= GAP
    for product in (CONSUL, NOMAD):  # as the launch of the demo set it
        settings = servers.cluster.tool(product, "operator", "autopilot", "get-config").stdout
        assert "MinQuorum = 3" in settings
    assert servers.cluster.bakery("status", "--local", check=False).returncode == 0


def test_a_clients_work_has_moved_when_it_is_gone_and_no_request_is_lost(servers: Servers) -> None:
    cluster = servers.cluster
    nodes = [allocation["NodeName"] for allocation in cluster.allocations("web")]
    assert len(nodes) == 2
    # A client that a launch with --count added for its run is not in the plan, and is not replaced.
    old = next(name for name in nodes if slot_of(name) in PLANNED)
    with ServicePoller(cluster, cluster.in_slot("demo-nomad-server-1").name) as poller:
        servers.replace(old, "--drain-deadline", "2m")
    assert poller.asked > 20  # control: it asked all the while
    assert poller.failed == []
    assert old not in cluster.nomad_nodes()
    assert old not in servers.members(CONSUL)
    assert len(cluster.allocations("web")) == 2
    assert [slot_of(name) for name in cluster.nomad_nodes()].count(slot_of(old)) == 1
