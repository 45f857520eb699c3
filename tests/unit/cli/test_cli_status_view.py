"""The status for people: bad first, one cause once, and the next step."""

from dataclasses import replace
from datetime import UTC, datetime

from bakery.cli.status_columns import NODE_HEADER
from bakery.cli.status_view import (
    condition_table,
    headline,
    next_steps,
    node_table,
    shortened,
)
from bakery.cloud.model import Image
from bakery.launch.converge.snapshot import SnapshotUse, unbaked_snapshot
from bakery.launch.roll.need import Wanted
from bakery.observe.expiry import Expiry, Source
from bakery.observe.health import observe_cluster
from bakery.operations.cluster_status import ClusterStatus
from bakery.operations.ways_in import NO_WAYS_IN
from tests.helpers.fake_agents import FakeCluster, healthy_cluster

IMAGE: Image = unbaked_snapshot("fra1", "bakery:image:x")
NAMES = ("demo-consul-server-1", "demo-consul-server-10", "demo-nomad-client-1")
ENDS = datetime(2035, 12, 30, tzinfo=UTC)


def seen(cluster: FakeCluster, *, expiries: tuple[Expiry, ...] = ()) -> ClusterStatus:
    return ClusterStatus(
        plan=cluster.plan,
        droplets=tuple(cluster.droplets),
        report=observe_cluster(cluster.plan, cluster.droplets, cluster.clients),
        expiries=expiries,
        wanted=Wanted(image=IMAGE, generation=1, now=0.0, oldest_days=90),
        ways_in=NO_WAYS_IN,
        snapshots=SnapshotUse(asked=None, others=(), lines=()),
        rolling=None,
        warnings=(),
        now=ENDS,
    )


def expiry(droplet_id: int, source: Source) -> Expiry:
    return Expiry(droplet_id=droplet_id, name="x", begins=ENDS, ends=ENDS, source=source)


def test_a_healthy_cluster_is_one_line_and_its_nodes() -> None:
    status = seen(healthy_cluster())
    assert headline(status.report) == "demo is healthy: 6 of 6 nodes healthy"
    assert condition_table(status.report, wide=False).rows == []
    assert len(condition_table(status.report, wide=True).rows) == len(status.report.conditions)
    assert next_steps(status) == ()


def test_a_node_that_is_not_healthy_comes_first() -> None:
    cluster = healthy_cluster()
    cluster.droplets = cluster.droplets[:5]
    ends = (expiry(5, Source.ESTIMATED), expiry(4, Source.MEASURED))
    rows = [row[:10] for row in node_table(seen(cluster, expiries=ends)).rows]
    assert rows[0] == ("demo-nomad-client-2", "nomad-client", "missing", "-", "-", "-", "-", "-", "no", "-")
    assert rows[1][0] == "demo-consul-server-1", "the others stay in the plan's order"
    assert rows[4][-1] == "2035-12-30"
    assert rows[5] == (
        "demo-nomad-client-1", "nomad-client", "active", "198.18.0.5", "10.100.0.5", "alive", "ready", "-",
        "yes", "~2035-12-30",
    )  # fmt: skip


def test_each_row_has_a_cell_for_each_column() -> None:
    cluster = healthy_cluster()
    cluster.droplets = cluster.droplets[:5]
    table = node_table(seen(cluster))
    assert {len(row) for row in table.rows} == {len(NODE_HEADER)}
    assert {*table.drops, *table.wide} <= set(NODE_HEADER)


def test_only_servers_have_a_vote_and_a_server_of_both_may_have_one_of_two() -> None:
    cluster = healthy_cluster()
    *others, last = cluster.consul.raft
    cluster.consul.raft = (*others, replace(last, voter=False))
    status = seen(cluster)
    votes = NODE_HEADER.index("VOTER")
    found = {row[0]: row[votes] for row in node_table(status).rows}
    assert [found[node.name] for node in status.report.nodes] == ["yes", "yes", "no", "yes", "-", "-"]
    assert [node.healthy for node in status.report.nodes] == [True, True, False, True, True, True]
    half = replace(status.report.nodes[0], consul_voter=False, nomad_voter=True)
    report = replace(status.report, nodes=(half,))
    assert node_table(replace(status, report=report)).rows[0][votes] == "nomad"


def test_conditions_of_one_cause_share_a_row() -> None:
    cluster = healthy_cluster()
    for agent in (cluster.consul, cluster.nomad):
        agent.leader_address = ""
    report = seen(cluster).report
    rows = condition_table(report, wide=False).rows
    assert [row[0] for row in rows] == [
        "consul-leader",
        "nomad-leader",
        "consul-members, consul-peers and 11 more",
    ]
    assert [row[1] for row in rows] == ["missing", "missing", "unknown"]
    assert rows[2][2] == "not known: there is no leader"


def test_the_next_step_is_a_launch_or_the_conditions_own_help() -> None:
    cluster = healthy_cluster()
    cluster.consul.catalog = cluster.consul.catalog[:-1]
    status = seen(cluster)
    wanted = "bakery launch creates what is missing, and waits until it is healthy"
    assert [str(step) for step in next_steps(status)] == [wanted]
    assert next_steps(replace(status, rolling=7)) == (), "then the roll is the next step"
    cluster = healthy_cluster()
    cluster.nomad.other_keys = 1
    (step,) = next_steps(seen(cluster))
    assert str(step).startswith("keyrings: rotate back: ")


def test_a_fault_of_several_nodes_is_written_once() -> None:
    assert shortened("demo-consul-server-1: no droplet", NAMES) == "demo-consul-server-1: no droplet"
    several = "; ".join(f"{name}: no droplet" for name in (*NAMES, "demo-nomad-client-1"))
    assert shortened(several, NAMES) == "demo-consul-server-1, demo-consul-server-10 and 2 more: no droplet"
    mixed = "demo-consul-server-1: no droplet; demo-nomad-client-1: not registered"
    assert shortened(mixed, NAMES) == mixed


def test_addresses_do_not_make_two_causes_of_one() -> None:
    refused = "Consul at 10.1.2.{}:8501 cannot be reached: Connection refused"
    one = f"no Consul leader seen: demo-consul-server-1: {refused.format(1)}"
    assert shortened(one, NAMES) == one
    assert shortened(f"{one}; demo-consul-server-10: {refused.format(2)}", NAMES) == (
        "no Consul leader seen: demo-consul-server-1, demo-consul-server-10:"
        " Consul cannot be reached: Connection refused"
    )


def test_a_message_without_nodes_stays_as_it_is() -> None:
    assert (
        shortened("not known: there is no leader; ask again", NAMES) == "not known: there is no leader; ask again"
    )
    assert shortened("no nodes are known", ()) == "no nodes are known"
