"""``bakery roll`` on droplets that boot: every node of a small cluster is new, and what it held is there."""

import re
from collections.abc import Callable

import pytest

from tests.helpers.cluster_e2e import DEMO_JOBS
from tests.helpers.second_cluster import assert_whole, has, put
from tests.helpers.servers_e2e import CONSUL, NOMAD, Servers, slot_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

OLD = ("--because", "age", "--older-than", "0", "--drain-deadline", "2m")


def test_both_nodes_of_a_small_cluster_are_replaced(second: Callable[[str, str], Servers]) -> None:
    """The only server goes first, once its successor votes; then the client, whose job moves to the new one."""
    servers = second("rolled", "server: 1, nomad-client: 1")
    servers.launch()
    cluster = servers.cluster
    put(servers, "rolled")
    cluster.tool("nomad", "job", "run", str(DEMO_JOBS / "web.nomad.hcl"))
    before = {droplet.id: droplet.name for droplet in cluster.droplets("bakery:rolled")}
    rolled = servers.roll(*OLD)
    assert rolled.stderr.rstrip().endswith("2 nodes replaced")
    order = re.findall(r"^ *(rolled-\S+): 0 days old$", rolled.stderr, re.MULTILINE)
    assert order == ["rolled-server-1", "rolled-nomad-client-1"]
    after = {droplet.id: droplet.name for droplet in cluster.droplets("bakery:rolled")}
    assert not after.keys() & before.keys()
    assert sorted(map(slot_of, after.values())) == sorted(before.values())
    assert_whole(servers, 1)
    assert has(servers, "rolled"), "an acknowledged write of before"
    client = next(name for name in after.values() if "client" in name)
    assert cluster.nomad_nodes() == {client: "ready"}
    assert {each["NodeName"] for each in cluster.allocations("web")} == {client}
    assert cluster.bakery("status", "--local", check=False).returncode == 0
    for product in (CONSUL, NOMAD):
        assert "MinQuorum = 1" in cluster.tool(product, "operator", "autopilot", "get-config").stdout
