"""Creates the load balancer and the reserved IP of the ingress nodes, and waits until they work.

Neither keeps the cluster from forming: what DigitalOcean refuses is reported when everything else is done.
"""

from functools import partial

from bakery.cloud.model import Certificate, Droplet, LoadBalancer, ReservedIp
from bakery.errors import BakeryError, DeadlineError, LaunchError
from bakery.hints import Command, Hint
from bakery.launch.base.journal_content import BALANCER, CERTIFICATE, RESERVED_IP
from bakery.launch.base.model import BalancerChange, ReservedIpChange
from bakery.launch.base.ownership import balancer_name
from bakery.launch.base.session import Session, create_once
from bakery.launch.base.ways_in import find_balancer, find_certificate, other_certificates
from bakery.launch.base.when_free import delete_if_free
from bakery.launch.converge.network import ensure_tag
from bakery.launch.converge.ways_in import ACTIVE, ERRORED, request_for, update_for
from bakery.plan.tags import address_tag, launch_tag
from bakery.wait import Pending

VERIFIED = "verified"
_LIMITS = "https://cloud.digitalocean.com/account/team/limits"


def ensure_balancer(
    session: Session, change: BalancerChange, *, region: str, vpc_id: str, launch_id: str, waits: bool
) -> bool:
    """Create or update the load balancer, with its certificate, which must be verified first.

    Unless it ``waits`` for that, return False while the certificate is not verified: the load balancer is not
    created yet.

    Raises:
        UnprocessableError: DigitalOcean refuses it: a limit is reached, or a domain is not in the account.
        LaunchError: no certificate is issued for the domains.
        DeadlineError: the certificate is not verified in time.
    """
    ensure_tag(session, change.planned.tag)
    # A destroy from another machine finds the launch by this tag, also if the launch makes no droplet.
    ensure_tag(session, launch_tag(session.cluster, launch_id))
    certificate = None
    if change.planned.domains:
        certificate = _ensure_certificate(session, change.planned.domains, launch_id)
        if waits:
            certificate = _wait_until_verified(session, change.planned.domains)
        elif certificate.state != VERIFIED:
            return False
    if change.existing is not None:
        request = update_for(change.planned, certificate, change.existing, region=region)
        made = session.cloud.update_load_balancer(change.existing.id, request)
    else:
        name = balancer_name(session.cluster, launch_id)
        request = request_for(change.planned, certificate, name=name, region=region, vpc_id=vpc_id)
        made = create_once(
            session,
            BALANCER,
            find=lambda: find_balancer(session.cluster, session.cloud.list_load_balancers()),
            create=lambda: session.cloud.create_load_balancer(request),
        )
    session.journal.record_balancer(made.id)
    _remove_other_certificates(session, certificate)
    return True


def _ensure_certificate(session: Session, domains: tuple[str, ...], launch_id: str) -> Certificate:
    def find() -> Certificate | None:
        return find_certificate(session.cluster, domains, session.cloud.list_certificates())

    made = find()
    if made is None:
        name = balancer_name(session.cluster, launch_id)
        made = create_once(
            session, CERTIFICATE, find=find, create=lambda: session.cloud.create_certificate(name, domains)
        )
    session.journal.record_certificate(made.id)
    return made


def _wait_until_verified(session: Session, domains: tuple[str, ...]) -> Certificate:
    def verified() -> Certificate | Pending:
        found = find_certificate(session.cluster, domains, session.cloud.list_certificates())
        if found is not None and found.state == "error":
            message = f"DigitalOcean could not get a certificate for {', '.join(domains)}"
            hint = Hint("correct the records of the domains, delete the certificate, and then ", Command("launch"))
            raise LaunchError(message=message, hint=hint)
        if found is None or found.state != VERIFIED:
            return Pending(f"it is {found.state if found else 'not listed'}")
        return found

    return session.wait(verified, what="the load balancer's certificate", seconds=session.timings.certificate)


