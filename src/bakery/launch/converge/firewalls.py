"""Compares planned firewalls with those of the account, and builds the requests for them. Pure."""

from collections.abc import Iterable, Sequence

from bakery.cloud.model import Firewall, FirewallRequest, FirewallRule
from bakery.launch.base.ownership import launch_of_firewall
from bakery.plan.model import Firewall as PlannedFirewall
from bakery.plan.model import FirewallRule as PlannedRule

ANYWHERE = ("0.0.0.0/0", "::/0")
OUTBOUND = tuple(
    FirewallRule(protocol=protocol, ports="0", addresses=ANYWHERE) for protocol in ("tcp", "udp", "icmp")
)
"""A cloud firewall drops outbound traffic too, unless a rule allows it."""


def request_for(planned: PlannedFirewall, *, name: str, admin_cidrs: Sequence[str]) -> FirewallRequest:
    """Return the API request for a planned firewall; ``admin_cidrs`` may reach the APIs from outside the VPC."""
    inbound = tuple(rule for entry in planned.inbound for rule in _rule(entry, admin_cidrs))
    return FirewallRequest(name=name, inbound=inbound, outbound=OUTBOUND, tags=(planned.tag,))


def _rule(planned: PlannedRule, admin_cidrs: Sequence[str]) -> tuple[FirewallRule, ...]:
    sources = (*planned.sources, *(admin_cidrs if planned.admin else ()))
    if not sources:
        return ()
    addresses = tuple(dict.fromkeys(sources))
    return (FirewallRule(protocol=planned.protocol, ports=planned.ports, addresses=addresses),)


def find_firewall(planned: PlannedFirewall, firewalls: Iterable[Firewall]) -> Firewall | None:
    """Find the account's firewall for a planned one, by the start of its name and its only tag."""
    return next(iter(all_firewalls(planned, firewalls)), None)


def all_firewalls(planned: PlannedFirewall, firewalls: Iterable[Firewall]) -> tuple[Firewall, ...]:
    """List these, oldest first. There are several if two launches created them at the same time."""
    ours = (f for f in firewalls if launch_of_firewall(f.name, [planned.name]) and f.tags == (planned.tag,))
    return tuple(sorted(ours, key=lambda firewall: (firewall.created_at, firewall.name)))


def differs(firewall: Firewall, request: FirewallRequest) -> bool:
    """Whether the firewall needs an update. The order of rules and droplets added by hand do not count."""
    return (
        _canonical(firewall.inbound) != _canonical(request.inbound)
        or _canonical(firewall.outbound) != _canonical(request.outbound)
        or set(firewall.tags) != set(request.tags)
    )


def _canonical(rules: Iterable[FirewallRule]) -> set[tuple[str, str, frozenset[str], frozenset[str]]]:
    return {(rule.protocol, rule.ports, frozenset(rule.addresses), frozenset(rule.tags)) for rule in rules}
