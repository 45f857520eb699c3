"""The ACL bootstrap against agents in memory: order, repetition, foreign clusters, deadlines, least privilege."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bakery.agents.model import AclPolicy, Member
from bakery.config.model import Kind, Role
from bakery.console import SILENT, Reporter
from bakery.credentials.model import Bundle
from bakery.credentials.store import create_bundle
from bakery.credentials.tokens import (
    consul_agent_token,
    consul_ingress_token,
    consul_nomad_token,
)
from bakery.errors import AgentError, CredentialsError, DeadlineError, ExitCode
from bakery.launch.acl.ensure import AclOutcome, AclRequest, ensure_acls
from bakery.launch.acl.policies import NOMAD_BOTH, NOMAD_CLIENT, POLICIES, consul_policies, consul_tokens
from tests.helpers.clusters import make_node, make_plan
from tests.helpers.fake_agents import FakeClock, FakeCluster, healthy_cluster
from tests.helpers.reporter import RecordingReporter

CONSUL_SERVERS = ("198.18.0.1", "198.18.0.2", "198.18.0.3")
NOMAD_SERVERS = ("198.18.0.4",)
ROLES = tuple(
    Role(name=kind.value, kind=kind, count=1, size="s-1vcpu-1gb", node_pool="default")
    for kind in (Kind.CONSUL_SERVER, Kind.NOMAD_SERVER, Kind.NOMAD_CLIENT)
)


@pytest.fixture(autouse=True)
def _no_deadline_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BAKERY_DEADLINE_FACTOR", raising=False)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return create_bundle("demo", now=datetime(2026, 1, 1, tzinfo=UTC))


def _ensure(
    cluster: FakeCluster,
    bundle: Bundle,
    clock: FakeClock | None = None,
    *,
    rendered: Collection[str] = (),
    reporter: Reporter = SILENT,
) -> AclOutcome:
    request = AclRequest(
        plan=cluster.plan,
        roles=ROLES,
        rendered=frozenset(rendered),
        bundle=bundle,
        droplets=tuple(cluster.droplets),
        consul_servers=CONSUL_SERVERS,
        nomad_servers=NOMAD_SERVERS,
    )
    return ensure_acls(request, cluster.clients, seconds=30, reporter=reporter, clock=clock or FakeClock())


def _launched_cluster() -> FakeCluster:
    """Droplets with the tag of the launch that made them."""
    cluster = healthy_cluster()
    cluster.droplets = [
        replace(droplet, tags=(*droplet.tags, "bakery:demo:launch:0123abcd")) for droplet in cluster.droplets
    ]
    return cluster


def _cluster_of_an_earlier_version(bundle: Bundle) -> FakeCluster:
    """With tokens of every role, rendered or not."""
    cluster = _launched_cluster()
    _ensure(cluster, bundle, rendered={role.name for role in ROLES})
    cluster.consul.calls.clear()
    return cluster


def _role_accessors(bundle: Bundle, role: str) -> set[str]:
    return {consul_agent_token(bundle, role).accessor, consul_nomad_token(bundle, role).accessor}


def test_a_new_cluster_is_closed_with_our_own_secrets_and_holds_every_pre_made_token(bundle: Bundle) -> None:
    cluster = healthy_cluster()
    outcome = _ensure(cluster, bundle)
    assert cluster.consul.bootstrapped_with == bundle.consul_management.secret
    assert cluster.nomad.bootstrapped_with == bundle.nomad_management.secret
    # An agent's on 6 nodes; Nomad's on 3.
    assert outcome == AclOutcome(policies_written=8, tokens_written=6 + 3, identity_written=5)
    secrets = {token.secret for token in cluster.consul.tokens.values()}
    assert consul_agent_token(bundle, "demo-nomad-client-2").secret in secrets
    assert consul_nomad_token(bundle, "demo-nomad-client-2").secret in secrets


def test_a_role_has_tokens_only_if_it_was_rendered(bundle: Bundle) -> None:
    cluster = healthy_cluster()
    # Names of planned nodes that were rendered one by one are no roles.
    _ensure(cluster, bundle, rendered={"nomad-client", "demo-nomad-server-1"})
    there = set(cluster.consul.tokens)
    assert _role_accessors(bundle, "nomad-client") <= there
    assert not _role_accessors(bundle, "nomad-server") & there
    assert consul_agent_token(bundle, "consul-server").accessor not in there


def test_a_role_that_is_rendered_later_gets_its_tokens_then(bundle: Bundle) -> None:
    cluster = healthy_cluster()
    _ensure(cluster, bundle)
    assert _ensure(cluster, bundle, rendered={"nomad-client"}).tokens_written == 2
    assert _role_accessors(bundle, "nomad-client") <= set(cluster.consul.tokens)


def test_tokens_of_an_earlier_version_for_unrendered_roles_are_removed_and_it_is_said(bundle: Bundle) -> None:
    cluster = _cluster_of_an_earlier_version(bundle)
    listener = RecordingReporter()
    outcome = _ensure(cluster, bundle, rendered={"nomad-client"}, reporter=listener)
    assert outcome == AclOutcome(
        policies_written=0, tokens_written=0, roles_removed=("consul-server", "nomad-server")
    )
    there = set(cluster.consul.tokens)
    assert not _role_accessors(bundle, "nomad-server") & there
    assert _role_accessors(bundle, "nomad-client") <= there
    assert len(there) == 6 + 3 + 2
    assert listener.warnings[1] == (
        "removed Consul's tokens for hand-made nodes of role nomad-server: it was not rendered on this machine,"
        " and bakery launched every node; bakery render --role nomad-server and bakery bootstrap bring them back"
    )
    # A token is derived: once the role is rendered, nodes that carried it have their rights back.
    _ensure(cluster, bundle, rendered={"nomad-client", "nomad-server"})
    assert _role_accessors(bundle, "nomad-server") <= set(cluster.consul.tokens)


def _with_a_hand_made_node(cluster: FakeCluster) -> None:
    handmade = Member(name="handmade", address="10.100.0.20", status="failed")
    cluster.consul.pool = (*cluster.consul.pool, handmade)


def _with_a_hand_made_droplet_of_a_planned_name(cluster: FakeCluster) -> None:
    """As ``bakery render`` says: with the tags of the cluster and the role, and none of a launch."""
    droplet = cluster.droplets[-1]
    cluster.droplets[-1] = replace(droplet, tags=("bakery:demo", "bakery:demo:role:nomad-client"))


def _with_droplets_that_nobody_asked_for(cluster: FakeCluster) -> None:
    """``bakery bootstrap --server``: the cluster may be elsewhere."""
    cluster.droplets = []


@pytest.mark.parametrize(
    "change",
    [
        _with_a_hand_made_node,
        _with_a_hand_made_droplet_of_a_planned_name,
        _with_droplets_that_nobody_asked_for,
    ],
)
def test_no_token_is_removed_that_a_hand_made_node_may_use(
    bundle: Bundle, change: Callable[[FakeCluster], None]
) -> None:
    """The folder was restored without ``roles/``. Control: the same cluster without such a node, above."""
    cluster = _cluster_of_an_earlier_version(bundle)
    before = dict(cluster.consul.tokens)
    change(cluster)
    listener = RecordingReporter()
    outcome = _ensure(cluster, bundle, reporter=listener)
    assert outcome.roles_removed == ()
    assert outcome.roles_kept == ("consul-server", "nomad-server", "nomad-client")
    assert cluster.consul.tokens == before
    assert not [call for call in cluster.consul.calls if call.startswith("delete_token")]
    assert "these nodes may be made by hand and use the tokens: " in listener.warnings[0]
    assert outcome.others[-1] in listener.warnings[0]


def test_a_node_that_has_left_uses_no_token(bundle: Bundle) -> None:
    cluster = _cluster_of_an_earlier_version(bundle)
    gone = Member(name="handmade", address="10.100.0.20", status="left")
    cluster.consul.pool = (*cluster.consul.pool, gone)
    assert len(_ensure(cluster, bundle).roles_removed) == 3


def test_a_removal_that_was_interrupted_goes_on(bundle: Bundle) -> None:
    cluster = _cluster_of_an_earlier_version(bundle)
    cluster.consul.failures = {
        "delete_token": AgentError(message="Consul refused", details="rpc error", status=500)
    }

    def on_sleep(now: float) -> None:
        cluster.consul.failures.clear()

    assert len(_ensure(cluster, bundle, FakeClock(on_sleep)).roles_removed) == 3
    assert len(cluster.consul.tokens) == 6 + 3


def test_the_second_time_nothing_is_written(bundle: Bundle) -> None:
    cluster = healthy_cluster()
    _ensure(cluster, bundle)
    cluster.consul.calls.clear()
    assert _ensure(cluster, bundle) == AclOutcome(policies_written=0, tokens_written=0)
    assert cluster.consul.calls.count("list_tokens") == 1
    assert "put_token" not in cluster.consul.calls


def test_only_what_is_missing_or_wrong_is_written(bundle: Bundle) -> None:
    cluster = healthy_cluster()
    _ensure(cluster, bundle)
    gone = consul_agent_token(bundle, "demo-nomad-client-2").accessor
    weak = consul_agent_token(bundle, "demo-nomad-client-1").accessor
    del cluster.consul.tokens[gone]
    token = cluster.consul.tokens[weak]
    cluster.consul.tokens[weak] = replace(token, grant=replace(token.grant, policies=()))
    assert _ensure(cluster, bundle).tokens_written == 2
    assert cluster.consul.tokens[weak] == token
    assert gone in cluster.consul.tokens


def test_a_cluster_of_somebody_else_is_refused_by_name(bundle: Bundle) -> None:
    cluster = healthy_cluster()
    cluster.consul.bootstrapped_with = "another"
    cluster.consul.knows_our_token = False
    clock = FakeClock()
    with pytest.raises(CredentialsError) as caught:
        _ensure(cluster, bundle, clock)
    assert caught.value.exit_code is ExitCode.CREDENTIALS
    assert "Consul's ACLs were bootstrapped with other credentials" in caught.value.message
    assert "put_token" not in cluster.consul.calls
    assert cluster.nomad.calls == []
    assert clock.time == 15


def test_a_server_that_learns_of_the_token_late_is_given_time(bundle: Bundle) -> None:
    cluster = healthy_cluster()
    cluster.consul.knows_our_token = False

    def on_sleep(now: float) -> None:
        cluster.consul.knows_our_token = now >= 3

    assert _ensure(cluster, bundle, FakeClock(on_sleep)).tokens_written


def test_nothing_is_bootstrapped_before_there_is_a_leader(bundle: Bundle) -> None:
    cluster = healthy_cluster()
    cluster.consul.leader_address = ""
    cluster.unreachable = {"198.18.0.2"}
    with pytest.raises(DeadlineError) as caught:
        _ensure(cluster, bundle)
    assert caught.value.message == "waited 30 s for Consul to elect a leader and take the ACL bootstrap"
    assert caught.value.details == (
        "there is no leader yet\nConsul at 198.18.0.2:8501 cannot be reached: [Errno 113] No route to host"
    )
    assert set(cluster.consul.calls) == {"leader"}


def test_it_goes_on_when_the_leader_appears(bundle: Bundle) -> None:
    cluster = healthy_cluster()
    address, cluster.nomad.leader_address = cluster.nomad.leader_address, ""

    def on_sleep(now: float) -> None:
        if now >= 10:
            cluster.nomad.leader_address = address

    _ensure(cluster, bundle, FakeClock(on_sleep))
    assert cluster.nomad.bootstrapped_with == bundle.nomad_management.secret


@pytest.mark.parametrize("status", [0, 429, 500, 503])
def test_a_fault_that_may_pass_is_waited_for(bundle: Bundle, status: int) -> None:
    cluster = healthy_cluster()
    cluster.consul.failures = {
        "bootstrap_acl": AgentError(message="Consul refused", details="rpc error", status=status)
    }

    def on_sleep(now: float) -> None:
        cluster.consul.failures.clear()

    _ensure(cluster, bundle, FakeClock(on_sleep))
    assert cluster.consul.bootstrapped_with == bundle.consul_management.secret


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_ends_it_at_once(bundle: Bundle, status: int) -> None:
    cluster = healthy_cluster()
    refusal = AgentError(message="Consul refused", details="ACL support disabled", status=status)
    cluster.consul.failures = {"bootstrap_acl": refusal}
    clock = FakeClock()
    with pytest.raises(AgentError) as caught:
        _ensure(cluster, bundle, clock)
    assert caught.value == refusal
    assert clock.time == 0


FOREIGN = AgentError(
    message="Consul cannot be reached", details="another CA", hint="bring back the bundle", of_another_ca=True
)


def test_servers_of_another_ca_end_it_at_once(bundle: Bundle) -> None:
    cluster, clock = healthy_cluster(), FakeClock()
    cluster.consul.failures = {"leader": FOREIGN}
    with pytest.raises(CredentialsError, match="the credentials are not those of this cluster") as caught:
        _ensure(cluster, bundle, clock)
    assert (caught.value.details, caught.value.hint) == ("Consul cannot be reached: another CA", FOREIGN.hint)
    assert clock.time == 0


def test_one_server_of_another_ca_does_not(bundle: Bundle) -> None:
    """An address may be another machine's by now; control of the test above."""
    cluster, clock = healthy_cluster(), FakeClock()
    cluster.consul.failures = {"leader": FOREIGN}
    cluster.leaderless = {"198.18.0.2"}
    with pytest.raises(DeadlineError):
        _ensure(cluster, bundle, clock)
    assert clock.time >= 30


