"""Finds load balancers, certificates and reserved IPs of clusters that have no droplets."""

from dataclasses import dataclass
from datetime import datetime

from bakery.cloud.interface import Cloud
from bakery.cloud.model import Certificate, LoadBalancer, ReservedIp
from bakery.cloud.times import is_older
from bakery.launch.base.ownership import cluster_of_balancer
from bakery.plan.tags import address_of_tag, cluster_tag, is_ingress_tag


@dataclass(frozen=True, kw_only=True)
class OrphanedWaysIn:
    """What dead launches and interrupted destroys have left."""

    balancers: tuple[LoadBalancer, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    reserved_ips: tuple[ReservedIp, ...] = ()


NO_WAYS_IN = OrphanedWaysIn()


def orphaned_ways_in(cloud: Cloud, *, cutoff: datetime) -> OrphanedWaysIn:
    """Return load balancers and certificates older than ``cutoff``, and unassigned reserved IPs.

    A launch creates a reserved IP after its droplets, so one of a cluster without droplets has no launch.
    """
    tags = cloud.list_tags()
    if not any(is_ingress_tag(tag) or address_of_tag(tag) for tag in tags):
        return NO_WAYS_IN  # no cluster had any; the token may lack their scopes
    marked = {address: cluster for cluster, address in filter(None, map(address_of_tag, tags))}
    balancers = [each for each in cloud.list_load_balancers() if is_older(each.created_at, cutoff)]
    certificates = [each for each in cloud.list_certificates() if is_older(each.created_at, cutoff)]
    addresses = [each for each in cloud.list_reserved_ips() if each.droplet_id is None and not each.locked]
    names = {cluster_of_balancer(each.name) for each in balancers}
    names |= {cluster_of_balancer(each.name) for each in certificates}
    names |= {marked.get(each.ip) for each in addresses}
    gone = {name for name in names if name is not None and not cloud.list_droplets(tag=cluster_tag(name))}
    return OrphanedWaysIn(
        balancers=tuple(each for each in balancers if cluster_of_balancer(each.name) in gone),
        certificates=tuple(each for each in certificates if cluster_of_balancer(each.name) in gone),
        reserved_ips=tuple(each for each in addresses if marked.get(each.ip) in gone),
    )
