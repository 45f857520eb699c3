"""Destroy: the whole cluster, or some of its nodes, drained through a server that is not removed."""

from collections.abc import Callable

from bakery.cloud.model import Droplet
from bakery.errors import CredentialsError
from bakery.launch.base.members import list_members
from bakery.launch.base.model import DestroyRequest, DrainPolicy, RemovalRequest, Targets
from bakery.launch.base.place import forget_place
from bakery.launch.base.running import Running
from bakery.launch.base.session import Session
from bakery.launch.roll.lock import check_free
from bakery.launch.teardown.destroy import destroy, list_targets
from bakery.launch.teardown.destroy_some import ApproveSome, Removal, destroy_node, destroy_role
from bakery.operations.cluster import running_cluster
from bakery.operations.context import Context, open_session
from bakery.operations.droplets import snapshot_tag
from bakery.plan.build import build_plan


def preview_destroy(context: Context, *, snapshots: bool) -> Targets:
    """Return what a destroy of the whole cluster would remove. Change nothing."""
    return list_targets(open_session(context), _request(context, snapshots=snapshots))


def destroy_cluster(context: Context, approve: Callable[[Targets], bool], *, snapshots: bool) -> Targets:
    """Remove every resource of the cluster, and forget in which cloud it was. Keep the credentials.

    ``snapshots`` removes the cluster's snapshots too.
    """
    targets = destroy(open_session(context), _request(context, snapshots=snapshots), approve)
    forget_place(context.paths.place, context.place)
    return targets


def destroy_one(
    context: Context, node: str, approve: ApproveSome, *, drain: DrainPolicy, accept_quorum_loss: frozenset[str]
) -> tuple[Droplet, ...]:
    """Remove one node, by the name of its droplet or its slot (:func:`destroy_node`)."""
    request = _removal(context, drain=drain, accept_quorum_loss=accept_quorum_loss)
    session = open_session(context, _running(context))
    return (destroy_node(session, request, node, _if_free(session, request, approve)),)


def destroy_nodes_of(
    context: Context, role: str, approve: ApproveSome, *, drain: DrainPolicy, accept_quorum_loss: frozenset[str]
) -> tuple[Droplet, ...]:
    """Remove every node of a role (:func:`destroy_role`)."""
    request = _removal(context, drain=drain, accept_quorum_loss=accept_quorum_loss)
    session = open_session(context, _running(context))
    return destroy_role(session, request, role, _if_free(session, request, approve))


def _if_free(session: Session, request: RemovalRequest, approve: ApproveSome) -> ApproveSome:
    """Return ``approve`` that first checks that no other operator's bakery changes the cluster."""

    def approve_if_free(removal: Removal) -> bool:
        check_free(session, request.plan, list_members(session))
        return approve(removal)

    return approve_if_free


def _request(context: Context, *, snapshots: bool) -> DestroyRequest:
    plan = build_plan(context.config)
    return DestroyRequest(plan=plan, snapshot_tag=snapshot_tag(context.config), snapshots=snapshots)


def _removal(context: Context, *, drain: DrainPolicy, accept_quorum_loss: frozenset[str]) -> RemovalRequest:
    return RemovalRequest(plan=build_plan(context.config), drain=drain, accept_quorum_loss=accept_quorum_loss)


def _running(context: Context) -> Running | None:
    """Return access to Consul and Nomad. Unreadable credentials must not keep a client from being removed."""
    try:
        return running_cluster(context)
    except CredentialsError as error:
        context.reporter.warn(f"Consul and Nomad cannot be asked: {error.message}")
        return None
