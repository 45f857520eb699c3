"""Consul's trust in Nomad's keys: written once, kept fresh, and finished after a kill."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bakery.agents.model import AclRole, BindingRule, JwtAuthMethod, SigningKey
from bakery.credentials.model import Bundle
from bakery.credentials.store import create_bundle
from bakery.errors import DeadlineError
from bakery.launch.acl.ensure import AclOutcome, AclRequest, ensure_acls
from tests.helpers.fake_agents import FakeClock, FakeCluster, healthy_cluster

CONSUL_SERVERS = ("198.18.0.1", "198.18.0.2", "198.18.0.3")
NOMAD_SERVERS = ("198.18.0.4",)
METHOD = JwtAuthMethod(
    name="nomad-workloads",
    description="bakery: workloads of Nomad",
    audience="consul.io",
    claims=("nomad_namespace", "nomad_job_id", "nomad_task", "nomad_service"),
    public_keys=("PEM 1",),
)
WRITES = ["put_role nomad-tasks", "put_auth_method nomad-workloads", "put_binding_rules nomad-workloads"]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return create_bundle("demo", now=datetime(2026, 1, 1, tzinfo=UTC))


def _new_cluster() -> FakeCluster:
    cluster = healthy_cluster()
    cluster.consul.auth_methods = {}
    return cluster


def _ensure(
    cluster: FakeCluster, bundle: Bundle, clock: FakeClock | None = None, *, nomad: tuple[str, ...] = NOMAD_SERVERS
) -> AclOutcome:
    request = AclRequest(
        plan=cluster.plan,
        roles=(),
        bundle=bundle,
        droplets=tuple(cluster.droplets),
        consul_servers=CONSUL_SERVERS,
        nomad_servers=nomad,
    )
    return ensure_acls(request, cluster.clients, seconds=30, clock=clock or FakeClock())


def test_a_new_cluster_accepts_identities_with_the_rights_that_the_page_names(bundle: Bundle) -> None:
    """Written by hand from Nomad's page on Consul's ACLs, and narrower where docs/security.md says so."""
    cluster = _new_cluster()
    assert _ensure(cluster, bundle).identity_written == 5
    assert cluster.consul.auth_methods == {"nomad-workloads": METHOD}
    policies = ("bakery-nomad-tasks",)
    description = "bakery: every task of Nomad with a Consul identity"
    assert cluster.consul.roles == {
        "nomad-tasks": AclRole(name="nomad-tasks", description=description, policies=policies)
    }
    assert {(r.bind_type, r.bind_name, r.selector) for r in cluster.consul.binding_rules.values()} == {
        (
            "service",
            "${value.nomad_service}",
            '"nomad_service" in value and value.nomad_service not matches "(?i)^(consul|nomad)$"',
        ),
        ("role", "nomad-tasks", '"nomad_service" not in value'),
        ("role", "nomad-tasks-${value.nomad_namespace}", '"nomad_service" not in value'),
    }
    assert [call for call in cluster.consul.calls if call in WRITES] == WRITES


def test_the_second_time_nothing_is_written(bundle: Bundle) -> None:
    cluster = _new_cluster()
    _ensure(cluster, bundle)
    assert _ensure(cluster, bundle) == AclOutcome(policies_written=0, tokens_written=0, identity_written=0)


def test_a_rotated_key_is_pushed_and_the_old_one_stays_known(bundle: Bundle) -> None:
    """Tokens that Nomad signed a moment before the rotation are shown to Consul after it."""
    cluster = _new_cluster()
    _ensure(cluster, bundle)
    cluster.nomad.rotate()
    assert _ensure(cluster, bundle).identity_written == 1
    assert cluster.consul.jwt_keys("nomad-workloads") == ("PEM 1", "PEM 2")


def test_a_key_that_nomad_publishes_before_its_use_is_pushed_already(bundle: Bundle) -> None:
    cluster = _new_cluster()
    cluster.nomad.keys += (SigningKey(id="next", pem="PEM 0", active=False),)
    _ensure(cluster, bundle)
    assert cluster.consul.jwt_keys("nomad-workloads") == ("PEM 0", "PEM 1")


def test_it_waits_for_nomads_first_key(bundle: Bundle) -> None:
    cluster = _new_cluster()
    keys, cluster.nomad.keys = cluster.nomad.keys, ()

    def on_sleep(now: float) -> None:
        if now >= 3:
            cluster.nomad.keys = keys

    assert _ensure(cluster, bundle, FakeClock(on_sleep)).identity_written == 5


def test_without_a_key_it_says_what_it_waited_for(bundle: Bundle) -> None:
    cluster = _new_cluster()
    cluster.nomad.keys = ()
    with pytest.raises(DeadlineError) as caught:
        _ensure(cluster, bundle)
    assert caught.value.message == "waited 60 s for Nomad to have a signing key"
    assert caught.value.details == "Nomad has no active key yet"
    assert not [call for call in cluster.consul.calls if call in WRITES]


def test_without_nomad_there_is_nothing_to_trust(bundle: Bundle) -> None:
    cluster = _new_cluster()
    assert _ensure(cluster, bundle, nomad=()).identity_written == 0
    assert cluster.consul.auth_methods == {}


def _lose_role(cluster: FakeCluster) -> None:
    cluster.consul.roles.clear()


def _widen_role(cluster: FakeCluster) -> None:
    role = cluster.consul.roles["nomad-tasks"]
    cluster.consul.roles["nomad-tasks"] = replace(role, policies=("global-management",))


def _lose_rule(cluster: FakeCluster) -> None:
    cluster.consul.binding_rules.popitem()


def _other_audience(cluster: FakeCluster) -> None:
    cluster.consul.auth_methods["nomad-workloads"] = replace(METHOD, audience="another")


@pytest.mark.parametrize("change", [_lose_role, _widen_role, _lose_rule, _other_audience])
def test_one_change_is_mended_alone(bundle: Bundle, change: Callable[[FakeCluster], None]) -> None:
    cluster = _new_cluster()
    _ensure(cluster, bundle)
    change(cluster)
    assert _ensure(cluster, bundle).identity_written == 1
    assert cluster.consul.auth_methods["nomad-workloads"] == METHOD
    assert cluster.consul.roles["nomad-tasks"].policies == ("bakery-nomad-tasks",)
    assert len(cluster.consul.binding_rules) == 3


def test_rules_of_the_user_stay(bundle: Bundle) -> None:
    cluster = _new_cluster()
    own = BindingRule(description="mine", bind_type="policy", bind_name="shop", selector="")
    cluster.consul.binding_rules["nomad-workloads", "mine"] = own
    _ensure(cluster, bundle)
    assert own in cluster.consul.binding_rules.values()


class _Killed(BaseException):
    """The end of the process."""


def _kill_before(cluster: FakeCluster, number: int) -> list[int]:
    """End the run before its call ``number``; return the numbers of the calls so far."""
    numbers = [0]

    def count() -> None:
        numbers.append(numbers[-1] + 1)
        if numbers[-1] == number:
            raise _Killed

    cluster.consul.on_call = cluster.nomad.on_call = count
    return numbers


def _calls_of_a_run(bundle: Bundle) -> int:
    cluster = _new_cluster()
    numbers = _kill_before(cluster, 0)
    _ensure(cluster, bundle)
    return numbers[-1]


def test_the_next_run_finishes_what_a_kill_left_wherever_it_came(bundle: Bundle) -> None:
    """Before a call is also after the one before it: an agent in memory answers as soon as it has acted."""
    calls = _calls_of_a_run(bundle)
    assert calls > 20  # control: the run has as many places to be killed at
    for number in range(1, calls + 1):
        cluster = _new_cluster()
        _kill_before(cluster, number)
        with pytest.raises(_Killed):
            _ensure(cluster, bundle)
        cluster.consul.on_call = cluster.nomad.on_call = lambda: None
        _ensure(cluster, bundle)
        assert cluster.consul.auth_methods == {"nomad-workloads": METHOD}
        assert len(cluster.consul.binding_rules) == 3
        assert _ensure(cluster, bundle) == AclOutcome(policies_written=0, tokens_written=0)
