"""The ACL bootstrap against agents in memory: order, repetition, foreign clusters, deadlines, least privilege."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bakery.config.model import Kind, Role
from bakery.credentials.model import Bundle
from bakery.credentials.store import create_bundle
from bakery.credentials.tokens import consul_agent_token, consul_dns_token, consul_nomad_token
from bakery.errors import AgentError, CredentialsError, DeadlineError, ExitCode
from bakery.launch.acl import AclOutcome, ensure_acls
from bakery.launch.acl_policies import POLICIES, consul_tokens
from tests.helpers.fake_agents import FakeClock, FakeCluster, healthy_cluster

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


def _ensure(cluster: FakeCluster, bundle: Bundle, clock: FakeClock | None = None) -> AclOutcome:
    return ensure_acls(
        cluster.plan,
        ROLES,
        bundle,
        cluster.clients,
        consul_servers=CONSUL_SERVERS,
        nomad_servers=NOMAD_SERVERS,
        seconds=30,
        clock=clock or FakeClock(),
    )


def test_a_new_cluster_is_closed_with_our_own_secrets_and_holds_every_pre_made_token(bundle: Bundle) -> None:
    cluster = healthy_cluster()
    outcome = _ensure(cluster, bundle)
    assert cluster.consul.bootstrapped_with == bundle.consul_management.secret
    assert cluster.nomad.bootstrapped_with == bundle.nomad_management.secret
    # One for DNS; 6 nodes and 3 roles, each with an agent's; Nomad's on 3 nodes and 2 roles.
    assert outcome == AclOutcome(policies_written=4, tokens_written=1 + 9 + 5)
    secrets = {token.secret for token in cluster.consul.tokens.values()}
    for subject in ("demo-nomad-client-2", "nomad-client"):
        assert consul_agent_token(bundle, subject).secret in secrets
        assert consul_nomad_token(bundle, subject).secret in secrets
    assert consul_dns_token(bundle).secret in secrets


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
    weak = consul_dns_token(bundle).accessor
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
    assert "Consul's ACLs were bootstrapped by somebody else" in caught.value.brief
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
    assert caught.value.brief == "waited 30 s for Consul to elect a leader and take the ACL bootstrap"
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
    cluster.consul.failures = {"bootstrap_acl": AgentError("Consul refused", details="rpc error", status=status)}

    def on_sleep(now: float) -> None:
        cluster.consul.failures.clear()

    _ensure(cluster, bundle, FakeClock(on_sleep))
    assert cluster.consul.bootstrapped_with == bundle.consul_management.secret


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_ends_it_at_once(bundle: Bundle, status: int) -> None:
    cluster = healthy_cluster()
    refusal = AgentError("Consul refused", details="ACL support disabled", status=status)
    cluster.consul.failures = {"bootstrap_acl": refusal}
    clock = FakeClock()
    with pytest.raises(AgentError) as caught:
        _ensure(cluster, bundle, clock)
    assert caught.value == refusal
    assert clock.time == 0


def test_a_silent_first_server_does_not_stop_it(bundle: Bundle) -> None:
    cluster = healthy_cluster()
    cluster.unreachable = {"198.18.0.1"}
    _ensure(cluster, bundle)
    assert cluster.consul.bootstrapped_with == bundle.consul_management.secret


def test_no_rule_gives_more_than_its_agent_needs() -> None:
    """Written by hand from Consul's and Nomad's documentation of what each agent needs."""
    assert {policy.name: policy.rules.splitlines() for policy in POLICIES} == {
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
        ],
    }


def test_a_planned_node_may_write_itself_only_and_a_role_any_node(bundle: Bundle) -> None:
    tokens = {token.accessor: token for token in consul_tokens(healthy_cluster().plan, ROLES, bundle)}
    node = tokens[consul_agent_token(bundle, "demo-nomad-client-1").accessor].grant
    assert node.node is not None
    assert (node.node.node, node.node.datacenter, node.policies) == ("demo-nomad-client-1", "demo", ())
    role = tokens[consul_agent_token(bundle, "nomad-client").accessor].grant
    assert (role.node, role.policies) == (None, ("bakery-role-agent",))


@pytest.mark.parametrize(
    ("kind", "policies"),
    [
        (Kind.CONSUL_SERVER, None),
        (Kind.NOMAD_SERVER, ("bakery-nomad-server",)),
        (Kind.NOMAD_CLIENT, ("bakery-nomad-client",)),
        (Kind.SERVER, ("bakery-nomad-server",)),
    ],
)
def test_nomads_token_by_kind(bundle: Bundle, kind: Kind, policies: tuple[str, ...] | None) -> None:
    role = Role(name="some", kind=kind, count=1, size="s-1vcpu-1gb", node_pool="default")
    plan = replace(healthy_cluster().plan, nodes=())
    tokens = {token.accessor: token.grant for token in consul_tokens(plan, (role,), bundle)}
    found = tokens.get(consul_nomad_token(bundle, "some").accessor)
    assert (found.policies if found else None) == policies


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
