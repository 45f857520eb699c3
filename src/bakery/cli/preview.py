"""Find out what a launch would change, and why it would be refused, for ``plan`` and ``launch --dry-run``."""

from typing import TYPE_CHECKING

from bakery.cli.cluster import absent_of
from bakery.cli.session import Session
from bakery.cli.where import place_obstacles
from bakery.errors import CredentialsError

if TYPE_CHECKING:
    from bakery.launch.base.model import Changes, Obstacle
    from bakery.plan.model import ClusterPlan


def preview_launch(
    session: Session,
    plan: "ClusterPlan",
    networks: tuple[str, ...],
    *,
    other_cloud: bool,
    only_role: str | None = None,
) -> "Changes":
    """Return the changes with every obstacle. Only reads from the API."""
    from bakery.launch.base.model import PreviewRequest
    from bakery.launch.converge.prepare import preview
    from bakery.launch.converge.snapshot import newest_snapshot
    from bakery.operations.context import open_session

    fingerprint, unreadable = _fingerprint(session)
    # The record of the cloud is in the same folder: if one cannot be read, the other cannot either.
    before = unreadable or place_obstacles(session, insists=other_cloud)
    request = PreviewRequest(
        plan=plan,
        image=newest_snapshot(session.cloud, session.config, session.content_tag()),
        ca_fingerprint=fingerprint,
        admin_cidrs=networks,
        only_role=only_role,
        find_not_joined=absent_of(session, plan),
    )
    return preview(open_session(session), request, before)


def _fingerprint(session: Session) -> "tuple[str | None, tuple[Obstacle, ...]]":
    """Return the CA fingerprint of the credentials (None without any), and the obstacle if they cannot be read."""
    from bakery.credentials.authority import ca_fingerprint
    from bakery.credentials.store import find_bundle
    from bakery.launch.base.model import Obstacle

    try:
        bundle = find_bundle(session.paths, reporter=session.console)
    except CredentialsError as error:
        hint = error.hint or "bring back the credentials bundle from a backup"
        unreadable = Obstacle(
            code="credentials_unreadable",
            message=error.message,
            details=error.details,
            hint=hint,
            exit_code=error.exit_code,
        )
        return None, (unreadable,)
    return (ca_fingerprint(bundle) if bundle is not None else None), ()