def test_a_silent_first_server_does_not_stop_it(bundle: Bundle) -> None:
    cluster = healthy_cluster()
    cluster.unreachable = {"198.18.0.1"}
    _ensure(cluster, bundle)
    assert cluster.consul.bootstrapped_with == bundle.consul_management.secret


def _rules_with_one_spelling(policy: AclPolicy) -> list[str]:
    """The rules without those that repeat an exact name of a service in other letters."""
    exact = [rule for rule in policy.rules.splitlines() if rule.startswith('service "') and rule != rule.lower()]
    return [rule for rule in policy.rules.splitlines() if rule not in exact]


def test_a_client_writes_the_servers_services_in_no_spelling() -> None:
    """Consul finds the service "Nomad" as "nomad". Two spellings of each letter: 64 of consul, 32 of nomad."""
    client, both = (
        {rule.split('"')[1] for rule in policy.rules.splitlines() if rule.startswith('service "')}
        for policy in (NOMAD_CLIENT, NOMAD_BOTH)
    )
    assert {"consul", "Consul", "CONSUL", "cOnSuL", "nomad", "Nomad", "NOMAD"} <= client
    assert {name.lower() for name in client} == {"consul", "nomad"}
    assert len(client) == 96
    assert {name.lower() for name in both} == {"consul"}
    assert len(both) == 64


