"""Preview: what a launch would change, and why it would be refused. Sends requests, and changes nothing."""

from dataclasses import replace

from bakery.credentials.authority import ca_fingerprint
from bakery.credentials.model import Bundle
from bakery.credentials.registries import read_logins
from bakery.credentials.store import find_bundle
from bakery.errors import CredentialsError, UsageError
from bakery.hints import Command, Hint, Text
from bakery.launch.base.model import Changes, Obstacle, PreviewRequest
from bakery.launch.base.session import Session
from bakery.launch.converge.prepare import preview
from bakery.launch.roll.differing import old_lines
from bakery.launch.roll.need import Because
from bakery.launch.roll.versions import check_joining
from bakery.operations.cluster import not_joined_finder, running_cluster
from bakery.operations.context import Context, open_session
from bakery.operations.droplets import present_snapshot, wanted_now
from bakery.operations.launch_cluster import LaunchOptions
from bakery.operations.place import place_obstacles


def preview_launch(context: Context, options: LaunchOptions) -> Changes:
    """Return the changes of a launch with every obstacle, and how droplets differ that a roll would replace."""
    bundle, unreadable = _bundle(context)
    # If the credentials cannot be read, neither can the record of the cloud beside them.
    before = unreadable or place_obstacles(context, insists=options.other_cloud)
    request = PreviewRequest(
        plan=options.plan,
        image=present_snapshot(context),
        ca_fingerprint=ca_fingerprint(bundle) if bundle is not None else None,
        admin_cidrs=options.admin_cidrs,
        only_role=options.only_role,
        find_not_joined=not_joined_finder(context, options.plan),
    )
    session = open_session(context)
    changes = preview(session, request, before)
    return replace(
        changes,
        later=(*changes.later, *_for_roll(context, session, request, changes, bundle)),
        obstacles=(
            *changes.obstacles,
            *_version_obstacles(context, request, changes, bundle),
            *_registry_obstacles(context, request, changes),
        ),
    )


def _registry_obstacles(context: Context, request: PreviewRequest, changes: Changes) -> tuple[Obstacle, ...]:
    """Return the obstacle of new Nomad clients whose credentials of a container registry are not there."""
    if not any(node.kind.is_nomad_client for node in changes.new_nodes):
        return ()
    try:
        read_logins(request.plan.docker, context.config.path.parent)
    except CredentialsError as error:
        return (_of_credentials("registry_credentials", error, "see docker.registries in the cluster file"),)
    return ()


def _version_obstacles(
    context: Context, request: PreviewRequest, changes: Changes, bundle: Bundle | None
) -> tuple[Obstacle, ...]:
    """Return why the new nodes could not join the cluster with the versions of the file, if so."""
    if bundle is None:
        return ()
    session = open_session(context, running_cluster(context))
    try:
        check_joining(session, request.plan, changes.new_nodes, (*changes.unchanged, *changes.extra))
    except UsageError as error:
        hint = error.hint or ""
        return (Obstacle(code="version_not_allowed", message=error.message, details=error.details, hint=hint),)
    return ()


def _for_roll(
    context: Context, session: Session, request: PreviewRequest, changes: Changes, bundle: Bundle | None
) -> tuple[Text, ...]:
    """Describe what a roll would do beside what the comparison with the plan says."""
    unfinished = (Hint("a roll is unfinished: ", Command("roll")),) if session.journal.now.roll is not None else ()
    because = {Because.AGE} if bundle is None else {Because.AGE, Because.SECRETS}
    wanted = wanted_now(context, request.image, generation=bundle.generation if bundle is not None else 0)
    return (*unfinished, *old_lines(request.plan, changes.unchanged, wanted, because))


def _bundle(context: Context) -> tuple[Bundle | None, tuple[Obstacle, ...]]:
    """Return the credentials here, or None. Credentials that cannot be read are an obstacle."""
    try:
        return find_bundle(context.paths, reporter=context.reporter), ()
    except CredentialsError as error:
        hint = "bring back the credentials bundle from a backup"
        return None, (_of_credentials("credentials_unreadable", error, hint),)


def _of_credentials(code: str, error: CredentialsError, hint: str) -> Obstacle:
    return Obstacle(
        code=code,
        message=error.message,
        details=error.details,
        hint=error.hint or hint,
        exit_code=error.exit_code,
    )
