"""From active droplets to a cluster: the ACLs of Consul and Nomad, then health."""

import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TypeVar

from bakery.cloud.model import Droplet
from bakery.credentials.issue import rendered_roles
from bakery.credentials.model import Bundle
from bakery.errors import BakeryError, NotHealthyError
from bakery.launch.acl.ensure import (
    AclOutcome,
    AclRequest,
    ensure_acls,
    ensure_consul_acls,
    ensure_nomad_acls,
)
from bakery.launch.base.stranded import Stranded
from bakery.launch.base.voters import keep_voters
from bakery.observe.health import wait_until_healthy
from bakery.operations.cluster import ServerAddresses, running_cluster, server_addresses
from bakery.operations.context import Context, open_session
from bakery.operations.credentials import check_own_droplets, connect_agents
from bakery.operations.droplets import list_droplets
from bakery.operations.introductions import end_all, end_if_reached, find_unused, with_unused
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.slots import as_running, slot_of

T = TypeVar("T")

LISTING_SECONDS = 20.0


def bootstrap_consul(
    context: Context, plan: ClusterPlan, bundle: Bundle, droplets: tuple[Droplet, ...], *, seconds: float
) -> None:
    """Bootstrap Consul's ACLs, once the Consul servers among ``droplets`` are active; other droplets need not be.

    ``seconds`` is the deadline of each wait for a leader.
    """
    named = _existing(plan, droplets)
    request = _acl_request(context, named, bundle, droplets, _servers(named, droplets))
    _ensure(context, ensure_consul_acls, request, seconds=seconds)


def bootstrap_nomad(
    context: Context, plan: ClusterPlan, bundle: Bundle, droplets: tuple[Droplet, ...], *, seconds: float
) -> None:
    """Bootstrap Nomad's ACLs, after Consul's, once the servers among ``droplets`` are active."""
    named = _existing(plan, droplets)
    servers = _servers(named, droplets)
    if servers.nomad:
        request = _acl_request(context, named, bundle, droplets, servers)
        _ensure(context, ensure_nomad_acls, request, seconds=seconds)


def write_acls(
    context: Context, named: ClusterPlan, bundle: Bundle, droplets: tuple[Droplet, ...], *, seconds: float
) -> None:
    """Bootstrap the ACLs, and write the tokens of the plan's nodes, which have the names of their ``droplets``."""
    request = _acl_request(context, named, bundle, droplets, _servers(named, droplets))
    _ensure(context, ensure_acls, request, seconds=seconds)


def bootstrap_by_hand(
    context: Context, plan: ClusterPlan, bundle: Bundle, servers: tuple[str, ...], *, seconds: float
) -> AclOutcome:
    """Bootstrap the ACLs of a cluster with nodes made by hand; ``servers`` are addresses, each of both products.

    Without ``servers`` ask the API for the cluster's servers.

    Raises:
        UsageError: no ``servers`` are given, and the cluster has no active Consul server.
        CredentialsError: no ``servers`` are given, and the credentials are not those of the droplets.
    """
    droplets: tuple[Droplet, ...] = ()
    if servers:
        addresses = ServerAddresses(consul=servers, nomad=servers if plan.nomad_expect else ())
    else:
        droplets = list_droplets(context)
        check_own_droplets(bundle, droplets, plan.cluster)
        addresses = server_addresses(context, plan)
    named = replace(plan, nodes=nodes_with_tokens(plan, droplets, rendered_roles(context.paths)))
    request = _acl_request(context, named, bundle, droplets, addresses)
    return _ensure(context, ensure_acls, request, seconds=seconds)


def wait_for_health(
    context: Context,
    plan: ClusterPlan,
    bundle: Bundle,
    droplets: tuple[Droplet, ...],
    *,
    seconds: float,
    confirms: bool = True,
) -> None:
    """Wait until the nodes of the launched ``droplets`` are healthy.

    ``confirms``: see :func:`bakery.observe.health.wait_until_healthy`.

    Raises:
        NotHealthyError: they are not, after ``seconds``.
    """
    existing, listing = _existing(plan, droplets), _Listing(context)
    try:
        wait_until_healthy(
            existing,
            listing,
            connect_agents(context, bundle),
            seconds=seconds,
            confirms=confirms,
            reporter=context.reporter,
            on_unhealthy=Stranded(open_session(context, running_cluster(context)), existing, listing).join,
        )
    except BakeryError as error:
        end_if_reached(context, existing, bundle, listing)
        if isinstance(error, NotHealthyError):
            raise with_unused(error, find_unused(context, existing, bundle, listing)) from None
        raise
    end_all(context, existing, bundle, listing)


class _Listing:
    """Lists the droplets, at most every ``LISTING_SECONDS``: the agents are asked more often than the API."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._listed: tuple[Droplet, ...] = ()
        self._until = 0.0

    def __call__(self) -> tuple[Droplet, ...]:
        if time.monotonic() >= self._until:
            self._listed = list_droplets(self._context)
            self._until = time.monotonic() + LISTING_SECONDS
        return self._listed


def keep_every_server(context: Context, plan: ClusterPlan, droplets: tuple[Droplet, ...]) -> None:
    """Let autopilot remove no dead server from Raft while no more servers vote than the launched ``droplets``.

    Raises:
        DeadlineError: no server takes the setting.
    """
    session = open_session(context, running_cluster(context))
    keep_voters(session, _existing(plan, droplets), droplets)


def _ensure(context: Context, ensure: Callable[..., T], request: AclRequest, *, seconds: float) -> T:
    clients = connect_agents(context, request.bundle)
    return ensure(request, clients, seconds=seconds, reporter=context.reporter)


def _acl_request(
    context: Context, plan: ClusterPlan, bundle: Bundle, droplets: tuple[Droplet, ...], servers: ServerAddresses
) -> AclRequest:
    return AclRequest(
        plan=plan,
        roles=context.config.roles,
        rendered=frozenset(rendered_roles(context.paths)),
        bundle=bundle,
        droplets=droplets,
        consul_servers=servers.consul,
        nomad_servers=servers.nomad,
    )


def _servers(named: ClusterPlan, droplets: tuple[Droplet, ...]) -> ServerAddresses:
    return ServerAddresses(
        consul=_public(droplets, named.consul_servers), nomad=_public(droplets, named.nomad_servers)
    )


def nodes_with_tokens(
    plan: ClusterPlan, droplets: tuple[Droplet, ...], rendered: Collection[str]
) -> tuple[Node, ...]:
    """Return the planned nodes that have a droplet, by its name, or whose own name is in ``rendered``.

    The latter are made by hand. No other gets tokens: the name may be that of a node that was replaced, because a
    copy of its user-data was stolen.
    """
    slots = {slot_of(droplet, plan.cluster) for droplet in droplets}
    named = as_running(plan, droplets)
    return tuple(node for node in named.nodes if node.slot in slots or node.name in rendered)


def _existing(plan: ClusterPlan, droplets: tuple[Droplet, ...]) -> ClusterPlan:
    """Return the plan with the nodes that exist, by their names: a launch of one role does not wait for others."""
    return replace(plan, nodes=nodes_with_tokens(plan, droplets, ()))


def _public(droplets: tuple[Droplet, ...], nodes: tuple[Node, ...]) -> tuple[str, ...]:
    addresses = {droplet.name: droplet.public_ipv4 for droplet in droplets}
    return tuple(address for node in nodes if (address := addresses.get(node.name)))
