"""The running cluster: access to Consul and Nomad, and the public addresses of its servers."""

from collections.abc import Sequence
from dataclasses import dataclass

from bakery.cloud.model import Droplet
from bakery.credentials.model import Bundle
from bakery.credentials.store import find_bundle
from bakery.errors import AgentError, UsageError
from bakery.hints import Command, Hint
from bakery.launch.acl.policies import token_accessors
from bakery.launch.base.agentless import check_agents_exist
from bakery.launch.base.model import FindNotJoined, PreviewRequest
from bakery.launch.base.running import Running
from bakery.launch.converge.formed import DATA_LOST
from bakery.launch.converge.prepare import preview
from bakery.observe.leaders import ServerAddress, Servers, servers_with_leader
from bakery.observe.not_joined import find_not_joined
from bakery.operations.context import Context, open_session
from bakery.operations.credentials import check_own_droplets, connect_agents, load_credentials
from bakery.operations.droplets import list_droplets
from bakery.plan.build import build_plan
from bakery.plan.model import ClusterPlan
from bakery.plan.slots import as_running, slot_of


@dataclass(frozen=True, kw_only=True)
class ServerAddresses:
    """Public addresses of active servers, in the plan's order."""

    consul: tuple[str, ...]
    nomad: tuple[str, ...]


def not_joined_finder(context: Context, plan: ClusterPlan) -> FindNotJoined:
    """Return how a launch learns which nodes have not joined. Without credentials it learns of none."""

    def find(droplets: tuple[Droplet, ...]) -> frozenset[str]:
        bundle = find_bundle(context.paths)
        if bundle is None:
            return frozenset()
        return find_not_joined(as_running(plan, droplets), droplets, connect_agents(context, bundle))

    return find


def running_cluster(context: Context) -> Running | None:
    """Return access to Consul and Nomad; None if the cluster's credentials are not here."""
    if find_bundle(context.paths) is None:
        return None
    return running_with(context, load_credentials(context))


def running_with(context: Context, bundle: Bundle) -> Running:
    """Return access to Consul and Nomad with these credentials."""
    return Running(clients=connect_agents(context, bundle), tokens_of=lambda name: token_accessors(bundle, name))


def active_servers(context: Context, bundle: Bundle) -> Servers:
    """Return the active servers of both products; those that see a leader come first.

    Raises:
        CredentialsError: the credentials are not those of the droplets.
        UsageError: the cluster has no active Consul server, or its droplets do not boot.
    """
    plan, droplets = build_plan(context.config), list_droplets(context)
    check_own_droplets(bundle, droplets, plan.cluster)
    servers = servers_with_leader(as_running(plan, droplets), droplets, connect_agents(context, bundle))
    if not servers.consul:
        raise _no_consul_server(context, plan)
    if not any(server.answers for server in (*servers.consul, *servers.nomad)):
        check_agents_exist(context.cloud, plan.region)
    return servers


def need_answer(context: Context, product: str, servers: Sequence[ServerAddress]) -> ServerAddress:
    """Return the first of the product's ``servers``, which answers.

    Raises:
        UsageError: there is no active server.
        AgentError: no server answers; the details say which were asked.
    """
    cluster = context.config.cluster
    if not servers:
        message = f"cluster {cluster} has no active {product} server"
        raise UsageError(message=message, hint=Command("launch"))
    if not servers[0].answers:
        message = f"no {product} server of cluster {cluster} answers"
        asked = "\n".join(f"{server.name} at {server.address}" for server in servers)
        hint = Hint(Command("status"), " says more; if your address has changed: ", Command("access refresh"))
        raise AgentError(message=message, details=asked, hint=hint)
    return servers[0]


def server_addresses(context: Context, plan: ClusterPlan) -> ServerAddresses:
    """Return the addresses of the active servers.

    Raises:
        UsageError: the cluster has no active Consul server.
    """
    listed = list_droplets(context)
    droplets = {slot_of(droplet, plan.cluster): droplet for droplet in listed if droplet.status == "active"}

    def addresses(slots: tuple[str, ...]) -> tuple[str, ...]:
        found = (droplets[slot].public_ipv4 for slot in slots if slot in droplets)
        return tuple(address for address in found if address)

    consul = addresses(tuple(node.slot for node in plan.consul_servers))
    if not consul:
        raise _no_consul_server(context, plan)
    return ServerAddresses(consul=consul, nomad=addresses(tuple(node.slot for node in plan.nomad_servers)))


def _no_consul_server(context: Context, plan: ClusterPlan) -> UsageError:
    """Return the error. Where Consul's data is lost, it is the one of a launch, which would be refused."""
    request = PreviewRequest(plan=plan, image=None, ca_fingerprint=None, admin_cidrs=())
    found = preview(open_session(context), request).obstacles
    lost = next((obstacle for obstacle in found if obstacle.code == DATA_LOST), None)
    if lost is not None:
        return UsageError(message=lost.message, details=lost.details, hint=lost.hint)
    message = f"cluster {plan.cluster} has no active Consul server"
    return UsageError(message=message, hint=Command("launch"))
