"""Domains without an address are named; a name server that does not answer delays nothing for long."""

import threading

import pytest

from bakery.config.model import BalancerCertificate, Ingress, LoadBalancer
from bakery.operations import domains
from bakery.operations.domains import address_warning, without_address

KNOWN = {"a.example.com", "c.example.com"}
AFTER = (
    " no address yet: after the launch, create a DNS record with the address of the ingress node, of its reserved"
    " IP or of its load balancer"
)
ISSUED = "; certificates are issued only after that"


def acme(*names: str) -> Ingress:
    return Ingress(domains=names, acme_email="ops@example.com")


def test_those_without_an_address_are_named_in_order() -> None:
    asked = ["d.example.com", "a.example.com", "b.example.com"]
    assert without_address(asked, KNOWN.__contains__) == ("d.example.com", "b.example.com")
    assert address_warning(acme(*asked), KNOWN.__contains__) == f"d.example.com, b.example.com have{AFTER}{ISSUED}"
    assert address_warning(acme("b.example.com"), KNOWN.__contains__) == f"b.example.com has{AFTER}{ISSUED}"


def test_certificates_of_ones_own_do_not_wait_for_an_address() -> None:
    own = Ingress(domains=("b.example.com",))
    assert address_warning(own, KNOWN.__contains__) == f"b.example.com has{AFTER}"


def test_where_tls_ends_at_the_load_balancer_digitalocean_makes_the_records() -> None:
    balancer = LoadBalancer(certificate=BalancerCertificate.LETS_ENCRYPT, proxy_protocol=True)
    ends_tls = Ingress(domains=("b.example.com",), load_balancer=balancer)
    assert address_warning(ends_tls, KNOWN.__contains__) is None
    balancer = LoadBalancer(certificate=BalancerCertificate.PASSTHROUGH, proxy_protocol=True)
    passes = Ingress(domains=("b.example.com",), load_balancer=balancer)
    assert address_warning(passes, KNOWN.__contains__) == f"b.example.com has{AFTER}"


def test_without_domains_or_with_addresses_there_is_no_warning() -> None:
    assert address_warning(acme()) is None
    assert address_warning(acme(*sorted(KNOWN)), KNOWN.__contains__) is None


def test_a_late_answer_counts_as_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domains, "SECONDS", 0.05)
    release, daemons = threading.Event(), list[bool]()

    def late(domain: str) -> bool:
        daemons.append(threading.current_thread().daemon)
        release.wait(10)
        return domain in KNOWN

    try:
        assert without_address(["b.example.com"], late) == ()
        assert daemons == [True]  # Python's end waits for any other thread
    finally:
        release.set()
