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
_MOST_NAMED = 3


def request_for(
    planned: PlannedFirewall, *, name: str, admin_cidrs: Sequence[str], balancer: str | None = None
) -> FirewallRequest:
    """Return the API request for a planned firewall; ``admin_cidrs`` may reach the APIs from outside the VPC.

    ``balancer`` is the id of the cluster's load balancer. While there is none, the planned sources of its rules
    stay: otherwise nothing would reach the nodes if DigitalOcean refuses the load balancer.
    """
    inbound = tuple(rule for entry in planned.inbound for rule in _rule(entry, admin_cidrs, balancer))
    return FirewallRequest(name=name, inbound=inbound, outbound=OUTBOUND, tags=(planned.tag,))


def _rule(planned: PlannedRule, admin_cidrs: Sequence[str], balancer: str | None) -> tuple[FirewallRule, ...]:
    if planned.balancer_only and balancer is not None:
        return (FirewallRule(protocol=planned.protocol, ports=planned.ports, load_balancers=(balancer,)),)
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


def _canonical(rules: Iterable[FirewallRule]) -> set[tuple[str, str, frozenset[str]]]:
    return {(rule.protocol, rule.ports, frozenset(_sources(rule))) for rule in rules}


def _sources(rule: FirewallRule) -> tuple[str, ...]:
    return (
        *rule.addresses,
        *(f"droplets tagged {tag}" for tag in rule.tags),
        *(f"load balancer {number}" for number in rule.load_balancers),
    )


def describe_update(firewall: Firewall, request: FirewallRequest) -> str:
    """Say which inbound rules the update adds and removes; of many only the first."""
    before, after = _canonical(firewall.inbound), _canonical(request.inbound)
    added = [f"adds {_named(rule)}" for rule in request.inbound if _canonical((rule,)) - before]
    removed = [f"removes {_named(rule)}" for rule in firewall.inbound if _canonical((rule,)) - after]
    found = [*added, *removed]
    more = [f"{len(found) - _MOST_NAMED} more"] if len(found) > _MOST_NAMED else []
    text = "; ".join([*found[:_MOST_NAMED], *more])
    return f"its rules differ from the plan: {text}" if text else "its rules differ from the plan"


def _named(rule: FirewallRule) -> str:
    ports = "" if rule.protocol == "icmp" else f" {rule.ports}"
    return f"{rule.protocol}{ports} from {', '.join(_sources(rule)) or 'droplets or Kubernetes clusters'}"
