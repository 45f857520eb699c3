"""Build the cloud firewall of each role from the port table.

A firewall filters VPC traffic as well as public traffic, and drops packets that no rule admits
(https://docs.digitalocean.com/products/networking/firewalls/). All outbound traffic is allowed.
"""

from dataclasses import replace
from ipaddress import IPv4Network

from bakery.config.model import ClusterConfig, Role
from bakery.plan.model import Firewall, FirewallRule
from bakery.plan.ports import BREAK_GLASS, Port, Source, opened_ports, ports_of
from bakery.plan.tags import role_tag

MAX_RULES = 50
"""Rules of one firewall, inbound and outbound together (https://docs.digitalocean.com/products/networking/firewalls/details/limits/)."""


def firewall_of(config: ClusterConfig, role: Role) -> Firewall:
    """Return the firewall of one role's droplets, bound to the role's tag."""
    ports = [port for port in ports_of(role.kind) if port.opens_to(Source.VPC | Source.ADMIN) or port.networks]
    if config.access.ssh_keys:
        ports.append(BREAK_GLASS)
    opened = opened_ports(role.name, role.kind, role.settings)
    rules = [_rule(port, protocol, config.vpc_cidr) for port in (*ports, *opened) for protocol in port.protocols]
    if role.kind.is_ingress and _is_behind_balancer(config):
        public = {port.text for port in ports if port.opens_to_everyone}
        rules = [replace(rule, balancer_only=rule.ports in public) for rule in rules]
    return Firewall(
        name=f"{config.cluster}-{role.name}",
        tag=role_tag(config.cluster, role.name),
        inbound=(_icmp(config.vpc_cidr), *rules),
    )


def _is_behind_balancer(config: ClusterConfig) -> bool:
    balancer = config.ingress.load_balancer
    return balancer is not None and not balancer.direct_access


def _icmp(vpc_cidr: IPv4Network) -> FirewallRule:
    return FirewallRule(
        protocol="icmp",
        ports="0",
        sources=(str(vpc_cidr),),
        admin=False,
        reason="reachability and path MTU",
    )


def _rule(port: Port, protocol: str, vpc_cidr: IPv4Network) -> FirewallRule:
    return FirewallRule(
        protocol=protocol,
        ports=port.text,
        sources=(*((str(vpc_cidr),) if port.opens_to(Source.VPC) else ()), *port.networks),
        admin=port.opens_to(Source.ADMIN),
        reason=port.reason,
    )
