"""Servers are replaced by the documented commands, leaders first, without a pause and without a lost write.

Health is asked of Raft, the gossip pools, the catalog and the scheduler, in their own words.
"""

import json
import re
from collections.abc import Iterator

import pytest

from bakery.config.defaults import TESTED_CONSUL_VERSION, TESTED_NOMAD_VERSION
from bakery.errors import ExitCode
from tests.helpers.cluster_e2e import Cluster
from tests.helpers.kv_writer import PREFIX, KvWriter
from tests.helpers.servers_e2e import CONSUL, NOMAD, Servers, slot_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def servers(cluster: Cluster) -> Iterator[Servers]:
    cluster.wait_healthy()
    yield Servers(cluster)
    cluster.tool("consul", "kv", "delete", "-recurse", f"{PREFIX}/", check=False)


@pytest.mark.parametrize("product", [CONSUL, NOMAD])
def test_the_leader_is_replaced_and_no_acknowledged_write_or_allocation_is_lost(
    servers: Servers, product: str
) -> None:
    allocations = {each["ID"] for each in servers.cluster.allocations("web")}
    assert len(allocations) == 2  # control: there is work to lose
    old = servers.leader(product)
    with KvWriter(servers.cluster, [droplet.public for droplet in servers.droplets(CONSUL)]) as writer:
        servers.destroy(old)
        assert old not in servers.members(product)
        assert servers.voters(product) == servers.names(product)
        refused = servers.destroy(min(servers.names(product)), check=False)
        servers.launch()
        voters, members = servers.voters(product), servers.members(product)
    assert refused.returncode == ExitCode.USAGE
    assert "would have 1 of 2 voters, and 2 must be left" in refused.stderr
    assert voters == servers.names(product)
    assert len(voters) == 3
    assert set(members.values()) == {"alive"}
    (new,) = [name for name in servers.names(product) if slot_of(name) == slot_of(old)]
    assert new != old
    assert len(writer.acknowledged) > 0  # control: there were writes to lose
    assert writer.lost() == {}
    assert {each["ID"] for each in servers.cluster.allocations("web")} == allocations


def test_nothing_is_left_of_the_replaced(cluster: Cluster) -> None:
    """In the catalog, and among the ACL tokens."""
    names = {droplet.name for droplet in cluster.droplets()}
    lines = cluster.tool("consul", "catalog", "nodes").stdout.splitlines()[1:]
    assert {line.split()[0] for line in lines} == names
    launched = {each.name for each in cluster.droplets() if any(":slot:" in tag for tag in each.tags)}
    described = re.findall(r"bakery: Consul agent of (\S+)", cluster.tool("consul", "acl", "token", "list").stdout)
    assert set(described) == launched


def test_status_shows_the_versions_that_run(cluster: Cluster) -> None:
    shown = cluster.bakery("status", "--local", "--json", check=False)
    droplets = json.loads(shown.stdout)["droplets"]
    assert {each["consul_version"] for each in droplets} == {TESTED_CONSUL_VERSION}
    of_nomad = {each["nomad_version"] for each in droplets if "consul-server" not in each["name"]}
    assert of_nomad == {TESTED_NOMAD_VERSION}
    assert {each["age_days"] for each in droplets} == {0}