def test_no_rule_gives_more_than_its_agent_needs() -> None:
    """Written by hand from Consul's and Nomad's documentation of what each agent needs."""
    assert {policy.name: _rules_with_one_spelling(policy) for policy in POLICIES} == {
        "bakery-role-agent": ['node_prefix "" { policy = "write" }', 'service_prefix "" { policy = "read" }'],
        "bakery-dns": ['node_prefix "" { policy = "read" }', 'service_prefix "" { policy = "read" }'],
        "bakery-nomad-server": [
            'agent_prefix "" { policy = "read" }',
            'node_prefix "" { policy = "read" }',
            'service_prefix "" { policy = "read" }',
            'service_prefix "nomad" { policy = "write" }',
        ],
        "bakery-nomad-client": [
            'agent_prefix "" { policy = "read" }',
            'node_prefix "" { policy = "read" }',
            'service_prefix "" { policy = "write" }',
            'service "consul" { policy = "read" }',
            'service "nomad" { policy = "read" }',
        ],
        "bakery-nomad-server-and-client": [
            'agent_prefix "" { policy = "read" }',
            'node_prefix "" { policy = "read" }',
            'service_prefix "" { policy = "write" }',
            'service "consul" { policy = "read" }',
        ],
        "bakery-nomad-tasks": [
            'node_prefix "" { policy = "read" }',
            'service_prefix "" { policy = "read" }',
            'key_prefix "apps/" { policy = "read" }',
        ],
        "bakery-ingress-agent": ['service "ingress" { policy = "write" }'],
        # https://doc.traefik.io/traefik/providers/consul-catalog/ names no rules; these are of what it calls.
        "bakery-ingress": [
            'node_prefix "" { policy = "read" }',
            'service_prefix "" { policy = "read" }',
            'service "consul" { policy = "deny" }',
        ],
    }


