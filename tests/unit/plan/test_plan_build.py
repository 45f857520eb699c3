"""The plan of a few clusters, written out by hand."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from bakery.config.load import parse_cluster
from bakery.config.model import ClusterConfig, Kind
from bakery.errors import ExitCode, PlanError
from bakery.plan.build import build_plan
from bakery.plan.model import ClusterPlan, Node, Wave
from bakery.plan.slots import later_name


def config_of(text: str = "") -> ClusterConfig:
    return parse_cluster(f"version: 1\ncluster: demo\n{text}", Path("bakery.yaml"))


def rows(plan: ClusterPlan) -> list[tuple[int, str]]:
    return [(int(node.wave), node.name) for node in plan.nodes]


def test_the_default_cluster() -> None:
    plan = build_plan(config_of())
    assert rows(plan) == [
        (1, "demo-consul-server-1"),
        (2, "demo-consul-server-2"),
        (2, "demo-consul-server-3"),
        (2, "demo-nomad-server-1"),
        (2, "demo-nomad-server-2"),
        (2, "demo-nomad-server-3"),
        (2, "demo-nomad-client-1"),
        (2, "demo-nomad-client-2"),
        (2, "demo-nomad-client-3"),
    ]
    assert (plan.consul_expect, plan.nomad_expect) == (3, 3)
    assert (plan.cluster, plan.region, plan.vpc_name) == ("demo", "fra1", "bakery-demo")
    assert plan.vpc_cidr == IPv4Network("10.100.0.0/20")
    assert (plan.image_base, plan.consul_version, plan.nomad_version) == ("debian-12-x64", "1.22.5", "2.0.5")
    assert (plan.ssh_keys, plan.warnings) == ((), ())


def test_a_node_in_full() -> None:
    assert build_plan(config_of()).nodes[-1] == Node(
        slot="demo-nomad-client-3",
        name="demo-nomad-client-3",
        role="nomad-client",
        kind=Kind.NOMAD_CLIENT,
        size="s-2vcpu-2gb",
        node_pool="default",
        wave=Wave.REST,
        tags=("bakery:demo", "bakery:demo:role:nomad-client", "bakery:demo:slot:nomad-client-3"),
    )


def test_servers_of_both_on_one_droplet() -> None:
    plan = build_plan(config_of("roles: {nomad-client: {count: 2}, server: {count: 3}}"))
    assert rows(plan) == [
        (1, "demo-server-1"),
        (2, "demo-server-2"),
        (2, "demo-server-3"),
        (2, "demo-nomad-client-1"),
        (2, "demo-nomad-client-2"),
    ]
    assert (plan.consul_expect, plan.nomad_expect) == (3, 3)
    assert [node.name for node in plan.nomad_servers] == ["demo-server-1", "demo-server-2", "demo-server-3"]


def test_only_the_first_consul_server_is_in_the_first_wave() -> None:
    plan = build_plan(config_of("roles: {nomad-server: {count: 2}, server: {count: 1}}"))
    assert rows(plan) == [(1, "demo-server-1"), (2, "demo-nomad-server-1"), (2, "demo-nomad-server-2")]
    assert (plan.consul_expect, plan.nomad_expect) == (1, 3)


@pytest.mark.parametrize("count", [1, 3])
def test_one_droplet_for_everything(count: int) -> None:
    plan = build_plan(config_of(f"roles: {{all-in-one: {{count: {count}}}}}"))
    expected = [(1, "demo-all-in-one-1"), (2, "demo-all-in-one-2"), (2, "demo-all-in-one-3")]
    assert rows(plan) == expected[:count]
    assert (plan.consul_expect, plan.nomad_expect) == (count, count)
    assert plan.consul_servers == plan.nomad_servers == plan.nomad_clients == plan.nodes
    assert plan.warnings == ()


def test_a_consul_server_before_servers_of_both() -> None:
    plan = build_plan(config_of("roles: {consul-server: {count: 1}, server: {count: 2}}"))
    assert rows(plan) == [(1, "demo-consul-server-1"), (2, "demo-server-1"), (2, "demo-server-2")]
    assert (plan.consul_expect, plan.nomad_expect) == (3, 2)


def test_node_pools() -> None:
    text = (
        "roles: {consul-server: {count: 1}, nomad-server: {count: 1}, nomad-client: {count: 1},"
        " gpu: {kind: nomad-client, node_pool: gpu, count: 2, size: g-2vcpu-8gb}}"
    )
    plan = build_plan(config_of(text))
    assert [(node.name, node.node_pool, node.size) for node in plan.nomad_clients] == [
        ("demo-nomad-client-1", "default", "s-2vcpu-2gb"),
        ("demo-gpu-1", "gpu", "g-2vcpu-8gb"),
        ("demo-gpu-2", "gpu", "g-2vcpu-8gb"),
    ]


def test_consul_alone() -> None:
    plan = build_plan(config_of("roles: {consul-server: {count: 3}}"))
    assert (plan.consul_expect, plan.nomad_expect, plan.nomad_servers) == (3, 0, ())


def test_the_longest_names_are_labels() -> None:
    config = parse_cluster(
        f"version: 1\ncluster: {'c' * 30}\n"
        f"roles: {{server: {{count: 1}}, {'r' * 23}: {{kind: nomad-client, count: 100}}}}\n",
        Path("bakery.yaml"),
    )
    slots = [node.slot for node in build_plan(config).nodes]
    assert max(len(later_name(slot, "7f3a0000")) for slot in slots) == 63


def test_a_count_raises_one_role_and_nothing_else() -> None:
    config = config_of()
    plan = build_plan(config, counts={"nomad-client": 5})
    assert rows(plan) == [*rows(build_plan(config)), (2, "demo-nomad-client-4"), (2, "demo-nomad-client-5")]
    assert (plan.consul_expect, plan.nomad_expect) == (3, 3)
    assert plan.firewalls == build_plan(config).firewalls


def test_a_lower_count_of_clients_plans_fewer() -> None:
    plan = build_plan(config_of(), counts={"nomad-client": 1})
    assert [node.name for node in plan.nomad_clients] == ["demo-nomad-client-1"]


def test_the_files_own_count_of_servers_may_be_said() -> None:
    config = config_of()
    assert build_plan(config, counts={"consul-server": 3}) == build_plan(config)


_HINT = "leave --count out, or set roles.{}.count in bakery.yaml before the first launch"
REFUSED = [
    ({"nomad-cleint": 3}, "cluster demo has no role nomad-cleint", "did you mean nomad-client?"),
    ({"zzz": 3}, "cluster demo has no role zzz", "known names: consul-server, nomad-server, nomad-client"),
    (
        {"consul-server": 5},
        "role consul-server runs servers, whose number is set in the cluster file (3), not by --count 5",
        _HINT.format("consul-server"),
    ),
    (
        {"nomad-server": 1},
        "role nomad-server runs servers, whose number is set in the cluster file (3), not by --count 1",
        _HINT.format("nomad-server"),
    ),
    ({"nomad-client": -1}, "the count of role nomad-client must be from 0 to 100, not -1", None),
    ({"nomad-client": 101}, "the count of role nomad-client must be from 0 to 100, not 101", None),
]


@pytest.mark.parametrize(("counts", "message", "hint"), REFUSED)
def test_counts_that_cannot_be(counts: dict[str, int], message: str, hint: str | None) -> None:
    with pytest.raises(PlanError) as caught:
        build_plan(config_of(), counts=counts)
    assert caught.value == PlanError(message=message, hint=hint)
    assert caught.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize(("count", "fits"), [(8, True), (9, False)])
def test_a_count_must_fit_into_the_vpc(count: int, fits: bool) -> None:  # noqa: FBT001 - a table
    """A /28 has 16 addresses, of which DigitalOcean keeps 5."""
    config = config_of("vpc: {cidr: 10.100.0.0/28}\nroles: {server: {count: 3}, nomad-client: {count: 1}}")
    if fits:
        assert len(build_plan(config, counts={"nomad-client": count}).nodes) == 11
        return
    with pytest.raises(PlanError) as caught:
        build_plan(config, counts={"nomad-client": count})
    assert caught.value.message == "the VPC 10.100.0.0/28 has room for 11 droplets, the roles ask for 12"


def test_the_plan_is_a_function_of_its_input() -> None:
    counts = {"nomad-client": 4}
    config = config_of()
    first = build_plan(config, counts=counts)
    assert build_plan(config_of(), counts=dict(counts)) == first
    assert (counts, config) == ({"nomad-client": 4}, config_of())
    assert build_plan(config, counts={"nomad-client": 5}) != first


def test_warnings_of_the_file_reach_the_plan() -> None:
    plan = build_plan(config_of("roles: {consul-server: {count: 2}}"))
    assert plan.warnings == ("2 Consul servers can lose none, as 1 can: use an odd number",)


@pytest.mark.parametrize(
    ("ingress", "key"),
    [("domains: [a.example.com], acme_email: a@example.com", "acme_email"), ("reserved_ip: auto", "reserved_ip")],
)
def test_a_count_makes_no_second_ingress_node_where_one_is_allowed(ingress: str, key: str) -> None:
    """The cluster file itself is refused with two: tests/unit/config/test_config_ingress.py."""
    roles = "roles: {consul-server: {}, ingress: {count: 1}}\n"
    config = config_of(f"{roles}ingress: {{{ingress}}}\n")
    assert len(build_plan(config).ingress_nodes) == 1
    with pytest.raises(PlanError, match=f"ingress.{key} of the cluster file allows one ingress node, not 2"):
        build_plan(config, counts={"ingress": 2})
    assert len(build_plan(config_of(roles), counts={"ingress": 2}).ingress_nodes) == 2, "control"
