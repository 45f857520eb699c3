"""Compares the planned load balancer and reserved IP with those of the account. Pure, except for the survey."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from bakery.cloud.interface import Cloud
from bakery.cloud.model import (
    Certificate,
    Droplet,
    ForwardingRule,
    HealthCheck,
    LoadBalancer,
    LoadBalancerRequest,
    ReservedIp,
)
from bakery.hints import Command, Hint, Text
from bakery.launch.base.journal_content import RESERVED_IP, Journal
from bakery.launch.base.model import BalancerChange, Change, Present, ReservedIpChange, Sign
from bakery.launch.base.ways_in import find_balancer, find_certificate, other_certificates, own_addresses
from bakery.plan.ingress import PING_PATH
from bakery.plan.model import ClusterPlan
from bakery.plan.ports import HTTP, HTTPS, PING
from bakery.plan.ways_in import PlannedBalancer, balancer_of, reserved_slot

ACTIVE, ERRORED = "active", "errored"
"""Status of a load balancer that takes requests, and of one that never will."""
BALANCER_MONTHLY, BALANCER_HOURLY = 12.0, 0.01786
"""US dollars for one node of a regional load balancer: the API has no price for it
(https://docs.digitalocean.com/products/networking/load-balancers/details/pricing/). A reserved IP is free while it
is assigned (https://docs.digitalocean.com/products/networking/reserved-ips/details/pricing/)."""

CHECK = HealthCheck(
    protocol="http",
    port=PING,
    path=PING_PATH,
    check_interval_seconds=5,
    response_timeout_seconds=3,
    unhealthy_threshold=3,
    healthy_threshold=2,
)
"""A node that shuts down gets no new requests after 15 seconds (:data:`bakery.plan.ingress.DRAIN_SECONDS`)."""


def monthly_price(
    sizes: Iterable[str], prices: Mapping[str, float], *, balancer_nodes: int | None
) -> float | None:
    """Return what droplets of these sizes, and nodes of a load balancer, cost a month in US dollars.

    None if a size has no price in ``prices``, or the number of nodes is not known (None).
    """
    costs = [prices.get(size) for size in sizes]
    if None in costs or balancer_nodes is None:
        return None
    return round(sum(filter(None, costs)) + balancer_nodes * BALANCER_MONTHLY, 2)


def survey_ways_in(cloud: Cloud, plan: ClusterPlan, present: Present, journal: Journal) -> Present:
    """Return ``present`` with load balancers, certificates and reserved IPs, as far as the cluster has some."""
    own = own_addresses(plan.cluster, present.tags, journal)
    has_balancer = balancer_of(plan) is not None or journal.balancer_id is not None
    has_address = reserved_slot(plan) is not None or own
    return replace(
        present,
        load_balancers=cloud.list_load_balancers() if has_balancer else (),
        certificates=cloud.list_certificates() if has_balancer else (),
        reserved_ips=cloud.list_reserved_ips() if has_address else (),
        own_addresses=own,
        address_requested=journal.request(RESERVED_IP) is not None,
    )


def request_for(
    planned: PlannedBalancer,
    certificate: Certificate | None,
    *,
    name: str,
    region: str,
    vpc_id: str,
    size_unit: int = 1,
) -> LoadBalancerRequest:
    """Return the request for the planned load balancer. Without domains TLS is passed through."""
    certificate_id = certificate.id if certificate is not None else ""
    http = ForwardingRule(entry_protocol="http", entry_port=HTTP, target_protocol="http", target_port=HTTP)
    passed = ForwardingRule(
        entry_protocol="https", entry_port=HTTPS, target_protocol="https", target_port=HTTPS, tls_passthrough=True
    )
    ended = replace(http, entry_protocol="https", entry_port=HTTPS, certificate_id=certificate_id)
    return LoadBalancerRequest(
        name=name,
        region=region,
        vpc_id=vpc_id,
        tag=planned.tag,
        rules=(http, ended if planned.domains else passed),
        health_check=CHECK,
        proxy_protocol=planned.proxy_protocol,
        redirects=bool(planned.domains),
        size_unit=size_unit,
    )


def update_for(
    planned: PlannedBalancer, certificate: Certificate | None, existing: LoadBalancer, *, region: str
) -> LoadBalancerRequest:
    """Return the request that gives the load balancer the planned settings. It keeps its name, VPC and size."""
    return request_for(
        planned,
        certificate,
        name=existing.name,
        region=region,
        vpc_id=existing.vpc_id,
        size_unit=existing.size_unit,
    )


def balancer_change(plan: ClusterPlan, present: Present) -> BalancerChange | None:
    """Return the load balancer to create or update; None if there is none, or it is as planned."""
    planned = balancer_of(plan)
    if planned is None:
        return None
    found = find_balancer(plan.cluster, present.load_balancers)
    if found is None:
        return BalancerChange(planned=planned, existing=None)
    certificate = find_certificate(plan.cluster, planned.domains, present.certificates)
    request = update_for(planned, certificate, found, region=plan.region)
    lacks = bool(planned.domains) and certificate is None
    return BalancerChange(planned=planned, existing=found) if lacks or _differs(found, request) else None


def source_balancer(plan: ClusterPlan, balancers: Iterable[LoadBalancer]) -> str | None:
    """Return the id of the cluster's load balancer, for firewalls; None if there is none, or it is errored."""
    found = find_balancer(plan.cluster, balancers)
    return found.id if found is not None and found.status != ERRORED else None


def has_balancer_only_rules(plan: ClusterPlan) -> bool:
    """Return whether a firewall of the plan admits the load balancer only, on some ports."""
    return any(rule.balancer_only for firewall in plan.firewalls for rule in firewall.inbound)


def _differs(found: LoadBalancer, request: LoadBalancerRequest) -> bool:
    return (
        set(found.rules) != set(request.rules)
        or (found.tag, found.proxy_protocol, found.redirects)
        != (request.tag, request.proxy_protocol, request.redirects)
        or found.health_check != request.health_check
    )


def reserved_ip_change(plan: ClusterPlan, present: Present, holder: Droplet | None) -> ReservedIpChange | None:
    """Return the reserved IP to create or to move to ``holder``, the droplet in its slot, which may not exist yet.

    A reserved IP that the user has assigned to the droplet is left as it is: a droplet has at most one. One that
    an earlier run may have requested is marked as the cluster's first.
    """
    slot = reserved_slot(plan)
    if slot is None:
        return None
    own = find_own(present)
    held = holder is not None and any(each.droplet_id == holder.id for each in present.reserved_ips)
    if held and not present.address_requested:
        return None
    return ReservedIpChange(slot=slot, existing=own)


def find_own(present: Present) -> ReservedIp | None:
    """Return the reserved IP that bakery created for the cluster."""
    return next((each for each in present.reserved_ips if each.ip in present.own_addresses), None)


def change_lines(
    cluster: str, balancer: BalancerChange | None, reserved: ReservedIpChange | None
) -> tuple[Change, ...]:
    """Return the lines for both changes."""
    lines = []
    if balancer is not None and balancer.existing is None:
        details = f"${BALANCER_MONTHLY:.2f} a month, for droplets tagged {balancer.planned.tag}"
        lines.append(Change(sign=Sign.CREATE, kind="balancer", name=f"{cluster}-ingress", details=details))
    elif balancer is not None and balancer.existing is not None:
        details = "its settings differ from the plan"
        lines.append(Change(sign=Sign.UPDATE, kind="balancer", name=balancer.existing.name, details=details))
    if reserved is not None and reserved.existing is None:
        details = "a reserved IP, free while it is assigned"
        lines.append(Change(sign=Sign.CREATE, kind="address", name=reserved.slot, details=details))
    elif reserved is not None and reserved.existing is not None:
        details = f"assigned to {reserved.slot}"
        lines.append(Change(sign=Sign.UPDATE, kind="address", name=reserved.existing.ip, details=details))
    return tuple(lines)


def unplanned_lines(plan: ClusterPlan, present: Present) -> tuple[Text, ...]:
    """Describe ways in that exist and are not in the plan: a launch deletes no load balancer and no reserved IP.

    Of certificates, only those that the cluster's load balancer does not use.
    """
    lines: list[Text] = []
    planned, found = balancer_of(plan), find_balancer(plan.cluster, present.load_balancers)
    if planned is None and found is not None:
        lines.append(_unplanned(f"load balancer {found.name}", f"doctl compute load-balancer delete {found.id}"))
    wanted = find_certificate(plan.cluster, planned.domains, present.certificates) if planned else None
    in_use = {rule.certificate_id for rule in found.rules} if found is not None else set()
    for each in other_certificates(plan.cluster, wanted, present.certificates):
        if each.id not in in_use:
            what = f"certificate {each.name} for {', '.join(each.dns_names)}"
            lines.append(_unplanned(what, f"doctl compute certificate delete {each.id}"))
    if reserved_slot(plan) is None and (own := find_own(present)):
        lines.append(_unplanned(f"reserved IP {own.ip}", f"doctl compute reserved-ip delete {own.ip}"))
    return tuple(lines)


def _unplanned(what: str, command: str) -> Text:
    return Hint(f"{what} is not in the plan; to remove it: {command}, or with the cluster: ", Command("destroy"))
