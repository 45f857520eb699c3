"""Which domains of an ingress node ``status`` names because they have no certificate."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bakery.cloud.model import Droplet
from bakery.operations import served_certificates
from bakery.operations.served_certificates import certificate_conditions
from bakery.plan.model import ClusterPlan
from tests.helpers.fake_cloud import FakeCloud
from tests.helpers.ingress_bench import LETS_ENCRYPT, PLAIN, ingress_plan

ACME = ingress_plan("{domains: [a.example.com, b.example.com], acme_email: ops@example.com}")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that were asked; there is no certificate for b.example.com."""
    addresses: list[str] = []

    def ask(domains: Sequence[str], address: str) -> tuple[str, ...]:
        addresses.append(address)
        return tuple(domain for domain in domains if domain.startswith("b."))

    monkeypatch.setattr(served_certificates, "without_certificate", ask)
    return addresses


def node() -> Droplet:
    cloud = FakeCloud()
    tags = ("bakery:demo", "bakery:demo:role:ingress", "bakery:demo:slot:ingress-1")
    return replace(cloud.droplets[cloud.add_droplet("demo-ingress-1", tags=tags)], public_ipv4="203.0.113.9")


def test_a_domain_without_a_certificate_is_named_and_blocks_nothing(asked: list[str]) -> None:
    (found,) = certificate_conditions(ACME, [node()], None)
    assert (found.state.value, found.message) == ("missing", "no certificate for b.example.com yet")
    assert not found.blocks
    assert "journalctl --unit=traefik" in str(found.help)
    assert asked == ["203.0.113.9"]


@pytest.mark.parametrize("plan", [ingress_plan(PLAIN), ingress_plan(LETS_ENCRYPT)])
def test_nothing_is_asked_where_the_node_requests_no_certificate(asked: list[str], plan: ClusterPlan) -> None:
    assert certificate_conditions(plan, [node()], None) == ()
    assert certificate_conditions(ACME, [], None) == ()
    assert asked == []
