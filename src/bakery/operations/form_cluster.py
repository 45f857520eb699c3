"""From active droplets to a cluster: the ACLs of Consul and Nomad, then health."""

from dataclasses import replace

from bakery.cloud.model import Droplet
from bakery.credentials.issue import rendered_roles
from bakery.credentials.model import Bundle
from bakery.launch.acl.ensure import AclOutcome, AclRequest, ensure_acls
from bakery.launch.base.voters import keep_voters
from bakery.observe.health import wait_until_healthy
from bakery.operations.cluster import ServerAddresses, running_cluster, server_addresses
from bakery.operations.context import Context, open_session
from bakery.operations.credentials import connect_agents
from bakery.operations.droplets import list_droplets
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.slots import as_running, slot_of


def bootstrap_acls(
    context: Context, plan: ClusterPlan, bundle: Bundle, droplets: tuple[Droplet, ...], *, seconds: float
) -> None:
    """Bootstrap the ACLs of the launched ``droplets``; ``seconds`` is the deadline of each wait for a leader."""
    write_acls(context, _existing(plan, droplets), bundle, droplets, seconds=seconds)


def write_acls(
    context: Context, named: ClusterPlan, bundle: Bundle, droplets: tuple[Droplet, ...], *, seconds: float
) -> None:
    """Bootstrap the ACLs, and write the tokens of the plan's nodes, which have the names of their ``droplets``."""
    addresses = ServerAddresses(
        consul=_public(droplets, named.consul_servers), nomad=_public(droplets, named.nomad_servers)
    )
    _ensure_acls(context, named, bundle, droplets, addresses, seconds=seconds)


def bootstrap_by_hand(
    context: Context, plan: ClusterPlan, bundle: Bundle, servers: tuple[str, ...], *, seconds: float
) -> AclOutcome:
    """Bootstrap the ACLs of a cluster with nodes made by hand; ``servers`` are addresses, each of both products.

    Without ``servers`` ask the API for the cluster's servers.

    Raises:
        UsageError: no ``servers`` are given, and the cluster has no active Consul server.
    """
    if servers:
        given = ServerAddresses(consul=servers, nomad=servers if plan.nomad_expect else ())
        return _ensure_acls(context, plan, bundle, (), given, seconds=seconds)
    addresses = server_addresses(context, plan)
    droplets = list_droplets(context)
    return _ensure_acls(context, as_running(plan, droplets), bundle, droplets, addresses, seconds=seconds)


def wait_for_health(
    context: Context, plan: ClusterPlan, bundle: Bundle, droplets: tuple[Droplet, ...], *, seconds: float
) -> None:
    """Wait until the nodes of the launched ``droplets`` are healthy.

    Raises:
        NotHealthyError: they are not, after ``seconds``.
    """
    wait_until_healthy(
        _existing(plan, droplets),
        lambda: list_droplets(context),
        connect_agents(context, bundle),
        seconds=seconds,
        reporter=context.reporter,
    )


def keep_every_server(context: Context, plan: ClusterPlan, droplets: tuple[Droplet, ...]) -> None:
    """Let autopilot remove no dead server from Raft while no more servers vote than the launched ``droplets``.

    Raises:
        DeadlineError: no server takes the setting.
    """
    session = open_session(context, running_cluster(context))
    keep_voters(session, _existing(plan, droplets), droplets)


def _ensure_acls(
    context: Context,
    plan: ClusterPlan,
    bundle: Bundle,
    droplets: tuple[Droplet, ...],
    servers: ServerAddresses,
    *,
    seconds: float,
) -> AclOutcome:
    request = AclRequest(
        plan=plan,
        roles=context.config.roles,
        rendered=frozenset(rendered_roles(context.paths)),
        bundle=bundle,
        droplets=droplets,
        consul_servers=servers.consul,
        nomad_servers=servers.nomad,
    )
    clients = connect_agents(context, bundle)
    return ensure_acls(request, clients, seconds=seconds, reporter=context.reporter)


def _existing(plan: ClusterPlan, droplets: tuple[Droplet, ...]) -> ClusterPlan:
    """Return the plan with the nodes that exist, by their names: a launch of one role does not wait for others."""
    slots = {slot_of(droplet, plan.cluster) for droplet in droplets}
    named = as_running(plan, droplets)
    return replace(named, nodes=tuple(node for node in named.nodes if node.slot in slots))


def _public(droplets: tuple[Droplet, ...], nodes: tuple[Node, ...]) -> tuple[str, ...]:
    addresses = {droplet.name: droplet.public_ipv4 for droplet in droplets}
    return tuple(address for node in nodes if (address := addresses.get(node.name)))
