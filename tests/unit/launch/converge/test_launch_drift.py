"""A cluster file edited while the cluster runs: what is refused before anything changes, and what is only said."""

from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from bakery.config.model import OpenPort, RoleSettings
from bakery.errors import UsageError
from bakery.plan.model import ClusterPlan
from tests.helpers.launch_harness import IMAGE, NAMES, LaunchHarness, small_plan


@pytest.fixture
def harness(tmp_path: Path) -> LaunchHarness:
    harness = LaunchHarness(tmp_path)
    harness.launch()
    harness.cloud.regions = (*harness.cloud.regions, replace(harness.cloud.regions[0], slug="nyc3"))
    harness.cloud.revive()
    return harness


def _refused(harness: LaunchHarness, plan: ClusterPlan) -> str:
    with pytest.raises(UsageError) as caught:
        harness.launch(plan=plan)
    assert harness.cloud.mutations == []
    return f"{caught.value.message}\n{caught.value.details}"


def test_another_region_is_refused(harness: LaunchHarness) -> None:
    text = _refused(harness, replace(small_plan(), region="nyc3"))
    assert text.startswith("9 droplets: ")
    assert "in region fra1, the file says nyc3; droplets and networks cannot move" in text


def test_another_vpc_range_is_refused(harness: LaunchHarness) -> None:
    text = _refused(harness, replace(small_plan(), vpc_cidr=IPv4Network("10.200.0.0/20")))
    assert "VPC bakery-demo has the range 10.100.0.0/20, the plan says 10.200.0.0/20" in text


def test_fewer_servers_are_refused_until_they_are_gone(harness: LaunchHarness) -> None:
    whole = small_plan()
    nodes = tuple(node for node in whole.nodes if node.name != "demo-consul-server-3")
    fewer = replace(whole, nodes=nodes, consul_expect=2)
    assert _refused(harness, fewer).startswith(
        "the file says 2 Consul servers, but demo-consul-server-3 runs too\n"
    )
    gone = next(d.id for d in harness.cloud.droplets.values() if d.name == "demo-consul-server-3")
    harness.cloud.delete_droplet(gone)
    harness.cloud.revive()
    harness.launch(plan=fewer)
    assert harness.cloud.mutations == []


def test_one_server_is_singular(harness: LaunchHarness) -> None:
    """And the servers beyond it are counted by themselves."""
    whole = small_plan()
    beyond = ("demo-consul-server-2", "demo-consul-server-3")
    fewer = replace(whole, nodes=tuple(node for node in whole.nodes if node.name not in beyond), consul_expect=1)
    text = _refused(harness, fewer)
    assert text.startswith("the file says 1 Consul server, but demo-consul-server-2, demo-consul-server-3 run too")


def test_fewer_clients_are_only_reported(harness: LaunchHarness) -> None:
    harness.launch(plan=small_plan(clients=2))
    assert harness.cloud.mutations == []
    assert harness.reporter.warnings == [
        "demo-nomad-client-3 is not in the plan; to remove it: bakery destroy --node demo-nomad-client-3"
    ]


def test_many_droplets_beyond_the_plan_are_one_line(harness: LaunchHarness) -> None:
    harness.launch(plan=small_plan(clients=7))
    harness.cloud.revive()
    del harness.reporter.warnings[:]
    harness.launch(plan=small_plan(clients=3))
    assert [str(warning) for warning in harness.reporter.warnings] == [
        "demo-nomad-client-4, demo-nomad-client-5, demo-nomad-client-6 and 1 more are not in the plan;"
        " to remove the last: bakery destroy --node demo-nomad-client-7"
    ]


def test_another_size_is_for_new_droplets(harness: LaunchHarness) -> None:
    harness.launch(plan=small_plan(clients=4, size="s-2vcpu-2gb"))
    sizes = {droplet.name: droplet.size for droplet in harness.cloud.droplets.values()}
    assert harness.cloud.names() == sorted([*NAMES, "demo-nomad-client-4"])
    assert sizes["demo-nomad-client-1"] == "s-1vcpu-1gb"
    assert harness.reporter.warnings[0] == (
        "9 droplets: size s-1vcpu-1gb, the file says s-2vcpu-2gb; only new droplets get this;"
        " to replace these one by one: bakery roll"
    )


