"""Shuts ingress nodes down before their droplets are deleted, so that requests can finish.

The shutdown is the only way to end Traefik without SSH. Its health endpoint then fails, and it still takes
requests for :data:`bakery.plan.ingress.DRAIN_SECONDS`, until a load balancer of the user's sends none. Bakery's
own load balancer leaves a droplet out by its tag (:mod:`bakery.launch.teardown.leave_balancer`).
"""

from collections.abc import Iterable

from bakery.cloud.model import Droplet
from bakery.errors import DeadlineError, NotFoundError, UnauthorizedError, UnprocessableError, UnreachableError
from bakery.launch.base.session import Session
from bakery.plan.ingress import DRAIN_SECONDS, REQUEST_SECONDS
from bakery.plan.tags import cluster_tag, ingress_tag
from bakery.wait import Pending

_SYSTEM_SECONDS = 60
"""Seconds for the rest of the shutdown."""


def shut_down_ingress(session: Session, droplets: Iterable[Droplet]) -> None:
    """Shut down the droplets of ingress nodes, and wait until they are off. Other droplets are left as they are.

    So are droplets that have left bakery's own load balancer and with it their tag: they get no requests any more.
    A droplet that does not shut down in time causes a warning, because it is deleted anyway.
    """
    found = [d for d in droplets if ingress_tag(session.cluster) in d.tags and d.status != "off"]
    session.journal.record_leaving(found)
    asked = {droplet.id for droplet in found if _ask(session, droplet)}
    if not asked:
        return

    def all_off() -> bool | Pending:
        listed = session.cloud.list_droplets(tag=cluster_tag(session.cluster))
        running = [droplet.name for droplet in listed if droplet.id in asked and droplet.status != "off"]
        return Pending(f"still running: {', '.join(running)}") if running else True

    seconds = DRAIN_SECONDS + REQUEST_SECONDS + _SYSTEM_SECONDS
    names = ", ".join(droplet.name for droplet in found if droplet.id in asked)
    try:
        session.wait(all_off, what=f"{names} to take no more requests", seconds=seconds)
    except DeadlineError as error:
        session.reporter.warn(f"{error.message}; requests under way may be lost")


def _ask(session: Session, droplet: Droplet) -> bool:
    try:
        session.cloud.shut_down_droplet(droplet.id)
    except UnreachableError:
        return True  # the request may have arrived
    except (UnprocessableError, NotFoundError, UnauthorizedError) as error:
        # It is off or gone, another action runs on it, or the token may delete droplets and not change them.
        session.reporter.warn(f"{droplet.name} is deleted without a shutdown: {error.details or error}")
        return False
    return True
