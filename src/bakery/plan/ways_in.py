"""The planned load balancer and reserved IP of the ingress nodes; pure."""

from dataclasses import dataclass

from bakery.config.model import BalancerCertificate, ReservedIp
from bakery.plan.model import ClusterPlan
from bakery.plan.tags import ingress_tag


@dataclass(frozen=True, kw_only=True)
class PlannedBalancer:
    """The load balancer in front of the ingress nodes."""

    tag: str
    """It forwards to the droplets with this tag."""
    domains: tuple[str, ...]
    """Names of the certificate with which TLS ends at the load balancer; empty: at the nodes."""
    proxy_protocol: bool


def balancer_of(plan: ClusterPlan) -> PlannedBalancer | None:
    """Return the planned load balancer; None if there is none, or no ingress node behind it."""
    balancer = plan.ingress.load_balancer
    if balancer is None or not plan.ingress_nodes:
        return None
    ends_tls = balancer.certificate is BalancerCertificate.LETS_ENCRYPT
    return PlannedBalancer(
        tag=ingress_tag(plan.cluster),
        domains=plan.ingress.domains if ends_tls else (),
        proxy_protocol=balancer.proxy_protocol,
    )


def reserved_slot(plan: ClusterPlan) -> str | None:
    """Return the slot whose droplet has the reserved IP; None if the cluster has none."""
    if plan.ingress.reserved_ip is not ReservedIp.AUTO or not plan.ingress_nodes:
        return None
    return plan.ingress_nodes[0].slot
