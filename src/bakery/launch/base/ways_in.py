"""Which load balancer, certificate and reserved IP of the account are the cluster's."""

from collections.abc import Iterable, Sequence

from bakery.cloud.model import Certificate, LoadBalancer
from bakery.launch.base.journal_content import BALANCER, CERTIFICATE, Journal
from bakery.launch.base.ownership import launch_of_balancer
from bakery.plan.tags import address_of_tag, ingress_tag


def may_have_balancer(cluster: str, tags: Iterable[str], journal: Journal) -> bool:
    """Return whether the cluster may have a load balancer: its tag exists before its request is sent."""
    known = (journal.balancer_id, journal.certificate_id, journal.request(BALANCER), journal.request(CERTIFICATE))
    return ingress_tag(cluster) in tags or any(known)


def own_addresses(cluster: str, tags: Iterable[str], journal: Journal) -> frozenset[str]:
    """Return the addresses that bakery reserved for the cluster: a tag or the journal has each of them."""
    marked = (address_of_tag(tag) for tag in tags)
    found = {address for owner, address in filter(None, marked) if owner == cluster}
    return frozenset(found | ({journal.reserved_ip} if journal.reserved_ip else set()))


def find_balancer(cluster: str, balancers: Iterable[LoadBalancer]) -> LoadBalancer | None:
    """Return the cluster's load balancer, by its name; of several the oldest."""
    ours = (each for each in balancers if launch_of_balancer(each.name, cluster) is not None)
    return min(ours, key=lambda each: (each.created_at, each.name), default=None)


def find_certificate(
    cluster: str, domains: Sequence[str], certificates: Iterable[Certificate]
) -> Certificate | None:
    """Return the cluster's certificate for exactly these names; of several the newest."""
    ours = (
        each
        for each in certificates
        if launch_of_balancer(each.name, cluster) is not None and set(each.dns_names) == set(domains)
    )
    return max(ours, key=lambda each: (each.created_at, each.name), default=None)


def other_certificates(
    cluster: str, used: Certificate | None, certificates: Iterable[Certificate]
) -> tuple[Certificate, ...]:
    """Return the cluster's certificates except ``used``."""
    ours = (each for each in certificates if launch_of_balancer(each.name, cluster) is not None)
    return tuple(each for each in ours if used is None or each.id != used.id)
