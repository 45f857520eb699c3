"""Compares the plan with the account: what a launch creates, updates and replaces, and what it costs. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bakery.cloud.model import Droplet, Firewall, Image, Size, Vpc
from bakery.console import counted
from bakery.launch.base.model import (
    BalancerChange,
    Change,
    Changes,
    FirewallUpdate,
    Present,
    Price,
    ReservedIpChange,
    Sign,
)
from bakery.launch.base.names import occupants
from bakery.launch.base.ways_in import find_balancer
from bakery.launch.converge.drift import differences
from bakery.launch.converge.firewalls import describe_update, differs, find_firewall, request_for
from bakery.launch.converge.unfinished import unfinished_lines
from bakery.launch.converge.ways_in import (
    BALANCER_HOURLY,
    BALANCER_MONTHLY,
    balancer_change,
    change_lines,
    reserved_ip_change,
    source_balancer,
    unplanned_lines,
)
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.model import Firewall as PlannedFirewall
from bakery.plan.slots import slot_of
from bakery.plan.ways_in import reserved_slot


def compare(
    plan: ClusterPlan,
    present: Present,
    *,
    admin_cidrs: Sequence[str],
    failed: frozenset[int] = frozenset(),
    not_joined: frozenset[int] = frozenset(),
    leaving: frozenset[int] = frozenset(),
    only_role: str | None = None,
    image: Image | None = None,
) -> Changes:
    """Return the changes that lead from ``present`` to ``plan``. With ``only_role``, change only its droplets.

    ``failed``, ``not_joined`` and ``leaving`` are droplet ids. A failed droplet (not active in time) is replaced
    if it is still not active; an active one that never joined, and one whose removal has begun, is always
    replaced. ``image`` is the snapshot that new droplets boot from; None if there is none of the plan's versions.
    """
    by_slot = occupants(present.droplets, plan.cluster)
    best = {node.slot: by_slot[node.slot][0] for node in plan.nodes if node.slot in by_slot}
    wanted = [node for node in plan.nodes if only_role in (None, node.role)]
    dead = [d for d in best.values() if d.id in not_joined | leaving or _never_came_up(d, failed)]
    replaced = {node.slot: best[node.slot] for node in wanted if best.get(node.slot) in dead}
    unchanged = tuple(droplet for slot, droplet in best.items() if slot not in replaced)
    new_nodes = tuple(node for node in wanted if node.slot not in best or node.slot in replaced)
    planned = {node.slot for node in plan.nodes}
    vpc = next((v for v in present.vpcs if v.name == plan.vpc_name and v.region == plan.region), None)
    source = source_balancer(plan, present.load_balancers)
    new_firewalls, updates = compare_firewalls(plan, present.firewalls, admin_cidrs, source)
    staying = [droplet.size for droplet in present.droplets if droplet not in replaced.values()]
    new = [node.size for node in new_nodes]
    balancer, reserved = _compare_ways_in(plan, present, unchanged, new_nodes)
    return Changes(
        vpc=vpc,
        new_firewalls=new_firewalls,
        firewall_updates=updates,
        new_nodes=new_nodes,
        replaced=tuple(replaced.values()),
        unchanged=unchanged,
        extra=tuple(d for d in present.droplets if slot_of(d, plan.cluster) not in planned),
        duplicates=tuple(d for node in plan.nodes for d in by_slot.get(node.slot, [])[1:]),
        later=(
            *unfinished_lines(plan.cluster, present.droplets),
            *differences(plan, unchanged, present.sizes, image),
            *unplanned_lines(plan, present),
        ),
        lines=(
            *_lines(plan, vpc, new_firewalls, updates, _node_lines(new_nodes, replaced, leaving)),
            *change_lines(plan.cluster, balancer, reserved),
        ),
        added=_with_balancers(
            _less(_price(new, present.sizes), _price([d.size for d in replaced.values()], present.sizes)),
            1 if balancer is not None and balancer.existing is None else 0,
        ),
        total=_with_balancers(
            _price([*staying, *new], present.sizes), _nodes_of_balancer(plan, present, balancer)
        ),
        balancer=balancer,
        reserved_ip=reserved,
    )


def _compare_ways_in(
    plan: ClusterPlan, present: Present, unchanged: Iterable[Droplet], new_nodes: Iterable[Node]
) -> tuple[BalancerChange | None, ReservedIpChange | None]:
    """Compare only if an ingress node exists or is launched: without one, nothing uses what costs money here."""
    holders = {slot_of(droplet, plan.cluster): droplet for droplet in unchanged}
    there, slot = holders.keys() | {node.slot for node in new_nodes}, reserved_slot(plan)
    balancer = balancer_change(plan, present) if any(n.slot in there for n in plan.ingress_nodes) else None
    reserved = reserved_ip_change(plan, present, holders.get(slot)) if slot in there and slot is not None else None
    return balancer, reserved


def _nodes_of_balancer(plan: ClusterPlan, present: Present, change: BalancerChange | None) -> int:
    """Return how many nodes of load balancers the cluster pays for after the launch."""
    if change is not None and change.existing is None:
        return 1
    found = find_balancer(plan.cluster, present.load_balancers)
    return 0 if found is None else found.size_unit


def _with_balancers(price: Price, nodes: int) -> Price:
    return Price(
        monthly=round(price.monthly + nodes * BALANCER_MONTHLY, 2),
        hourly=round(price.hourly + nodes * BALANCER_HOURLY, 5),
        unknown=price.unknown,
    )


def _never_came_up(droplet: Droplet, failed: frozenset[int]) -> bool:
    """Return whether the droplet failed to start.

    One that was switched off is "off", not "new"; it is not replaced.
    """
    return droplet.id in failed and droplet.status == "new"


def compare_firewalls(
    plan: ClusterPlan, firewalls: Sequence[Firewall], admin_cidrs: Sequence[str], balancer: str | None
) -> tuple[tuple[PlannedFirewall, ...], tuple[FirewallUpdate, ...]]:
    """Return the planned firewalls that do not exist, and the updates for those whose rules differ.

    ``balancer`` is :func:`bakery.launch.converge.ways_in.source_balancer`.
    """
    new: list[PlannedFirewall] = []
    updates: list[FirewallUpdate] = []
    for planned in plan.firewalls:
        found = find_firewall(planned, firewalls)
        if found is None:
            new.append(planned)
            continue
        request = request_for(planned, name=found.name, admin_cidrs=admin_cidrs, balancer=balancer)
        if differs(found, request):
            updates.append(FirewallUpdate(firewall=found, request=request))
    return tuple(new), tuple(updates)


def _lines(
    plan: ClusterPlan,
    vpc: Vpc | None,
    firewalls: Iterable[PlannedFirewall],
    updates: Iterable[FirewallUpdate],
    nodes: Iterable[Change],
) -> tuple[Change, ...]:
    lines = []
    if vpc is None:
        lines.append(Change(sign=Sign.CREATE, kind="vpc", name=plan.vpc_name, details=str(plan.vpc_cidr)))
    for firewall in firewalls:
        details = f"{counted(len(firewall.inbound), 'rule')} for droplets tagged {firewall.tag}"
        lines.append(Change(sign=Sign.CREATE, kind="firewall", name=firewall.name, details=details))
    for update in updates:
        name = update.firewall.name
        lines.append(
            Change(
                sign=Sign.UPDATE,
                kind="firewall",
                name=name,
                details=describe_update(update.firewall, update.request),
            )
        )
    return (*lines, *nodes)


def _node_lines(
    nodes: Iterable[Node], replaced: Mapping[str, Droplet], leaving: frozenset[int]
) -> Iterator[Change]:
    for node in nodes:
        before = replaced.get(node.slot)
        if before is None:
            yield Change(sign=Sign.CREATE, kind="droplet", name=node.name, details=node.size)
            continue
        why = "never joined" if before.status == "active" else "never came up"
        if before.id in leaving:
            why = "was about to be removed"
        details = f"{node.size}, the one before {why}"
        yield Change(sign=Sign.REPLACE, kind="droplet", name=node.name, details=details)


def _price(slugs: Sequence[str], sizes: Iterable[Size]) -> Price:
    by_slug = {size.slug: size for size in sizes}
    known = [by_slug[slug] for slug in slugs if slug in by_slug]
    return Price(
        monthly=round(sum(size.price_monthly for size in known), 2),
        hourly=round(sum(size.price_hourly for size in known), 5),
        unknown=tuple(dict.fromkeys(slug for slug in slugs if slug not in by_slug)),
    )


def _less(price: Price, other: Price) -> Price:
    return Price(
        monthly=round(price.monthly - other.monthly, 2),
        hourly=round(price.hourly - other.hourly, 5),
        unknown=tuple(dict.fromkeys((*price.unknown, *other.unknown))),
    )