def test_a_client_reads_the_agents_of_clients_and_of_no_consul_server() -> None:
    """All-in-one is a Consul server too. The last role is named like the beginning of a client's."""
    plan = make_plan()
    names = replace(make_node(Kind.NOMAD_CLIENT), role="server-a", name="demo-server-a-1")
    policies = {policy.name: policy for policy in consul_policies(replace(plan, nodes=(*plan.nodes, names)))}
    rules = policies["bakery-nomad-client"].rules.splitlines()
    assert [rule for rule in rules if rule.startswith("agent_prefix")] == [
        'agent_prefix "" { policy = "read" }',
        'agent_prefix "demo-all-in-one-" { policy = "deny" }',
        'agent_prefix "demo-consul-server-" { policy = "deny" }',
        'agent_prefix "demo-nomad-client-" { policy = "read" }',
        'agent_prefix "demo-server-" { policy = "deny" }',
        'agent_prefix "demo-server-a-" { policy = "read" }',
    ]
    others = {name: policy for name, policy in policies.items() if name != "bakery-nomad-client"}
    assert others == {policy.name: policy for policy in POLICIES if policy != NOMAD_CLIENT}


def test_a_planned_node_may_write_itself_only_and_a_role_any_node(bundle: Bundle) -> None:
    tokens = {token.accessor: token for token in consul_tokens(healthy_cluster().plan, ROLES, bundle)}
    node = tokens[consul_agent_token(bundle, "demo-nomad-client-1").accessor].grant
    assert node.node is not None
    assert (node.node.node, node.node.datacenter, node.policies) == (
        "demo-nomad-client-1",
        "demo",
        ("bakery-dns",),
    )
    role = tokens[consul_agent_token(bundle, "nomad-client").accessor].grant
    assert (role.node, role.policies) == (None, ("bakery-role-agent",))


