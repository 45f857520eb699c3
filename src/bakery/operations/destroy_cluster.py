"""Destroy: the whole cluster, or some of its nodes, drained through a server that is not removed."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from bakery.cloud.model import Droplet
from bakery.credentials.authority import ca_fingerprint
from bakery.credentials.model import Bundle
from bakery.credentials.store import find_bundle
from bakery.errors import BakeryError, CredentialsError
from bakery.launch.base.consul_lock import check_free, consul_finder
from bakery.launch.base.model import DestroyRequest, DrainPolicy, RemovalRequest, Targets
from bakery.launch.base.place import forget_place
from bakery.launch.base.session import Session
from bakery.launch.converge.preflight import check_trust
from bakery.launch.converge.ways_in import monthly_price
from bakery.launch.teardown.destroy import destroy, list_targets
from bakery.launch.teardown.destroy_some import ApproveSome, Removal, destroy_node, destroy_role
from bakery.operations.cluster import running_with
from bakery.operations.context import Context, open_session
from bakery.operations.credentials import load_credentials
from bakery.operations.droplets import list_droplets, snapshot_tag
from bakery.plan.build import build_plan


def preview_destroy(context: Context, *, snapshots: bool, confirmed: bool = False) -> Targets:
    """Return what a destroy of the whole cluster would remove. Change nothing.

    Raises:
        CredentialsError: as :func:`destroy_cluster`.
    """
    bundle = _readable_bundle(context)
    targets = list_targets(open_session(context), _request(context, snapshots=snapshots))
    _is_own(context, bundle, targets.droplets, confirmed=confirmed)
    return targets


def destroy_cluster(
    context: Context, approve: Callable[[Targets], bool], *, snapshots: bool, confirmed: bool = False
) -> Targets:
    """Remove every resource of the cluster, and forget in which cloud it was. Keep the credentials.

    ``snapshots`` removes the cluster's snapshots too. ``confirmed`` is whether ``--confirm`` named the cluster.

    Raises:
        CredentialsError: the credentials here have another CA than the droplets, and ``confirmed`` is False.
    """
    bundle = _readable_bundle(context)
    session = open_session(context, running_with(context, bundle) if bundle is not None else None)
    is_own = partial(_is_own, context, bundle, confirmed=confirmed)
    targets = destroy_if_free(session, _request(context, snapshots=snapshots), approve, is_own)
    forget_place(context.paths.place, context.place)
    return targets


def price_of_targets(context: Context, targets: Targets) -> float | None:
    """Return what the droplets and load balancers cost a month; None if the API does not say it.

    A destroy must not fail because the prices cannot be read.
    """
    try:
        prices = {size.slug: size.price_monthly for size in context.cloud.list_sizes()}
    except BakeryError:
        return None
    nodes = sum(balancer.size_unit for balancer in targets.balancers)
    return monthly_price((droplet.size for droplet in targets.droplets), prices, balancer_nodes=nodes)


def destroy_if_free(
    session: Session,
    request: DestroyRequest,
    approve: Callable[[Targets], bool],
    is_own: Callable[[tuple[Droplet, ...]], bool] = lambda droplets: True,  # noqa: ARG005 - the port's name
) -> Targets:
    """Destroy the cluster unless another operator's bakery changes it (:func:`destroy`).

    The lock in Consul is looked at before and after the question. It is not taken: it would end with Consul.
    Consul is not asked if ``is_own`` says that the droplets have other credentials; what it raises passes through.

    Raises:
        LockedError: another bakery holds the lock; nothing is destroyed.
    """

    def approve_if_free(targets: Targets) -> bool:
        asked = session if is_own(targets.droplets) else replace(session, running=None)
        consul = consul_finder(asked, request.plan, targets.droplets)()
        check_free(session, consul)
        approved = approve(targets)
        if approved:
            check_free(session, consul)
        return approved

    return destroy(session, request, approve_if_free)


def destroy_one(
    context: Context,
    node: str,
    approve: ApproveSome,
    *,
    drain: DrainPolicy,
    accept_quorum_loss: frozenset[str],
    confirmed: bool = False,
) -> tuple[Droplet, ...]:
    """Remove one node, by the name of its droplet or its slot (:func:`destroy_node`)."""
    request = _removal(context, drain=drain, accept_quorum_loss=accept_quorum_loss)
    session, listed = _open(context, confirmed=confirmed)
    return (destroy_node(session, request, node, _if_free(session, request, approve), listed=listed),)


def destroy_nodes_of(
    context: Context,
    role: str,
    approve: ApproveSome,
    *,
    drain: DrainPolicy,
    accept_quorum_loss: frozenset[str],
    confirmed: bool = False,
) -> tuple[Droplet, ...]:
    """Remove every node of a role (:func:`destroy_role`)."""
    request = _removal(context, drain=drain, accept_quorum_loss=accept_quorum_loss)
    session, listed = _open(context, confirmed=confirmed)
    return destroy_role(session, request, role, _if_free(session, request, approve), listed=listed)


def _if_free(session: Session, request: RemovalRequest, approve: ApproveSome) -> ApproveSome:
    """Return ``approve`` that first checks that no other operator's bakery changes the cluster."""

    def approve_if_free(removal: Removal) -> bool:
        check_free(session, consul_finder(session, request.plan, removal.members)())
        return approve(removal)

    return approve_if_free


def _request(context: Context, *, snapshots: bool) -> DestroyRequest:
    plan = build_plan(context.config)
    return DestroyRequest(plan=plan, snapshot_tag=snapshot_tag(context.config), snapshots=snapshots)


def _removal(context: Context, *, drain: DrainPolicy, accept_quorum_loss: frozenset[str]) -> RemovalRequest:
    return RemovalRequest(plan=build_plan(context.config), drain=drain, accept_quorum_loss=accept_quorum_loss)


def _open(context: Context, *, confirmed: bool) -> tuple[Session, tuple[Droplet, ...] | None]:
    """Return the session, and the cluster's droplets, if they were listed to compare their CA."""
    bundle = _readable_bundle(context)
    if bundle is None:
        return open_session(context), None
    droplets = list_droplets(context)
    own = _is_own(context, bundle, droplets, confirmed=confirmed)
    return open_session(context, running_with(context, bundle) if own else None), droplets


def _readable_bundle(context: Context) -> Bundle | None:
    """Return the credentials that are here; None if there are none, or they cannot be read.

    Unreadable credentials must not keep a client from being removed.
    """
    try:
        return load_credentials(context) if find_bundle(context.paths) is not None else None
    except CredentialsError as error:
        _warn_without(context, error)
        return None


def _is_own(context: Context, bundle: Bundle | None, droplets: tuple[Droplet, ...], *, confirmed: bool) -> bool:
    """Whether there are credentials, and they are those of the droplets.

    Raises:
        CredentialsError: they have another CA, and ``confirmed`` is False.
    """
    if bundle is None:
        return False
    cluster = context.config.cluster
    try:
        check_trust(droplets, cluster, ca_fingerprint(bundle))
    except CredentialsError as error:
        if not confirmed:
            where = "run it where the credentials of that cluster are"
            error.hint = f"{where}; if you mean that cluster: --confirm {cluster}"
            raise
        _warn_without(context, error)
        return False
    return True


def _warn_without(context: Context, error: CredentialsError) -> None:
    context.reporter.warn(f"Consul and Nomad cannot be asked: {error.message}")
