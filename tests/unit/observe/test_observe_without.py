"""The facts without a droplet, and what status says of an unfinished replacement."""

from dataclasses import replace

import pytest

from bakery.observe.fit import unmet_without
from bakery.observe.health import observe_cluster
from bakery.observe.model import ConditionState
from tests.helpers.fake_agents import FakeCluster, healthy_cluster, make_droplet, make_peer


def _unmet(cluster: FakeCluster, name: str) -> list[str]:
    """The conditions that are not met without the node called ``name``."""
    going = [droplet for droplet in cluster.droplets if droplet.name == name]
    (node,) = [node for node in cluster.plan.nodes if node.name == name]
    rest = replace(
        cluster.plan,
        nodes=tuple(each for each in cluster.plan.nodes if each != node),
        consul_expect=cluster.plan.consul_expect - node.kind.is_consul_server,
        nomad_expect=cluster.plan.nomad_expect - node.kind.is_nomad_server,
    )
    return [each.name for each in unmet_without(cluster.plan, rest, cluster.droplets, cluster.clients, going)]


def test_a_dead_server_is_no_fault_of_the_rest() -> None:
    cluster = healthy_cluster()
    dead = cluster.plan.consul_servers[2].name
    address = next(str(d.private_ipv4) for d in cluster.droplets if d.name == dead)
    cluster.consul.fail(address)
    cluster.consul.passing = tuple(name for name in cluster.consul.passing if name != dead)
    assert _unmet(cluster, dead) == []
    other = cluster.plan.consul_servers[0].name
    assert _unmet(cluster, other) == ["consul-members", "consul-peers", "consul-autopilot", "consul-catalog"]


def test_a_rotated_key_of_nomad_keeps_no_node_from_being_replaced() -> None:
    """The replacement gives Consul the key. Control: status names it."""
    cluster = healthy_cluster()
    cluster.nomad.rotate()
    report = observe_cluster(cluster.plan, cluster.droplets, cluster.clients)
    assert [each.name for each in report.missing] == ["workload-identity"]
    assert _unmet(cluster, cluster.plan.nomad_clients[0].name) == []


def test_without_a_leader_nothing_may_go() -> None:
    cluster = healthy_cluster()
    cluster.nomad.leader_address = ""
    assert "nomad-leader" in _unmet(cluster, cluster.plan.nomad_servers[0].name)


@pytest.mark.parametrize(("tagged", "droplets"), [(True, ConditionState.OK), (False, ConditionState.MISSING)])
def test_status_names_the_replacement_and_no_duplicate(
    tagged: bool,  # noqa: FBT001 - of the table
    droplets: ConditionState,
) -> None:
    """Control: without the tag it is a duplicate."""
    cluster = healthy_cluster()
    old = cluster.droplets[0]
    tags = (*old.tags, f"bakery:{cluster.plan.cluster}:replaces:{old.id}") if tagged else old.tags
    new = make_droplet(90, f"{old.name}-7f3a", tags)
    cluster.droplets.append(new)
    member = replace(cluster.consul.pool[0], name=new.name, address=str(new.private_ipv4))
    cluster.consul.pool += (member,)
    cluster.consul.raft += (make_peer(member),)
    report = observe_cluster(cluster.plan, cluster.droplets, cluster.clients)
    found = {condition.name: condition for condition in report.conditions}
    assert found["droplets"].state is droplets
    assert found["consul-peers"].state is droplets
    assert ("replacements" in found) == tagged
    if tagged:
        assert found["replacements"].message == f"unfinished: {old.name} (by {new.name})"
        assert found["replacements"].help == f"to finish them: bakery replace {old.name}"
        assert (report.healthy, report.settled) == (False, True), "a launch does not wait for it"
