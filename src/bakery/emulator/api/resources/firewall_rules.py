"""Firewall rules in requests and answers (OpenAPI: resources/firewalls/models/firewall_rule)."""

import re
from ipaddress import ip_network
from typing import Any

from bakery.emulator.account.errors import Unprocessable
from bakery.emulator.account.model import FirewallRule, FirewallTargets
from bakery.emulator.api import fields

SOURCES = "sources"
DESTINATIONS = "destinations"
MAX_TARGETS = 1000
"""https://docs.digitalocean.com/products/networking/firewalls/details/limits/"""

_PORTS = re.compile(r"[0-9]{1,5}(-[0-9]{1,5})?")


def read_rules(body: fields.Body, name: str, side: str) -> list[FirewallRule]:
    return [_read_rule(entry, side) for entry in fields.objects(body, name)]


def rule_view(rule: FirewallRule, side: str) -> dict[str, Any]:
    """Return the rule as JSON, without empty lists of targets, as DigitalOcean does."""
    targets = {name: list(values) for name, values in vars(rule.targets).items() if values}
    return {"protocol": rule.protocol, "ports": rule.ports, side: targets}


def _read_rule(entry: fields.Body, side: str) -> FirewallRule:
    protocol = fields.text(entry, "protocol")
    if protocol not in {"tcp", "udp", "icmp"}:
        message = "protocol must be one of tcp, udp and icmp"
        raise Unprocessable(message)
    targets = entry.get(side)
    if not isinstance(targets, dict):
        message = f"a rule must have {side}"
        raise Unprocessable(message)
    return FirewallRule(
        protocol=protocol, ports=_read_ports(entry, protocol), targets=_read_targets(targets, side)
    )


def _read_ports(entry: fields.Body, protocol: str) -> str:
    """Return the ports; ``0`` means all, and is the value for ICMP, which has no ports."""
    ports = fields.optional_text(entry, "ports")
    if protocol == "icmp" or ports == "all":
        return "0"
    numbers = [int(number) for number in ports.split("-")] if ports and _PORTS.fullmatch(ports) else []
    if not ports or not numbers or max(numbers) > 65535 or numbers != sorted(numbers):
        message = "ports must be a port, a range such as 8000-9000, or 0"
        raise Unprocessable(message)
    return ports


def _read_targets(body: fields.Body, side: str) -> FirewallTargets:
    targets = FirewallTargets(
        addresses=fields.texts(body, "addresses"),
        droplet_ids=fields.integers(body, "droplet_ids"),
        load_balancer_uids=fields.texts(body, "load_balancer_uids"),
        kubernetes_ids=fields.texts(body, "kubernetes_ids"),
        tags=fields.texts(body, "tags"),
    )
    if not 0 < sum(len(values) for values in vars(targets).values()) <= MAX_TARGETS:
        message = f"a rule must have between 1 and {MAX_TARGETS} {side}"
        raise Unprocessable(message)
    for address in targets.addresses:
        _check_address(address)
    return targets


def _check_address(address: str) -> None:
    try:
        ip_network(address, strict=False)
    except ValueError:
        message = f"address {address[:80]} is neither an IP address nor a CIDR"
        raise Unprocessable(message) from None
