"""Preview: what a launch would change, and why it would be refused. Sends requests, and changes nothing."""

from bakery.credentials.authority import ca_fingerprint
from bakery.credentials.store import find_bundle
from bakery.errors import CredentialsError
from bakery.launch.base.model import Changes, Obstacle, PreviewRequest
from bakery.launch.converge.prepare import preview
from bakery.operations.cluster import not_joined_finder
from bakery.operations.context import Context, open_session
from bakery.operations.droplets import present_snapshot
from bakery.operations.launch_cluster import LaunchOptions
from bakery.operations.place import place_obstacles


def preview_launch(context: Context, options: LaunchOptions) -> Changes:
    """Return the changes of a launch with every obstacle."""
    fingerprint, unreadable = _fingerprint(context)
    # If the credentials cannot be read, neither can the record of the cloud beside them.
    before = unreadable or place_obstacles(context, insists=options.other_cloud)
    request = PreviewRequest(
        plan=options.plan,
        image=present_snapshot(context),
        ca_fingerprint=fingerprint,
        admin_cidrs=options.admin_cidrs,
        only_role=options.only_role,
        find_not_joined=not_joined_finder(context, options.plan),
    )
    return preview(open_session(context), request, before)


def _fingerprint(context: Context) -> tuple[str | None, tuple[Obstacle, ...]]:
    """Return the fingerprint of the credentials here, or None. Credentials that cannot be read are an obstacle."""
    try:
        bundle = find_bundle(context.paths, reporter=context.reporter)
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
