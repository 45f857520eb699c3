"""Every condition has a case that fails it and nothing else, with the culprit's name in the message."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.agents.model import SigningKey
from bakery.errors import AgentError
from bakery.observe.health import observe_cluster
from bakery.observe.model import ClusterReport, ConditionState
from bakery.observe.report import help_lines
from bakery.observe.ways_in import BALANCER, RESERVED_IP
from tests.helpers.fake_agents import FakeCluster, healthy_cluster, make_droplet

ROOT = Path(__file__).parents[3]
Break = Callable[[FakeCluster], None]


def _observe(cluster: FakeCluster) -> ClusterReport:
    return observe_cluster(cluster.plan, cluster.droplets, cluster.clients)


def test_a_healthy_cluster_meets_every_condition_in_the_order_in_which_it_forms() -> None:
    report = _observe(healthy_cluster())
    assert report.healthy
    assert [condition.name for condition in report.conditions] == [
        "droplets",
        "consul-leader",
        "consul-members",
        "consul-peers",
        "consul-autopilot",
        "consul-acls",
        "nomad-leader",
        "nomad-servers",
        "nomad-peers",
        "nomad-autopilot",
        "nomad-acls",
        "consul-catalog",
        "nomad-clients",
        "workload-identity",
        "strangers",
        "keyrings",
    ]
    assert all(node.healthy for node in report.nodes)


def test_the_page_explains_every_condition() -> None:
    page = (
        (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8").partition("## What the conditions")[2]
    )
    explained = set(re.findall(r"`([a-z-]+)`", "".join(re.findall(r"^\|([^|]*)\|", page, re.MULTILINE))))
    here = {condition.name for condition in _observe(healthy_cluster()).conditions}
    sources = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "src" / "bakery").rglob("*.py"))
    named = set(re.findall(r"judged\(\s*\"([a-z-]+)\"", sources)) | {BALANCER, RESERVED_IP}
    assert explained == here | named


def _droplet_off(cluster: FakeCluster) -> None:
    cluster.droplets[4] = replace(cluster.droplets[4], status="off")


def _copied(cluster: FakeCluster) -> None:
    """A droplet from a snapshot of client 1: another name, the same tags."""
    original = cluster.droplets[4]
    cluster.droplets.append(replace(original, id=98, name="demo-nomad-client-3", private_ipv4="10.100.0.98"))


def _two_droplets(cluster: FakeCluster) -> None:
    cluster.droplets.append(make_droplet(99, "demo-nomad-client-1"))


def _nomad_peer_missing(cluster: FakeCluster) -> None:
    cluster.nomad.raft = ()


def _member_failed(cluster: FakeCluster) -> None:
    pool = cluster.consul.pool
    cluster.consul.pool = (*pool[:5], replace(pool[5], status="failed"))


def _not_a_member(cluster: FakeCluster) -> None:
    cluster.consul.pool = cluster.consul.pool[:5]


def _peer_missing(cluster: FakeCluster) -> None:
    cluster.consul.raft = cluster.consul.raft[:2]


def _foreign_token(cluster: FakeCluster) -> None:
    cluster.consul.knows_our_token = False


def _open_consul(cluster: FakeCluster) -> None:
    cluster.consul.anonymous_denied = False


def _open_nomad(cluster: FakeCluster) -> None:
    cluster.nomad.anonymous_denied = False


def _foreign_nomad(cluster: FakeCluster) -> None:
    cluster.nomad.knows_our_token = False


def _not_in_catalog(cluster: FakeCluster) -> None:
    cluster.consul.catalog = cluster.consul.catalog[:-1]


def _serf_critical(cluster: FakeCluster) -> None:
    cluster.consul.passing = cluster.consul.passing[1:]


def _client(**change: object) -> Break:
    def apply(cluster: FakeCluster) -> None:
        cluster.nomad.clients = (
            cluster.nomad.clients[0],
            replace(cluster.nomad.clients[1], **change),  # type: ignore[arg-type]
        )

    return apply


def _client_unknown(cluster: FakeCluster) -> None:
    cluster.nomad.clients = cluster.nomad.clients[:1]


def _rotated(cluster: FakeCluster) -> None:
    cluster.nomad.rotate()


def _no_active_key(cluster: FakeCluster) -> None:
    cluster.nomad.keys = tuple(replace(key, active=False) for key in cluster.nomad.keys)


@pytest.mark.parametrize(
    ("breakage", "condition", "message"),
    [
        (
            _rotated,
            "workload-identity",
            "Consul does not know Nomad's active key key-2: tasks that read Consul do not start",
        ),
        (_no_active_key, "workload-identity", "Nomad has no active key"),
        (_droplet_off, "droplets", "demo-nomad-client-1: droplet is off"),
        (_two_droplets, "droplets", "demo-nomad-client-1: 2 droplets (5, 99)"),
        (_copied, "droplets", "demo-nomad-client-1: 2 droplets (5, 98)"),
        (_member_failed, "consul-members", "demo-nomad-client-2: failed"),
        (_not_a_member, "consul-members", "demo-nomad-client-2: not a member"),
        (_peer_missing, "consul-peers", "demo-consul-server-3: no Raft peer of Consul"),
        (_nomad_peer_missing, "nomad-peers", "demo-nomad-server-1: no Raft peer of Nomad"),
        (_foreign_token, "consul-acls", "Consul does not accept the cluster's management token"),
        (_open_consul, "consul-acls", "Consul answers requests without a token"),
        (_open_nomad, "nomad-acls", "Nomad answers requests without a token"),
        (_foreign_nomad, "nomad-acls", "Nomad does not accept the cluster's management token"),
        (_not_in_catalog, "consul-catalog", "demo-nomad-client-2: not in Consul's catalog"),
        (_serf_critical, "consul-catalog", "demo-consul-server-1: its serfHealth check does not pass"),
        (_client_unknown, "nomad-clients", "demo-nomad-client-2: not registered in Nomad"),
        (_client(status="down"), "nomad-clients", "demo-nomad-client-2: status down"),
        (_client(eligible=False), "nomad-clients", "demo-nomad-client-2: not eligible for work"),
        (_client(consul_version=None), "nomad-clients", "demo-nomad-client-2: does not see its local Consul"),
        (_client(drivers={"exec": True}), "nomad-clients", "demo-nomad-client-2: driver docker not detected"),
        (_client(drivers={"docker": True}), "nomad-clients", "demo-nomad-client-2: driver exec not detected"),
        (
            _client(drivers={"docker": False, "exec": True}),
            "nomad-clients",
            "demo-nomad-client-2: driver docker unhealthy",
        ),
        (
            _client(drivers={"docker": True, "exec": True, "java": False}),
            "nomad-clients",
            "demo-nomad-client-2: driver java unhealthy",
        ),
    ],
)
def test_one_fault_fails_one_condition_and_names_the_culprit(
    breakage: Break, condition: str, message: str
) -> None:
    cluster = healthy_cluster()
    breakage(cluster)
    report = _observe(cluster)
    assert not report.healthy
    assert [(unmet.name, unmet.state, unmet.message) for unmet in report.missing] == [
        (condition, ConditionState.MISSING, message)
    ]


def _states(report: ClusterReport) -> dict[str, ConditionState]:
    return {condition.name: condition.state for condition in report.conditions}


def test_a_member_without_a_droplet_is_nobody_of_ours() -> None:
    """Somebody destroyed the droplet a moment ago, or it is an impostor: gossip cannot tell."""
    cluster = healthy_cluster()
    del cluster.droplets[5]
    messages = {unmet.name: unmet.message for unmet in _observe(cluster).missing}
    assert messages == {
        "droplets": "demo-nomad-client-2: no droplet",
        "consul-members": "demo-nomad-client-2: alive at 10.100.0.6, and it has no droplet with an address",
        "consul-catalog": "demo-nomad-client-2: Consul's catalog has it at 10.100.0.6, "
        "it has no droplet with an address",
        "nomad-clients": "demo-nomad-client-2: ready at 10.100.0.6, it has no droplet with an address",
        "strangers": "Consul member demo-nomad-client-2 at 10.100.0.6 is not a droplet of the cluster; "
        "Nomad client demo-nomad-client-2 at 10.100.0.6 is not a droplet of the cluster",
    }


def test_without_a_consul_leader_what_depends_on_it_is_unknown_and_nomad_is_judged_all_the_same() -> None:
    cluster = healthy_cluster()
    cluster.consul.leader_address = ""
    report = _observe(cluster)
    states = _states(report)
    assert states.pop("consul-leader") is ConditionState.MISSING
    assert {name for name, state in states.items() if state is ConditionState.UNKNOWN} == {
        "consul-members",
        "consul-peers",
        "consul-autopilot",
        "consul-acls",
        "consul-catalog",
        "workload-identity",
        "strangers",
        "keyrings",
    }
    assert report.conditions[1].message == "Consul has no leader"


def test_without_a_nomad_leader_its_conditions_are_unknown() -> None:
    cluster = healthy_cluster()
    cluster.nomad.leader_address = ""
    states = _states(_observe(cluster))
    assert {name: state for name, state in states.items() if state is not ConditionState.OK} == {
        "nomad-leader": ConditionState.MISSING,
        "nomad-servers": ConditionState.UNKNOWN,
        "nomad-peers": ConditionState.UNKNOWN,
        "nomad-autopilot": ConditionState.UNKNOWN,
        "nomad-acls": ConditionState.UNKNOWN,
        "nomad-clients": ConditionState.UNKNOWN,
        "workload-identity": ConditionState.UNKNOWN,
        "strangers": ConditionState.UNKNOWN,
        "keyrings": ConditionState.UNKNOWN,
    }


def test_one_answering_server_is_enough() -> None:
    cluster = healthy_cluster()
    cluster.unreachable = {"198.18.0.1", "198.18.0.2"}
    assert _observe(cluster).healthy


def test_silent_servers_are_named_one_by_one() -> None:
    cluster = healthy_cluster()
    cluster.unreachable = {"198.18.0.1", "198.18.0.2", "198.18.0.3"}
    leader = _observe(cluster).conditions[1]
    assert leader.state is ConditionState.MISSING
    for name in ("demo-consul-server-1", "demo-consul-server-2", "demo-consul-server-3"):
        assert f"{name}: Consul at 198.18.0.{name[-1]}:8501 cannot be reached" in leader.message


def test_before_any_droplet_exists_nothing_is_asked() -> None:
    cluster = healthy_cluster()
    cluster.droplets = []
    report = _observe(cluster)
    assert cluster.consul.calls == cluster.nomad.calls == []
    assert not report.healthy
    assert [node.droplet_status for node in report.nodes] == ["absent"] * 6


def test_a_refusal_is_an_answer() -> None:
    """Before the ACL bootstrap Consul refuses our token everywhere but says who leads."""
    cluster = healthy_cluster()
    refused = AgentError(message="Consul refused GET /v1/agent/members (403)", details="ACL not found", status=403)
    cluster.consul.failures = {"members": refused}
    report = _observe(cluster)
    members = report.conditions[2]
    assert members.state is ConditionState.UNKNOWN
    assert members.message == "not known: Consul refused GET /v1/agent/members (403): ACL not found"
    assert not report.healthy


def test_a_private_droplet_is_asked_on_its_vpc_address() -> None:
    cluster = healthy_cluster()
    cluster.droplets = [replace(droplet, public_ipv4=None) for droplet in cluster.droplets]
    assert _observe(cluster).healthy


def test_the_old_entry_of_a_recreated_client_does_no_harm() -> None:
    cluster = healthy_cluster()
    old = replace(cluster.nomad.clients[0], id="0", status="down")
    cluster.nomad.clients = (old, *cluster.nomad.clients)
    assert _observe(cluster).healthy


def test_a_cluster_of_an_earlier_version_is_healthy_and_is_told_what_it_lacks() -> None:
    cluster = healthy_cluster()
    cluster.consul.auth_methods = {}
    report = _observe(cluster)
    assert report.healthy
    assert help_lines(report) == ("workload-identity: to set it up: bakery launch",)
    (condition,) = report.missing
    assert condition.message == (
        "Consul has no auth method nomad-workloads with Nomad's keys: tasks cannot read Consul"
    )


def test_a_key_that_nomad_does_not_use_yet_need_not_be_known() -> None:
    """Nomad publishes it days before it signs with it."""
    cluster = healthy_cluster()
    cluster.nomad.keys += (SigningKey(id="next", pem="PEM 9", active=False),)
    assert _observe(cluster).healthy


def test_a_plan_without_nomad_has_no_nomad_conditions() -> None:
    cluster = healthy_cluster()
    cluster.plan = replace(cluster.plan, nodes=cluster.plan.consul_servers, nomad_expect=0)
    report = _observe(cluster)
    assert report.healthy
    names = {condition.name for condition in report.conditions}
    assert not {name for name in names if name.startswith(("nomad", "workload"))}


def test_a_droplet_beyond_the_plan_is_reported_and_does_no_harm() -> None:
    cluster = healthy_cluster()
    cluster.droplets.append(make_droplet(40, "demo-gpu-1", ("bakery:demo", "bakery:demo:role:gpu")))
    report = _observe(cluster)
    assert report.healthy
    extra = report.nodes[-1]
    assert (extra.name, extra.role, extra.droplet_id, extra.healthy) == ("demo-gpu-1", "gpu", 40, False)
