"""When each droplet's certificates end, how that is known, and when it is late."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bakery.agents.model import CertificateDates
from bakery.config.model import Kind
from bakery.errors import AgentError
from bakery.observe.expiry import (
    FAILURE_SHARE,
    WARNING_SHARE,
    Expiry,
    Source,
    describe_expiring,
    expiring,
    find_expiry,
    renewal,
)
from tests.helpers.clusters import make_node
from tests.helpers.fake_agents import FakeAgent, FakeCluster, healthy_cluster, make_droplet

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
"""Of every droplet in make_droplet."""
CA_ENDS = datetime(2035, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def dates(days: int) -> CertificateDates:
    return CertificateDates(begins=CREATED, ends=CREATED + days * DAY)


def found(cluster: FakeCluster, ca_ends: datetime = CA_ENDS) -> dict[str, tuple[int, Source]]:
    """Days from the droplet's creation to the end, and how they are known, by the last part of the names."""
    expiries = find_expiry(cluster.plan, cluster.droplets, cluster.clients, ca_ends=ca_ends)
    return {e.name.removeprefix("demo-"): ((e.ends - CREATED).days, e.source) for e in expiries}


@pytest.fixture
def cluster() -> FakeCluster:
    """Consul's certificates last 300 days, Nomad's 200; the droplets carry generation tags."""
    made = healthy_cluster()
    made.droplets = [replace(d, tags=(*d.tags, "bakery:demo:gen:1")) for d in made.droplets]
    made.plan = replace(made.plan, leaf_days=100)
    made.consul.dates, made.nomad.dates = dates(300), dates(200)
    return made


def test_servers_are_measured_and_clients_estimated_from_outside_the_vpc(cluster: FakeCluster) -> None:
    assert found(cluster) == {
        "consul-server-1": (300, Source.MEASURED),
        "consul-server-2": (300, Source.MEASURED),
        "consul-server-3": (300, Source.MEASURED),
        "nomad-server-1": (200, Source.MEASURED),
        "nomad-client-1": (100, Source.ESTIMATED),
        "nomad-client-2": (100, Source.ESTIMATED),
    }


def test_a_client_that_does_not_answer_costs_one_question(cluster: FakeCluster) -> None:
    """Each takes two seconds to be given up, and there may be a hundred."""
    silent = FakeAgent(failures={"certificate": AgentError(message="no answer", status=0)})
    find_expiry(
        cluster.plan,
        cluster.droplets,
        replace(cluster.clients, nomad_client=lambda _: silent),
        ca_ends=CA_ENDS,
    )
    assert silent.calls == ["certificate"]


def test_within_the_vpc_clients_are_measured_too(cluster: FakeCluster) -> None:
    addresses = [d.private_ipv4 or "" for d in cluster.droplets if "client" in d.name]
    cluster.client_agents = {address: FakeAgent(dates=dates(250)) for address in addresses}
    assert found(cluster)["nomad-client-1"] == (250, Source.MEASURED)
    assert found(cluster)["nomad-client-2"] == (250, Source.MEASURED)
    del cluster.client_agents[addresses[1]]
    assert found(cluster)["nomad-client-2"] == (100, Source.ESTIMATED)


def test_of_two_agents_the_certificate_that_ends_first_counts(cluster: FakeCluster) -> None:
    node = make_node(Kind.SERVER)
    cluster.plan = replace(cluster.plan, nodes=(node,))
    cluster.droplets = [make_droplet(1, node.name, node.tags)]
    assert found(cluster) == {"server-1": (200, Source.MEASURED)}


@pytest.mark.parametrize(
    ("tags", "leaf_days", "ca_days", "days"),
    [
        (("bakery:demo:gen:1",), 3650, 3649, 3649),
        (("bakery:demo:gen:1",), 90, 3649, 90),
        (("bakery:demo:gen:4",), 90, 30, 30),
        ((), 3650, 3649, 365),
        (("bakery:other:gen:1",), 3650, 3649, 365),
        ((), 3650, 100, 100),
    ],
    ids=[
        "with the CA",
        "leaf_days",
        "the CA ends first",
        "of bakery 0.1",
        "another's tag",
        "old, the CA ends first",
    ],
)
def test_what_cannot_be_measured_is_estimated(
    cluster: FakeCluster, tags: tuple[str, ...], leaf_days: int, ca_days: int, days: int
) -> None:
    cluster.plan = replace(cluster.plan, leaf_days=leaf_days)
    cluster.droplets = [replace(cluster.droplets[0], tags=tags)]
    cluster.unreachable = {"198.18.0.1"}
    assert found(cluster, CREATED + ca_days * DAY) == {"consul-server-1": (days, Source.ESTIMATED)}


def test_who_is_off_or_beyond_the_plan_is_estimated(cluster: FakeCluster) -> None:
    cluster.droplets = [
        replace(cluster.droplets[0], status="off"),
        make_droplet(9, "other", ("bakery:demo:gen:1",)),
    ]
    assert found(cluster) == {"consul-server-1": (100, Source.ESTIMATED), "other": (100, Source.ESTIMATED)}
    assert cluster.consul.calls == []


def test_without_an_answer_and_a_date_nothing_is_said(cluster: FakeCluster) -> None:
    cluster.droplets = [replace(cluster.droplets[4], created_at="")]
    assert found(cluster) == {}


def _expiry(name: str, days: int, source: Source = Source.MEASURED) -> Expiry:
    return Expiry(droplet_id=1, name=name, begins=CREATED, ends=CREATED + days * DAY, source=source)


@pytest.mark.parametrize(
    ("day", "warns", "fails"),
    [
        (79, False, False),
        (80, False, False),
        (81, True, False),
        (90, True, False),
        (91, True, True),
        (101, True, True),
    ],
)
def test_it_is_late_with_a_fifth_and_too_late_with_a_tenth_left(day: int, *, warns: bool, fails: bool) -> None:
    now = CREATED + day * DAY
    expiries = [_expiry("a", 100), _expiry("b", 1000)]
    assert [e.name for e in expiring(expiries, now, WARNING_SHARE)] == (["a"] if warns else [])
    assert [e.name for e in expiring(expiries, now, FAILURE_SHARE)] == (["a"] if fails else [])


@pytest.mark.parametrize(
    ("day", "source", "text"),
    [
        (95, Source.MEASURED, "the certificates of a expire on 2026-04-11 (in 5 days, measured)"),
        (99, Source.ESTIMATED, "the certificates of a expire on 2026-04-11 (in 1 day, estimated)"),
        (101, Source.MEASURED, "the certificates of a expired on 2026-04-11 (measured)"),
    ],
)
def test_the_sentence_has_names_day_and_source(day: int, source: Source, text: str) -> None:
    late = expiring([_expiry("b", 1000), _expiry("a", 100, source)], CREATED + day * DAY, WARNING_SHARE)
    assert describe_expiring(late, CREATED + day * DAY) == text
    assert str(renewal(late)) == "replace it: bakery replace a"


def test_several_nodes_are_renewed_by_a_roll() -> None:
    late = [_expiry("b", 1000), _expiry("a", 100)]
    assert str(renewal(late)) == "replace the nodes: bakery roll --because age --older-than 0"


def test_of_several_the_first_is_named() -> None:
    late = expiring([_expiry("b", 101), _expiry("a", 100)], CREATED + 95 * DAY, WARNING_SHARE)
    assert describe_expiring(late, CREATED + 95 * DAY) == (
        "the certificates of 2 nodes expire soon; those of a expire on 2026-04-11 (in 5 days, measured)"
    )