@pytest.mark.parametrize(
    ("kind", "policies"),
    [
        (Kind.CONSUL_SERVER, None),
        (Kind.NOMAD_SERVER, ("bakery-nomad-server",)),
        (Kind.NOMAD_CLIENT, ("bakery-nomad-client",)),
        (Kind.SERVER, ("bakery-nomad-server",)),
        (Kind.ALL_IN_ONE, ("bakery-nomad-server-and-client",)),
        (Kind.INGRESS, None),
    ],
)
def test_nomads_token_by_kind(bundle: Bundle, kind: Kind, policies: tuple[str, ...] | None) -> None:
    role = Role(name="some", kind=kind, count=1, size="s-1vcpu-1gb", node_pool="default")
    plan = replace(healthy_cluster().plan, nodes=())
    tokens = {token.accessor: token.grant for token in consul_tokens(plan, (role,), bundle)}
    found = tokens.get(consul_nomad_token(bundle, "some").accessor)
    assert (found.policies if found else None) == policies


def test_an_ingress_node_has_a_token_for_traefik_and_its_agent_registers_it(bundle: Bundle) -> None:
    """Also a node made by hand. Traefik's own token cannot write."""
    role = Role(name="edge", kind=Kind.INGRESS, count=1, size="s-1vcpu-1gb", node_pool="default")
    plan = replace(healthy_cluster().plan, nodes=(make_node(Kind.INGRESS),))
    tokens = {token.accessor: token.grant for token in consul_tokens(plan, (role,), bundle)}
    node = tokens[consul_agent_token(bundle, "demo-ingress-1").accessor]
    assert (node.node and node.node.node, node.policies) == (
        "demo-ingress-1",
        ("bakery-dns", "bakery-ingress-agent"),
    )
    assert tokens[consul_ingress_token(bundle, "demo-ingress-1").accessor].policies == ("bakery-ingress",)
    agent = tokens[consul_agent_token(bundle, "edge").accessor]
    assert (agent.node, agent.policies) == (None, ("bakery-ingress-agent", "bakery-role-agent"))
    assert tokens[consul_ingress_token(bundle, "edge").accessor].policies == ("bakery-ingress",)


@pytest.mark.parametrize(
    ("kind", "policies"),
    [
        (Kind.CONSUL_SERVER, None),
        (Kind.NOMAD_SERVER, ("bakery-nomad-mesh", "bakery-nomad-server")),
        (Kind.NOMAD_CLIENT, ("bakery-nomad-client",)),
        (Kind.SERVER, ("bakery-nomad-mesh", "bakery-nomad-server")),
        (Kind.ALL_IN_ONE, ("bakery-nomad-mesh", "bakery-nomad-server-and-client")),
    ],
)
def test_with_the_mesh_nomads_servers_may_write_its_entries(
    bundle: Bundle, kind: Kind, policies: tuple[str, ...] | None
) -> None:
    """Sorted, as Consul's tokens are read back, or every launch would write them again."""
    role = Role(name="some", kind=kind, count=1, size="s-1vcpu-1gb", node_pool="default")
    plan = replace(healthy_cluster().plan, nodes=(), mesh=True)
    tokens = {token.accessor: token.grant for token in consul_tokens(plan, (role,), bundle)}
    found = tokens.get(consul_nomad_token(bundle, "some").accessor)
    assert (found.policies if found else None) == policies
    (added,) = set(consul_policies(plan)) - set(consul_policies(replace(plan, mesh=False)))
    assert added.rules == 'mesh = "write"\n'


def test_no_secret_shows_in_what_it_says_or_raises(bundle: Bundle) -> None:
    cluster = healthy_cluster()
    outcome = _ensure(cluster, bundle)
    said = f"{outcome!r} {list(cluster.consul.tokens.values())!r}"
    cluster.consul.knows_our_token = False
    with pytest.raises(CredentialsError) as caught:
        _ensure(cluster, bundle)
    said += repr(caught.value)
    for secret in (bundle.consul_management.secret, bundle.nomad_management.secret):
        assert secret not in said
    for token in cluster.consul.tokens.values():
        assert token.secret not in said
        assert token.accessor in repr(token)  # control: it is the repr that hides it