def _remove_other_certificates(session: Session, used: Certificate | None) -> None:
    """Delete the cluster's certificates for other domains than those of now, and name one that stays in use."""
    for each in other_certificates(session.cluster, used, session.cloud.list_certificates()):
        what = f"certificate {each.name} for {', '.join(each.dns_names)}"
        attempt = partial(delete_if_free, partial(session.cloud.delete_certificate, each.id), what)
        try:
            session.retry(attempt, what=f"{what} to be free", seconds=session.timings.freed)
        except DeadlineError as error:
            later = f"to remove it later: doctl compute certificate delete {each.id}"
            session.reporter.warn(f"the load balancer no longer needs {error.details}; {later}")


def ensure_reserved_ip(session: Session, change: ReservedIpChange, droplet: Droplet) -> None:
    """Create the reserved IP for the droplet, or assign the existing one to it, and wait until it is assigned.

    A tag marks it as the cluster's, because it has no name.

    Raises:
        UnprocessableError: DigitalOcean refuses it: a limit is reached.
        DeadlineError: it is not assigned in time.
    """
    if change.existing is None:
        made = create_once(
            session,
            RESERVED_IP,
            find=lambda: _held_by(session, droplet),
            create=lambda: session.cloud.create_reserved_ip(droplet.id),
        )
        ensure_tag(session, address_tag(session.cluster, made.ip))
        session.journal.record_reserved_ip(made.ip)
        _wait_until_assigned(session, made.ip, droplet)
        return
    move_reserved_ip(session, change.existing, droplet)


def move_reserved_ip(session: Session, reserved: ReservedIp, droplet: Droplet) -> None:
    """Assign the reserved IP to the droplet, and wait until it is. Raises DeadlineError."""

    def assign() -> bool | Pending:
        found = _find(session, reserved.ip)
        if found is None or found.locked:
            return Pending(f"{reserved.ip} has an action in progress")
        if found.droplet_id != droplet.id:
            session.cloud.assign_reserved_ip(reserved.ip, droplet.id)
        return True

    session.retry(assign, what=f"reserved IP {reserved.ip}", seconds=session.timings.assigned)
    _wait_until_assigned(session, reserved.ip, droplet)


def _wait_until_assigned(session: Session, address: str, droplet: Droplet) -> None:
    def assigned() -> bool | Pending:
        found = _find(session, address)
        if found is not None and found.droplet_id == droplet.id:
            return True
        return Pending(f"{address} is not assigned to {droplet.name}")

    session.wait(assigned, what=f"reserved IP {address}", seconds=session.timings.assigned)


def _find(session: Session, address: str) -> ReservedIp | None:
    return next((each for each in session.cloud.list_reserved_ips() if each.ip == address), None)


def _held_by(session: Session, droplet: Droplet) -> ReservedIp | None:
    return next((each for each in session.cloud.list_reserved_ips() if each.droplet_id == droplet.id), None)


def wait_until_balancer_active(session: Session) -> LoadBalancer:
    """Wait until the cluster's load balancer is active, and return it.

    Raises:
        LaunchError: it is errored.
        DeadlineError: it is not active in time.
    """

    def active() -> LoadBalancer | Pending:
        found = find_balancer(session.cluster, session.cloud.list_load_balancers())
        if found is not None and found.status == ERRORED:
            message = f"load balancer {found.name} is errored"
            hint = Hint(f"doctl compute load-balancer delete {found.id}, and then ", Command("launch"))
            raise LaunchError(message=message, hint=hint)
        if found is None or found.status != ACTIVE or not found.ip:
            return Pending(f"it is {found.status if found else 'not listed'}")
        return found

    return session.wait(active, what="the load balancer to be active", seconds=session.timings.balancer)


def refused_error(what: str, error: BakeryError) -> LaunchError:
    """Return the error that a launch ends with after everything else is done."""
    return LaunchError(
        message=f"DigitalOcean refused the {what}",
        details=error.details or error.message,
        hint=Hint(f"remove the cause (limits of the account: {_LIMITS}), then ", Command("launch")),
    )
