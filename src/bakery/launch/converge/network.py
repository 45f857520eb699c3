"""Creates what the first droplet needs: tags, the VPC, and firewalls that are in force."""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from bakery.cloud.model import Firewall, FirewallRequest, Vpc
from bakery.errors import LaunchError, LockedError, UnprocessableError
from bakery.launch.base.model import Changes, FirewallUpdate, LaunchRequest, Present
from bakery.launch.base.ownership import firewall_name, vpc_description
from bakery.launch.base.session import RERUN_HINT, Session, create_once
from bakery.launch.converge.changes import compare_firewalls
from bakery.launch.converge.duplicates import (
    WAIT_HINT,
    our_duplicate_firewalls,
    resolve_duplicate_firewalls,
)
from bakery.launch.converge.firewalls import find_firewall, request_for
from bakery.launch.converge.ways_in import has_balancer_only_rules, source_balancer
from bakery.plan.model import ClusterPlan
from bakery.plan.model import Firewall as PlannedFirewall
from bakery.wait import Pending


def ensure_network(
    session: Session, request: LaunchRequest, present: Present, changes: Changes, *, launch_id: str
) -> str:
    """Create the tags, the VPC and the firewalls of the changes. Return the VPC's id.

    Raises:
        LaunchError: DigitalOcean could not apply a firewall.
        LockedError: another first launch of this cluster is under way.
        DeadlineError: a firewall is not in force in time.
    """
    tags = dict.fromkeys(firewall.tag for firewall in changes.new_firewalls)
    with ThreadPoolExecutor(max_workers=session.workers, thread_name_prefix="network") as pool:
        tagged = [pool.submit(ensure_tag, session, tag) for tag in tags if tag not in present.tags]
        vpc = pool.submit(lambda: changes.vpc or _make_vpc(session, request.plan, launch_id))
        _raise_first(*tagged, vpc)
        # A firewall names a tag, which must exist.
        made = [
            pool.submit(_make_firewall, session, planned, _request(planned, request, present, launch_id))
            for planned in changes.new_firewalls
        ]
        updated = [pool.submit(_update_firewall, session, update) for update in changes.firewall_updates]
        _raise_first(*made, *updated)
    if changes.new_firewalls or changes.firewall_updates:
        _wait_for_firewalls(session, request.plan)
    return vpc.result().id


def _raise_first(*futures: "Future[Any]") -> None:
    """Wait for all, then raise the first error: no request is under way when the launch ends."""
    wait(futures)
    for future in futures:
        future.result()


def close_direct_access(session: Session, request: LaunchRequest) -> None:
    """Let only the load balancer connect to the ingress nodes, which is active by now, and wait for the firewall.

    Raises:
        LaunchError: DigitalOcean could not apply the firewall.
        DeadlineError: it is not in force in time.
    """
    plan = request.plan
    if not has_balancer_only_rules(plan):
        return
    source = source_balancer(plan, session.cloud.list_load_balancers())
    _, updates = compare_firewalls(plan, session.cloud.list_firewalls(), request.admin_cidrs, source)
    for update in updates:
        _update_firewall(session, update)
    if updates:
        _wait_for_firewalls(session, plan)


def _request(
    planned: PlannedFirewall, request: LaunchRequest, present: Present, launch_id: str
) -> FirewallRequest:
    source = source_balancer(request.plan, present.load_balancers)
    name = firewall_name(planned.name, launch_id)
    return request_for(planned, name=name, admin_cidrs=request.admin_cidrs, balancer=source)


def ensure_tag(session: Session, tag: str) -> None:
    """Create the tag; no error if it exists."""

    def find() -> str | None:
        return tag if tag in session.cloud.list_tags() else None

    def create() -> str:
        session.cloud.create_tag(tag)
        return tag

    what = f"tag {tag}"
    create_once(session, what, find=find, create=create)
    session.journal.resolve(what)


def _make_vpc(session: Session, plan: ClusterPlan, launch_id: str) -> Vpc:
    description = vpc_description(plan.cluster, launch_id)

    def find() -> Vpc | None:
        ours = (
            vpc for vpc in session.cloud.list_vpcs() if (vpc.name, vpc.description) == (plan.vpc_name, description)
        )
        return next(ours, None)

    def create() -> Vpc:
        return session.cloud.create_vpc(
            name=plan.vpc_name, description=description, region=plan.region, ip_range=str(plan.vpc_cidr)
        )

    try:
        vpc = create_once(session, "vpc", find=find, create=create)
    except UnprocessableError:
        _check_no_concurrent_launch(session, plan)
        raise
    session.journal.record_vpc(vpc.id)
    return vpc


def _check_no_concurrent_launch(session: Session, plan: ClusterPlan) -> None:
    """Refuse if another launch has just created the VPC: names are unique, so one of two first launches fails."""
    if any(vpc.name == plan.vpc_name for vpc in session.cloud.list_vpcs()):
        message = f"another launch of cluster {plan.cluster} is under way"
        raise LockedError(
            message=message, details=f"it has just made VPC {plan.vpc_name}", hint=WAIT_HINT
        ) from None


def _make_firewall(session: Session, planned: PlannedFirewall, request: FirewallRequest) -> None:
    what = f"firewall {planned.name}"

    def find() -> Firewall | None:
        return find_firewall(planned, session.cloud.list_firewalls())

    firewall = create_once(session, what, find=find, create=lambda: session.cloud.create_firewall(request))
    session.journal.record_firewall(firewall.id, what)


def _update_firewall(session: Session, update: FirewallUpdate) -> None:
    session.cloud.update_firewall(update.firewall.id, update.request)
    session.journal.record_firewall(update.firewall.id, f"firewall {update.firewall.name}")


def _wait_for_firewalls(session: Session, plan: ClusterPlan) -> None:
    def has_duplicates(listed: tuple[Firewall, ...]) -> bool:
        return any(our_duplicate_firewalls(session, planned, listed) for planned in plan.firewalls)

    def resolve(listed: tuple[Firewall, ...]) -> bool:
        if not has_duplicates(listed):
            return False
        resolve_duplicate_firewalls(session, plan.firewalls, listed)
        return True

    just_made = True

    def in_force() -> tuple[Firewall, ...] | Pending:
        nonlocal just_made
        if just_made:
            just_made = False
            return Pending("the firewalls have just been changed")
        firewalls = session.cloud.list_firewalls()
        if has_duplicates(firewalls):
            return firewalls
        for planned in plan.firewalls:
            found = find_firewall(planned, firewalls)
            if found is not None and found.status == "failed":
                message = f"DigitalOcean could not apply firewall {found.name}"
                raise LaunchError(message=message, hint=RERUN_HINT)
            if found is None or found.status != "succeeded":
                return Pending(f"firewall {planned.name} is {found.status if found else 'not listed'}")
        return firewalls

    session.wait_and_resolve(
        in_force,
        resolve,
        what="the firewalls to be in force",
        seconds=session.timings.firewall,
        every=session.timings.firewall_poll,
    )