def test_another_configuration_is_for_new_droplets(harness: LaunchHarness) -> None:
    opened = OpenPort(number=80, protocol="tcp", vpc=False, networks=("0.0.0.0/0", "::/0"))
    plan = small_plan()
    nodes = tuple(
        replace(node, settings=RoleSettings(ports=(opened,))) if node.kind.is_nomad_client else node
        for node in plan.nodes
    )
    harness.launch(plan=replace(plan, nodes=nodes))
    assert harness.cloud.mutations == []
    assert harness.reporter.warnings == [
        "demo-nomad-client-1, demo-nomad-client-2, demo-nomad-client-3: configured differently from a new droplet;"
        " only new droplets get this; to replace these one by one: bakery roll"
    ]


def test_another_snapshot_is_for_new_droplets(harness: LaunchHarness) -> None:
    newer = replace(IMAGE, id=78, name="bakery-newer")
    harness.launch(image=newer)
    assert harness.cloud.mutations == []
    assert (
        "made from snapshot 77; the file asks for bakery-newer (id 78); only new" in harness.reporter.warnings[0]
    )


def test_a_complete_cluster_needs_no_snapshot_and_is_told_that_it_differs(harness: LaunchHarness) -> None:
    harness.launch(image=None)
    assert harness.cloud.mutations == []
    expected = (
        "made from snapshot 77; the file asks for consul 1.22.5 and nomad 2.0.5 on debian-12-x64, and there is"
        " no snapshot with these versions yet (bakery build-image); do that before you replace a node"
    )
    assert expected in harness.reporter.warnings[0]


def test_nobody_is_told_to_replace_a_node_that_could_not_be_made_again(harness: LaunchHarness) -> None:
    """Whoever destroys a node on that advice has one node less, and a launch that is refused."""
    harness.launch(plan=small_plan(size="s-1vcpu-1gbb"))
    (line,) = harness.reporter.warnings
    assert line.endswith(
        "; fix this before you replace a node: DigitalOcean has no size 's-1vcpu-1gbb' (did you mean s-1vcpu-1gb?"
        " set roles.consul-server.size, roles.nomad-server.size, roles.nomad-client.size)"
    )
    assert "bakery destroy" not in line


def test_without_a_snapshot_another_size_is_no_reason_to_replace_a_node(harness: LaunchHarness) -> None:
    harness.launch(plan=small_plan(size="s-2vcpu-2gb"), image=None)
    sizes, snapshot = harness.reporter.warnings
    assert sizes.endswith(
        "the file says s-2vcpu-2gb; fix this before you replace a node: the account has no snapshot of consul"
        " 1.22.5 and nomad 2.0.5 on debian-12-x64 (bakery build-image)"
    )
    assert "bakery destroy" not in sizes + snapshot


def test_a_snapshot_that_is_not_in_the_region_is_none(harness: LaunchHarness) -> None:
    harness.launch(image=replace(IMAGE, id=78, name="bakery-newer", regions=("nyc3",)))
    (line,) = harness.reporter.warnings
    assert line.endswith(
        "; fix this before you replace a node: snapshot bakery-newer is not in region fra1 (it is in nyc3)"
        " (bakery build-image)"
    )


def test_a_new_droplet_needs_one(harness: LaunchHarness) -> None:
    with pytest.raises(UsageError, match=r"no snapshot of consul 1\.22\.5 and nomad 2\.0\.5 on debian-12-x64"):
        harness.launch(plan=small_plan(clients=4), image=None)
    assert harness.cloud.mutations == []


def test_plan_says_both_before_anybody_launches(harness: LaunchHarness) -> None:
    changes = harness.preview(replace(small_plan(size="s-2vcpu-2gb"), region="nyc3"))
    assert [obstacle.code for obstacle in changes.obstacles] == ["region_changed"]
    assert changes.obstacles[0].message.startswith("9 droplets: ")
    assert "s-2vcpu-2gb; fix this before you replace a node: size s-2vcpu-2gb is not to be had" in str(
        changes.later[0]
    )


def test_an_unchanged_file_is_nothing_to_speak_of(harness: LaunchHarness) -> None:
    """Control: the warnings above are about changes."""
    assert harness.launch().changes.later == ()
    assert harness.reporter.warnings == []
