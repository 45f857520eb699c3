"""Destroy: deletes every resource of a cluster, and checks that none is left."""

from collections.abc import Callable, Iterable
from functools import partial

from bakery.cloud.model import Droplet, Vpc
from bakery.errors import LaunchError, UnprocessableError
from bakery.launch.base.members import complete_listing, list_members
from bakery.launch.base.model import DestroyRequest, Targets
from bakery.launch.base.session import Session, exclusive, resumable
from bakery.launch.base.when_free import delete_if_free
from bakery.launch.teardown.targets import find_targets
from bakery.plan.model import ClusterPlan
from bakery.plan.tags import cluster_tag, launches_of
from bakery.wait import Pending


def list_targets(session: Session, request: DestroyRequest) -> Targets:
    """Return what :func:`destroy` would remove, and what not. Change nothing and take no lock."""
    return find_targets(session, request, list_members(session))


def destroy(
    session: Session,
    request: DestroyRequest,
    approve: Callable[[Targets], bool] = lambda targets: True,  # noqa: ARG005 - the port's name
) -> Targets:
    """Delete every resource of the cluster, wait until none is left, then delete the journal, not the credentials.

    Return what was found; it is deleted only if ``approve`` returned True. After an interruption the same command
    continues.

    Raises:
        LockedError: another bakery works on this cluster.
        LaunchError: the VPC contains droplets that are not the cluster's.
        CloudError, DeadlineError: the destroy stopped half-way.
    """
    with exclusive(session), resumable():
        targets = find_targets(session, request, complete_listing(session, list_members(session)))
        if targets.empty:
            session.journal.remove()
        elif approve(targets):
            _remove_all(session, targets)
            _wait_until_gone(session, request.plan)
            session.journal.remove()
        return targets


def _remove_all(session: Session, targets: Targets) -> None:
    """Delete the droplets first: the VPC cannot be deleted, and firewalls must not be, while droplets run."""
    cloud = session.cloud
    session.journal.record_launches(launches_of(targets.droplets, session.cluster))
    for reserved in targets.reserved_ips:
        session.journal.record_reserved_ip(reserved.ip)
    session.reporter.expect([droplet.name for droplet in targets.droplets])
    with session.reporter.step("Droplets"):
        remove_droplets(session, targets.droplets, everything=True)
    if targets.balancers or targets.certificates or targets.reserved_ips:
        with session.reporter.step("Load balancer and reserved IP"):
            _remove_ways_in(session, targets)
    with session.reporter.step("Firewalls, network, keys and tags"):
        for firewall in targets.firewalls:
            cloud.delete_firewall(firewall.id)
        for key in targets.ssh_keys:
            cloud.delete_ssh_key(key.id)
        for vpc in targets.vpcs:
            _remove_vpc(session, vpc)
        for image in targets.snapshots:
            cloud.delete_image(image.id)
        for tag in targets.tags:
            cloud.delete_tag(tag)


def _remove_ways_in(session: Session, targets: Targets) -> None:
    """Delete load balancers before their certificates, and before the VPC that they are members of."""
    cloud = session.cloud
    for balancer in targets.balancers:
        cloud.delete_load_balancer(balancer.id)
    for certificate in targets.certificates:
        _when_free(session, partial(cloud.delete_certificate, certificate.id), f"certificate {certificate.name}")
    for reserved in targets.reserved_ips:
        _when_free(session, partial(cloud.delete_reserved_ip, reserved.ip), f"reserved IP {reserved.ip}")


def _when_free(session: Session, delete: Callable[[], None], what: str, state: str = "free") -> None:
    """Repeat a delete that DigitalOcean refuses while the resource is in use, or has an action in progress."""
    attempt = partial(delete_if_free, delete, what)
    session.retry(attempt, what=f"{what} to be {state}", seconds=session.timings.gone)


def remove_droplets(
    session: Session, droplets: Iterable[Droplet], *, everything: bool = False, every: float | None = None
) -> None:
    """Delete the droplets and wait until the API does not list them.

    ``every`` are the seconds between two looks; by default ``timings.poll``. With ``everything`` delete also
    droplets that appear meanwhile, from create requests that arrived late.

    Raises:
        DeadlineError: the API still lists some.
    """
    left = {droplet.id: droplet for droplet in droplets}
    asked: set[int] = set()

    def delete_and_look() -> bool | Pending:
        refused = []
        for droplet in [droplet for droplet in left.values() if droplet.id not in asked]:
            refusal = _delete(session, droplet)
            if refusal is None:
                asked.add(droplet.id)
            else:
                refused.append(refusal)
        listed = session.cloud.list_droplets(tag=cluster_tag(session.cluster))
        there = {droplet.id: droplet for droplet in listed if everything or droplet.id in left}
        left.update(there)
        reasons = refused or [f"{droplet.name} is still there" for droplet in there.values()]
        return Pending(", ".join(reasons)) if reasons else True

    what = "the droplets to be gone"
    session.retry(delete_and_look, what=what, seconds=session.timings.gone, every=every)


def _delete(session: Session, droplet: Droplet) -> str | None:
    """Delete a droplet. Return why DigitalOcean refused: it does while another action runs on the droplet."""
    try:
        session.cloud.delete_droplet(droplet.id)
    except UnprocessableError as error:
        return f"{droplet.name}: {error.details or error}"
    session.reporter.node(droplet.name, "deleted")
    return None


def _remove_vpc(session: Session, vpc: Vpc) -> None:
    """Delete the VPC. DigitalOcean answers 403 or 409 for a while after its droplets are deleted.

    Raises:
        LaunchError: it contains droplets that are not the cluster's: waiting does not help.
    """
    delete, what = partial(session.cloud.delete_vpc, vpc.id), f"VPC {vpc.name}"
    if isinstance(delete_if_free(delete, what), Pending):
        _refuse_foreign_members(session, vpc)
        _when_free(session, delete, what, "empty")


def _refuse_foreign_members(session: Session, vpc: Vpc) -> None:
    own = cluster_tag(session.cluster)
    foreign = [d.name for d in session.cloud.list_droplets() if d.vpc_id == vpc.id and own not in d.tags]
    if foreign:
        message = f"VPC {vpc.name} contains droplets that are not the cluster's: {', '.join(foreign)}"
        hint = "delete them, and run the same command again: it deletes the rest"
        raise LaunchError(message=message, hint=hint)


def _wait_until_gone(session: Session, plan: ClusterPlan) -> None:
    def nothing_left() -> bool | Pending:
        left = find_targets(session, DestroyRequest(plan=plan), list_members(session))
        return True if left.empty else Pending(f"still listed: {', '.join(left.names)}")

    session.wait(nothing_left, what="everything to be gone", seconds=session.timings.gone)
